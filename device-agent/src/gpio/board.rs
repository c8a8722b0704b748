//! Roles of the lines, and the levels that modes mean.

use shared_proto::mode::Mode;

use super::{Level, Line, Lines, Pins};

/// Outputs by role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputRole {
    /// Active in NORMAL.
    Normal,
    /// Active in DEGRADED.
    Degraded,
    /// Toggled by every job.
    Heartbeat,
    /// Driven by the workload.
    Workload,
}

impl OutputRole {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Normal, Self::Degraded, Self::Heartbeat, Self::Workload];

    /// The configuration key of its line.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Normal => "gpio.normal_line",
            Self::Degraded => "gpio.degraded_line",
            Self::Heartbeat => "gpio.heartbeat_line",
            Self::Workload => "gpio.output_line",
        }
    }
}

/// Inputs by role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputRole {
    /// Read by the workload.
    Workload,
}

impl InputRole {
    /// The configuration key of its line.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Workload => "gpio.input_line",
        }
    }
}

/// Which line has which role, and which levels mean what. `L` names a line: on the header, by configuration, on a chip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wiring<L = Line> {
    /// Active in NORMAL.
    pub normal: Option<L>,
    /// Active in DEGRADED.
    pub degraded: Option<L>,
    /// Toggled by every job: half its frequency is the task's, its edges are the jobs' starts.
    pub heartbeat: Option<L>,
    /// Driven by the workload.
    pub output: Option<L>,
    /// Read by the workload.
    pub input: Option<L>,
    /// Level of a mode line while its mode is in effect.
    pub active: Level,
    /// Level of every output until the task starts and after it has ended.
    pub safe: Level,
}

impl<L> Wiring<L> {
    /// The line of an output role, if it is wired.
    #[must_use]
    pub fn output(&self, role: OutputRole) -> Option<&L> {
        match role {
            OutputRole::Normal => self.normal.as_ref(),
            OutputRole::Degraded => self.degraded.as_ref(),
            OutputRole::Heartbeat => self.heartbeat.as_ref(),
            OutputRole::Workload => self.output.as_ref(),
        }
    }

    /// The line of an input role, if it is wired.
    #[must_use]
    pub fn input(&self, role: InputRole) -> Option<&L> {
        match role {
            InputRole::Workload => self.input.as_ref(),
        }
    }

    /// The same wiring with other names for its lines. `name` is given the configuration key of each.
    ///
    /// # Errors
    /// The first of `name`.
    pub fn try_map<M, E>(&self, mut name: impl FnMut(&'static str, &L) -> Result<M, E>) -> Result<Wiring<M>, E> {
        let mut output = |role: OutputRole| self.output(role).map(|line| name(role.key(), line)).transpose();
        Ok(Wiring {
            normal: output(OutputRole::Normal)?,
            degraded: output(OutputRole::Degraded)?,
            heartbeat: output(OutputRole::Heartbeat)?,
            output: output(OutputRole::Workload)?,
            input: self.input.as_ref().map(|line| name(InputRole::Workload.key(), line)).transpose()?,
            active: self.active,
            safe: self.safe,
        })
    }
}

/// Lines by role on some backend.
pub struct Board<P> {
    pins: P,
    active: Level,
    safe: Level,
    beat: Level,
}

impl<P: Pins> Board<P> {
    /// Takes over the pins, which the backend has opened at their safe levels.
    pub fn new<L>(pins: P, wiring: &Wiring<L>) -> Self {
        Self { pins, active: wiring.active, safe: wiring.safe, beat: wiring.safe }
    }
}

impl<P: Pins> Lines for Board<P> {
    fn set_mode(&mut self, mode: Mode) {
        // The line of the mode that ends first: never are both active.
        let (leaving, entering) = match mode {
            Mode::Normal => (OutputRole::Degraded, OutputRole::Normal),
            Mode::Degraded => (OutputRole::Normal, OutputRole::Degraded),
        };
        self.pins.write(leaving, self.active.inverse());
        self.pins.write(entering, self.active);
    }

    fn heartbeat(&mut self) {
        self.beat = self.beat.inverse();
        self.pins.write(OutputRole::Heartbeat, self.beat);
    }

    fn input(&mut self) -> Level {
        self.pins.read(InputRole::Workload)
    }

    fn output(&mut self, level: Level) {
        self.pins.write(OutputRole::Workload, level);
    }

    fn make_safe(&mut self) {
        for role in OutputRole::ALL {
            self.pins.write(role, self.safe);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::SimPins;
    use super::*;

    fn line(number: u8) -> Line {
        Line::try_from(number).unwrap()
    }

    fn wiring() -> Wiring {
        Wiring {
            normal: Some(line(17)),
            degraded: Some(line(27)),
            heartbeat: Some(line(22)),
            output: Some(line(23)),
            input: Some(line(24)),
            active: Level::High,
            safe: Level::Low,
        }
    }

    #[test]
    fn a_mode_is_shown_on_its_line_alone() {
        let (pins, state) = SimPins::open(&wiring());
        let mut board = Board::new(pins, &wiring());
        assert_eq!((state.level(line(17)), state.level(line(27))), (Level::Low, Level::Low));
        board.set_mode(Mode::Normal);
        assert_eq!((state.level(line(17)), state.level(line(27))), (Level::High, Level::Low));
        board.set_mode(Mode::Degraded);
        assert_eq!((state.level(line(17)), state.level(line(27))), (Level::Low, Level::High));
    }

    #[test]
    fn active_low_lines_are_inverted_and_safe_is_what_is_asked() {
        let wiring = Wiring { active: Level::Low, safe: Level::High, ..wiring() };
        let (pins, state) = SimPins::open(&wiring);
        let mut board = Board::new(pins, &wiring);
        board.set_mode(Mode::Normal);
        assert_eq!((state.level(line(17)), state.level(line(27))), (Level::Low, Level::High));
        board.make_safe();
        assert!([17, 27, 22, 23].map(line).into_iter().all(|line| state.level(line) == Level::High));
    }

    #[test]
    fn the_heartbeat_toggles_and_the_output_follows() {
        let (pins, state) = SimPins::open(&wiring());
        let mut board = Board::new(pins, &wiring());
        board.heartbeat();
        assert_eq!(state.level(line(22)), Level::High);
        board.heartbeat();
        assert_eq!(state.level(line(22)), Level::Low);
        state.drive(line(24), Level::High);
        let level = board.input();
        board.output(level);
        assert_eq!(state.level(line(23)), Level::High);
    }

    #[test]
    fn roles_without_a_line_do_nothing() {
        let bare = Wiring { normal: None, degraded: None, heartbeat: None, output: None, input: None, ..wiring() };
        let (pins, state) = SimPins::open(&bare);
        let mut board = Board::new(pins, &bare);
        board.set_mode(Mode::Degraded);
        board.heartbeat();
        board.output(Level::High);
        assert_eq!(board.input(), Level::Low);
        assert!((0..28).map(line).all(|line| state.level(line) == Level::Low));
    }
}
