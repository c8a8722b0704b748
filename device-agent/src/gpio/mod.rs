//! GPIO: lines by role, levels, and the backends that drive them.

mod board;
#[cfg(feature = "rppal")]
mod raspberry;
mod sim;

use std::fmt;

use serde::{Deserialize, Serialize};
use shared_proto::mode::Mode;

pub use board::{Board, InputRole, OutputRole, Wiring};
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

/// A line by its BCM number, 0 to 27: the lines of the 40-pin header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Line(u8);

/// A line that is not on the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {0}: allowed are 0 to 27 (BCM numbers)")]
pub struct NoSuchLine(u8);

impl TryFrom<u8> for Line {
    type Error = NoSuchLine;

    fn try_from(number: u8) -> Result<Self, NoSuchLine> {
        if number <= 27 { Ok(Self(number)) } else { Err(NoSuchLine(number)) }
    }
}

impl From<Line> for u8 {
    fn from(line: Line) -> Self {
        line.0
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
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

/// A backend: drives outputs and reads inputs that it has opened before. Nothing here may wait or allocate.
pub trait Pins: Send {
    /// Drives an output.
    fn write(&mut self, role: OutputRole, level: Level);
    /// Reads an input; low if there is none.
    fn read(&mut self, role: InputRole) -> Level;
}

/// GPIO cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GpioError {
    /// The backend is not compiled in.
    #[error("gpio.backend = \"rppal\": this build has no Raspberry Pi GPIO (cargo feature `rppal`)")]
    NotBuilt,
    /// The hardware cannot be used.
    #[error("gpio.backend = \"rppal\": {what}: {why}")]
    Hardware {
        /// What was tried.
        what: String,
        /// What the library says.
        why: String,
    },
}
