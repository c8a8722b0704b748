//! What is needed of the kernel's GPIO, so that tests can stand in for it.

use std::fmt;
use std::path::{Path, PathBuf};

use super::super::{Input, Level};

/// A GPIO chip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chip {
    /// Its device.
    pub(crate) path: PathBuf,
    /// What it calls itself.
    pub(crate) label: String,
    /// How many lines it has.
    pub(crate) lines: u32,
}

impl Chip {
    /// Whether it has the lines of a Raspberry Pi's header, by their BCM numbers.
    pub(crate) fn has_header(&self) -> bool {
        self.label.starts_with("pinctrl-bcm") || self.label.starts_with("pinctrl-rp1")
    }
}

impl fmt::Display for Chip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.path.display(), self.label)
    }
}

/// A line of a chip.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct LineInfo {
    /// Its number on the chip.
    pub(crate) offset: u32,
    /// Its name, if it has one.
    pub(crate) name: String,
    /// Who has it: a program or a driver by name, or the kernel without; `None` if it is free.
    pub(crate) consumer: Option<String>,
}

/// The kernel's GPIO. Errors are the system's words.
pub(crate) trait Kernel {
    /// A requested output.
    type Output: Output + 'static;
    /// A requested input.
    type Input: Input + 'static;

    /// The devices of all chips.
    fn chips(&self) -> Result<Vec<PathBuf>, String>;
    /// One chip.
    fn chip(&self, path: &Path) -> Result<Chip, String>;
    /// All lines of a chip.
    fn lines(&self, chip: &Chip) -> Result<Vec<LineInfo>, String>;
    /// Takes a line as an output that has this level from the first moment.
    fn output(&self, chip: &Chip, offset: u32, level: Level) -> Result<Self::Output, String>;
    /// Takes a line as an input, with a pull resistor to `pulled` if there is a level to pull to.
    fn input(&self, chip: &Chip, offset: u32, pulled: Option<Level>) -> Result<Self::Input, String>;
}

/// A requested output. The real-time thread sets it: nothing here may allocate or lock.
pub(crate) trait Output: Send {
    /// Sets its level.
    fn set(&mut self, level: Level) -> Result<(), NotSet>;
}

/// The kernel did not take a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotSet;
