//! Why GPIO cannot be used: each error names the key, what it says and what is allowed.

use std::path::PathBuf;

use super::LineId;

/// GPIO cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum GpioError {
    /// The backend is not compiled in.
    #[error("gpio.backend = \"{backend}\": this build has no such GPIO (cargo feature `{backend}`)")]
    NotBuilt {
        /// Name of the backend, and of the feature.
        backend: &'static str,
    },
    /// The registers cannot be used.
    #[error("gpio.backend = \"rppal\": cannot reach the GPIO registers: {why}")]
    Registers {
        /// What the library says.
        why: String,
    },
    /// Neither of the ways to real lines is open.
    #[error(
        "gpio.backend = \"auto\": no GPIO here, neither by registers ({registers}) nor by a character device ({chardev}); \
         without any, allowed is \"sim\""
    )]
    Neither {
        /// Why not by registers.
        registers: String,
        /// Why not by a character device.
        chardev: String,
    },
    /// No chip can be taken.
    #[error("gpio.chip: {0}")]
    Chip(#[from] ChipProblem),
    /// A line cannot be used.
    #[error("{key} = {line}: {problem}")]
    Line {
        /// The configuration key.
        key: &'static str,
        /// What it says.
        line: LineId,
        /// What is wrong, and what is allowed.
        problem: LineProblem,
    },
}

/// Why no chip can be taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChipProblem {
    /// The machine has none.
    #[error("this machine has no GPIO character device (/dev/gpiochip*)")]
    None,
    /// One cannot be opened.
    #[error("cannot use {}: {why}; allowed is a GPIO character device that this user may open (group gpio)", path.display())]
    Closed {
        /// The device.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// Several, and none of them is a Raspberry Pi's header.
    #[error("which one? allowed are {chips}")]
    Ambiguous {
        /// The chips with their labels.
        chips: String,
    },
}

/// Why a line cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineProblem {
    /// The registers know the header only.
    #[error("the registers (rppal) have the header's lines: allowed are 0 to 27, or \"GPIO0\" to \"GPIO27\"")]
    NotOnHeader,
    /// The chip has no such line.
    #[error("{chip} has no such line; allowed are {allowed}")]
    Missing {
        /// The chip.
        chip: String,
        /// Its lines.
        allowed: String,
    },
    /// Several lines of the chip have this name.
    #[error("{chip} has several lines of this name; allowed are their numbers: {numbers}")]
    Ambiguous {
        /// The chip.
        chip: String,
        /// The lines.
        numbers: String,
    },
    /// Another key names it too.
    #[error("it is the line of {other}; allowed is one that no other key names")]
    Twice {
        /// The other key.
        other: &'static str,
    },
    /// A program or a driver has it.
    #[error("{consumer} has it; allowed is a line that is free (gpioinfo shows which)")]
    Busy {
        /// Who has it.
        consumer: String,
    },
    /// It cannot be taken.
    #[error("it cannot be taken: {why}; allowed is a line that is free and may be used in this direction")]
    Refused {
        /// What the library or the kernel says.
        why: String,
    },
}
