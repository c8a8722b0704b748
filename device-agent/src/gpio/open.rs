//! Opens the configured lines on the configured backend, before the real-time thread is there.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tracing::info;

use super::sim::SimInput;
use super::{
    Board, Button, ButtonConfig, Chosen, Failures, Found, GpioBackend, GpioConfig, GpioError, Input, Level, Line,
    LineId, LineProblem, Lines, OutputRole, SimPins, SimState, Way, Wiring, choose,
};

/// Lines that are open.
pub(crate) struct OpenLines {
    /// For the real-time thread.
    pub(crate) lines: Box<dyn Lines + Send>,
    /// For the supervisor.
    pub(crate) button: Option<Button>,
    /// What they are on.
    pub(crate) in_use: InUse,
    /// The state behind them if they are simulated.
    pub(crate) sim: Option<Simulated>,
    /// Levels that could not be set, where that can be.
    pub(crate) failures: Option<Arc<Failures>>,
}

/// What the lines are on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "backend", rename_all = "lowercase")]
pub enum InUse {
    /// They are simulated.
    Sim,
    /// The registers of a Raspberry Pi.
    Rppal,
    /// A GPIO character device.
    Chardev {
        /// Its path and its label.
        chip: String,
    },
}

impl fmt::Display for InUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sim => f.write_str("simulated (sim)"),
            Self::Rppal => f.write_str("registers (rppal)"),
            Self::Chardev { chip } => write!(f, "character device (chardev) {chip}"),
        }
    }
}

/// Simulated lines, for those who look on or stand in for the outside world.
#[derive(Debug, Clone)]
pub(crate) struct Simulated {
    state: Arc<SimState>,
    wired: Vec<Line>,
    inputs: Vec<Line>,
}

impl Simulated {
    /// The lines that are wired and their levels.
    pub(crate) fn levels(&self) -> impl Iterator<Item = (Line, Level)> {
        self.wired.iter().map(|&line| (line, self.state.level(line)))
    }

    /// Drives an input from outside, as a sensor, a button or a wire would.
    ///
    /// # Errors
    /// [`NotAnInput`]: a line that is none, or that an output of the agent drives.
    pub(crate) fn drive(&self, line: Line, level: Level) -> Result<(), NotAnInput> {
        if !self.inputs.contains(&line) {
            return Err(NotAnInput { line, inputs: self.inputs.clone() });
        }
        self.state.drive(line, level);
        Ok(())
    }
}

/// A line that nobody may drive from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotAnInput {
    line: Line,
    inputs: Vec<Line>,
}

impl fmt::Display for NotAnInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inputs: Vec<String> = self.inputs.iter().map(Line::to_string).collect();
        let allowed = if inputs.is_empty() { "none, as no input is wired".to_owned() } else { inputs.join(", ") };
        write!(f, "line {} is not a simulated input; allowed: {allowed}", self.line)
    }
}

/// Opens the configured lines.
///
/// # Errors
/// [`GpioError`] if they cannot be used.
pub(crate) fn open_lines(gpio: &GpioConfig) -> Result<OpenLines, GpioError> {
    match gpio.backend {
        GpioBackend::Sim => open_simulated(gpio),
        GpioBackend::Rppal => open_registers(gpio),
        GpioBackend::Chardev => open_chardev(gpio),
        GpioBackend::Auto => {
            let Chosen { way, why_not_other } = choose(look(gpio))?;
            let (open, taken, other) = match way {
                Way::Registers => (open_registers(gpio)?, "rppal", "chardev"),
                Way::Chardev => (open_chardev(gpio)?, "chardev", "rppal"),
            };
            info!(taken, on = %open.in_use, other, why_not = why_not_other, "real GPIO lines found");
            Ok(open)
        }
    }
}

/// What there is for `auto`.
fn look(gpio: &GpioConfig) -> Found {
    Found {
        registers: match &gpio.chip {
            Some(chip) => Err(format!("gpio.chip = {} asks for a character device", chip.display())),
            None => on_header(&gpio.wiring, gpio.button.as_ref())
                .and_then(|_| look_at_registers())
                .map_err(|error| error.to_string()),
        },
        chardev: look_at_chips(gpio).map_err(|error| error.to_string()),
    }
}

/// The lines of the header that are meant.
fn on_header(
    wiring: &Wiring<LineId>,
    button: Option<&ButtonConfig>,
) -> Result<(Wiring<Line>, Option<Line>), GpioError> {
    let line = |key, id: &LineId| {
        let problem = || GpioError::Line { key, line: id.clone(), problem: LineProblem::NotOnHeader };
        id.on_header().ok_or_else(problem)
    };
    let button = button.map(|button| line(ButtonConfig::KEY, &button.line)).transpose()?;
    Ok((wiring.try_map(line)?, button))
}

fn with_button<I: Input + 'static>(input: Option<I>, gpio: &GpioConfig) -> Option<Button> {
    input.zip(gpio.button.as_ref()).map(|(input, config)| Button::new(Box::new(input), config))
}

fn open_simulated(gpio: &GpioConfig) -> Result<OpenLines, GpioError> {
    let (wiring, button) = on_header(&gpio.wiring, gpio.button.as_ref())?;
    let (pins, state) = SimPins::open(&wiring);
    let released = gpio.button.as_ref().map(|button| button.pressed.inverse());
    let input = button.zip(released).map(|(line, released)| SimInput::open(&state, line, released));
    let outputs: Vec<Line> = OutputRole::ALL.into_iter().filter_map(|role| wiring.output(role)).copied().collect();
    let inputs: Vec<Line> = wiring.input.into_iter().chain(button).filter(|line| !outputs.contains(line)).collect();
    let wired = outputs.into_iter().chain(inputs.iter().copied()).collect();
    Ok(OpenLines {
        lines: Box::new(Board::new(pins, &wiring)),
        button: with_button(input, gpio),
        in_use: InUse::Sim,
        sim: Some(Simulated { state, wired, inputs }),
        failures: None,
    })
}

#[cfg(feature = "rppal")]
fn look_at_registers() -> Result<(), GpioError> {
    super::raspberry::look()
}

#[cfg(not(feature = "rppal"))]
fn look_at_registers() -> Result<(), GpioError> {
    Err(GpioError::NotBuilt { backend: "rppal" })
}

#[cfg(feature = "rppal")]
fn open_registers(gpio: &GpioConfig) -> Result<OpenLines, GpioError> {
    use super::raspberry::{RaspberryPins, open_input};

    let (wiring, button) = on_header(&gpio.wiring, gpio.button.as_ref())?;
    look_at_registers()?;
    #[cfg(feature = "chardev")]
    super::chardev::refuse_taken(&super::chardev::Cdev, &wiring, button)?;
    let released = gpio.button.as_ref().map(|button| button.pressed.inverse());
    let input = button.zip(released).map(|(line, released)| open_input(ButtonConfig::KEY, line, released));
    let input = input.transpose()?;
    Ok(OpenLines {
        lines: Box::new(Board::new(RaspberryPins::open(&wiring)?, &wiring)),
        button: with_button(input, gpio),
        in_use: InUse::Rppal,
        sim: None,
        failures: None,
    })
}

#[cfg(not(feature = "rppal"))]
fn open_registers(_: &GpioConfig) -> Result<OpenLines, GpioError> {
    Err(GpioError::NotBuilt { backend: "rppal" })
}

#[cfg(feature = "chardev")]
fn look_at_chips(gpio: &GpioConfig) -> Result<(), GpioError> {
    super::chardev::look(&super::chardev::Cdev, gpio.chip.as_deref()).map(drop)
}

#[cfg(not(feature = "chardev"))]
fn look_at_chips(_: &GpioConfig) -> Result<(), GpioError> {
    Err(GpioError::NotBuilt { backend: "chardev" })
}

#[cfg(feature = "chardev")]
fn open_chardev(gpio: &GpioConfig) -> Result<OpenLines, GpioError> {
    use super::chardev::{self, Cdev, Opened};

    let Opened { pins, button, chip, failures } =
        chardev::open(&Cdev, gpio.chip.as_deref(), &gpio.wiring, gpio.button.as_ref())?;
    Ok(OpenLines {
        lines: Box::new(Board::new(pins, &gpio.wiring)),
        button: with_button(button, gpio),
        in_use: InUse::Chardev { chip: chip.to_string() },
        sim: None,
        failures: Some(failures),
    })
}

#[cfg(not(feature = "chardev"))]
fn open_chardev(_: &GpioConfig) -> Result<OpenLines, GpioError> {
    Err(GpioError::NotBuilt { backend: "chardev" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::MonoTime;

    fn config(button: Option<&str>) -> GpioConfig {
        let id = |text: &str| Some(text.parse().unwrap());
        GpioConfig {
            backend: GpioBackend::Sim,
            chip: None,
            wiring: Wiring {
                normal: id("GPIO17"),
                degraded: None,
                heartbeat: None,
                output: id("23"),
                input: id("24"),
                active: Level::High,
                safe: Level::Low,
            },
            button: button.map(|line| ButtonConfig { line: line.parse().unwrap(), pressed: Level::Low, stable_ns: 0 }),
            sim_state_file: None,
        }
    }

    fn line(number: u8) -> Line {
        Line::try_from(number).unwrap()
    }

    #[test]
    fn a_simulated_button_is_up_until_it_is_pressed() {
        let open = open_lines(&config(Some("5"))).ok().unwrap();
        let (mut button, sim) = (open.button.unwrap(), open.sim.unwrap());
        let levels: Vec<_> = sim.levels().map(|(line, level)| (u8::from(line), level)).collect();
        assert_eq!(levels, [(17, Level::Low), (23, Level::Low), (24, Level::Low), (5, Level::High)]);
        assert_eq!(button.look(MonoTime::from_nanos(1)), Ok(None));
        sim.drive(line(5), Level::Low).unwrap();
        assert!(button.look(MonoTime::from_nanos(2)).unwrap().is_some());
    }

    #[test]
    fn outputs_are_not_driven_from_outside() {
        let sim = open_lines(&config(None)).ok().unwrap().sim.unwrap();
        sim.drive(line(24), Level::High).unwrap();
        for wrong in [17, 5] {
            let refusal = sim.drive(line(wrong), Level::High).unwrap_err().to_string();
            assert!(refusal.contains(&format!("line {wrong} ")) && refusal.contains("allowed: 24"), "{refusal}");
        }
    }

    #[test]
    fn registers_are_not_taken_for_lines_that_they_do_not_have_nor_for_a_named_chip() {
        let mut gpio = config(None);
        gpio.wiring.normal = Some("FAN".parse().unwrap());
        let why = look(&gpio).registers.unwrap_err();
        assert!(why.contains("gpio.normal_line = \"FAN\"") && why.contains("0 to 27"), "{why}");
        gpio.chip = Some("/dev/gpiochip3".into());
        let why = look(&gpio).registers.unwrap_err();
        assert!(why.contains("gpio.chip = /dev/gpiochip3"), "{why}");
    }
}
