//! What the loop does in each job.

use shared_proto::mode::Mode;

use super::{ModeWord, Wanted};
use crate::gpio::Lines;

/// What a job does. All of it runs in the real-time thread: no lock, no allocation, no log, no waiting.
///
/// ```
/// use device_agent::gpio::{Board, Level, Line, SimPins, Wiring};
/// use device_agent::rt::ModeWord;
/// use device_agent::workload::{Job, Mode, Ran, Workload};
///
/// /// Drives the output to the opposite of the input; in DEGRADED it lets go.
/// #[derive(Default)]
/// struct Invert(Mode);
///
/// impl Workload for Invert {
///     fn name(&self) -> &'static str {
///         "invert"
///     }
///
///     fn set_mode(&mut self, mode: Mode) {
///         self.0 = mode;
///     }
///
///     fn run(&mut self, job: &mut Job<'_>) -> Ran {
///         let level = match self.0 {
///             Mode::Normal => job.lines.input().inverse(),
///             Mode::Degraded => Level::Low,
///         };
///         job.lines.output(level);
///         Ran::Whole
///     }
/// }
///
/// // One job of it, on simulated lines: the input reads low.
/// let output = Line::try_from(23)?;
/// let wiring = Wiring {
///     normal: None,
///     degraded: None,
///     heartbeat: None,
///     output: Some(output),
///     input: Some(Line::try_from(24)?),
///     active: Level::High,
///     safe: Level::Low,
/// };
/// let (pins, state) = SimPins::open(&wiring);
/// let mut lines = Board::new(pins, &wiring);
/// Invert::default().run(&mut Job::new(&mut lines, &ModeWord::default()));
/// assert_eq!(state.level(output), Level::High);
/// # Ok::<(), device_agent::gpio::NoSuchLine>(())
/// ```
pub trait Workload {
    /// Name in the configuration and in reports.
    fn name(&self) -> &'static str;

    /// Called once in the real-time thread, before the first release: the place for slow preparations.
    fn prepare(&mut self) {}

    /// The mode changes; called between two jobs, after the mode lines were switched.
    fn set_mode(&mut self, mode: Mode);

    /// One job. If it can take longer than some milliseconds, it looks at [`Job::is_cancelled`] now and then.
    fn run(&mut self, job: &mut Job<'_>) -> Ran;
}

/// What a job may use.
pub struct Job<'a> {
    /// The lines.
    pub lines: &'a mut dyn Lines,
    word: &'a ModeWord,
}

/// Whether a job was run to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ran {
    /// It was.
    Whole,
    /// It was cut short by a stop; it does not count.
    CutShort,
}

impl<'a> Job<'a> {
    /// A job that is cancelled when `word` says stop.
    pub fn new(lines: &'a mut dyn Lines, word: &'a ModeWord) -> Self {
        Self { lines, word }
    }

    /// Whether the thread is to finish: the program ends, and the lines wait for their safe levels.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.word.read() == Wanted::Stop
    }
}
