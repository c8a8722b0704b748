//! GPIO: lines by role, levels, and the backends that drive them.

mod board;
mod button;
#[cfg(feature = "chardev")]
mod chardev;
mod choose;
mod config;
mod debounce;
mod error;
mod line;
mod open;
#[cfg(feature = "rppal")]
mod raspberry;
mod sim;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use shared_proto::mode::Mode;

pub use board::{Board, InputRole, OutputRole, Wiring};
pub use button::{Button, ButtonConfig, Unreadable};
pub use choose::{Chosen, Found, Way, choose};
pub use config::{GpioBackend, GpioConfig};
pub use debounce::{Debouncer, Pressed};
pub use error::{ChipProblem, GpioError, LineProblem};
pub use line::{Line, LineId, LineName, NoSuchLine, NotALine};
pub use open::InUse;
pub(crate) use open::{OpenLines, Simulated, open_lines};
#[cfg(feature = "rppal")]
pub use raspberry::RaspberryPins;
pub use sim::{SimPins, SimState};

/// Level of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// About 0 V.
    Low,
    /// About 3.3 V.
    High,
}

impl Level {
    /// The other level.
    #[must_use]
    pub fn inverse(self) -> Self {
        match self {
            Self::Low => Self::High,
            Self::High => Self::Low,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Low => "low",
            Self::High => "high",
        })
    }
}

/// The lines as the real-time thread uses them: by role. Roles that are not wired do nothing.
pub trait Lines {
    /// Shows a mode on the mode lines.
    fn set_mode(&mut self, mode: Mode);
    /// Toggles the heartbeat line.
    fn heartbeat(&mut self);
    /// Level of the workload's input line; low if there is none.
    fn input(&mut self) -> Level;
    /// Drives the workload's output line.
    fn output(&mut self, level: Level);
    /// Drives every output to its safe level.
    fn make_safe(&mut self);
}

/// No lines at all.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoLines;

impl Lines for NoLines {
    fn set_mode(&mut self, _: Mode) {}

    fn heartbeat(&mut self) {}

    fn input(&mut self) -> Level {
        Level::Low
    }

    fn output(&mut self, _: Level) {}

    fn make_safe(&mut self) {}
}

/// A backend: drives outputs and reads inputs that it has opened before. Nothing here may allocate, nor wait for anybody else;
/// a system call, where a backend needs one, is bounded.
pub trait Pins: Send {
    /// Drives an output.
    fn write(&mut self, role: OutputRole, level: Level);
    /// Reads an input; low if there is none.
    fn read(&mut self, role: InputRole) -> Level;
}

/// An input that the supervisor reads, apart from those of the real-time thread.
pub trait Input: Send {
    /// Its level; `None` if it cannot be read.
    fn level(&mut self) -> Option<Level>;
}

/// Levels that could not be set or read, counted by the real-time thread and told by the supervisor.
#[derive(Debug, Default)]
pub struct Failures(AtomicU64);

impl Failures {
    /// One more. No lock: the real-time thread calls it.
    pub fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Those since the start.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
