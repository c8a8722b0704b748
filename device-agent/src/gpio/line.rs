//! How lines are named: by number, or by the name that the chip gives.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use shared_host::config::quote;

/// A line by its BCM number, 0 to 27: the lines of the 40-pin header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Line(u8);

/// A line that is not on the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {0}: allowed are 0 to 27 (BCM numbers)")]
pub struct NoSuchLine(u8);

impl Line {
    const LAST: u8 = 27;
}

impl TryFrom<u8> for Line {
    type Error = NoSuchLine;

    fn try_from(number: u8) -> Result<Self, NoSuchLine> {
        if number <= Self::LAST { Ok(Self(number)) } else { Err(NoSuchLine(number)) }
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

/// A line as a configuration names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LineId {
    /// Its number on the chip, from 0; on a Raspberry Pi the BCM number.
    Number(u16),
    /// The name that the chip gives it, such as `GPIO17`.
    Name(LineName),
}

/// Name of a line: 1 to 31 bytes, as long as the kernel's, without control characters, and not a number.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LineName(String);

/// Neither the number nor the name of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a line is a number from 0 to 65535 or a name of 1 to 31 bytes")]
pub struct NotALine;

impl LineId {
    /// The line of a Raspberry Pi's header that is meant, if it is one: 17 and `GPIO17` are the same there.
    #[must_use]
    pub fn on_header(&self) -> Option<Line> {
        let number = match self {
            Self::Number(number) => u8::try_from(*number).ok()?,
            Self::Name(LineName(name)) => {
                let digits = name.strip_prefix("GPIO")?;
                // One spelling of each: neither GPIO017 nor GPIO+17.
                digits.parse::<u8>().ok().filter(|number| number.to_string() == digits)?
            }
        };
        Line::try_from(number).ok()
    }

    /// Whether both are the same line, or would be on a Raspberry Pi.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        self == other || self.on_header().is_some_and(|line| other.on_header() == Some(line))
    }
}

impl LineName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Line> for LineId {
    fn from(line: Line) -> Self {
        Self::Number(line.0.into())
    }
}

impl FromStr for LineId {
    type Err = NotALine;

    fn from_str(text: &str) -> Result<Self, NotALine> {
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().map(Self::Number).map_err(|_| NotALine);
        }
        let is_name = (1..=31).contains(&text.len()) && !text.chars().any(char::is_control);
        if is_name { Ok(Self::Name(LineName(text.to_owned()))) } else { Err(NotALine) }
    }
}

impl fmt::Display for LineId {
    /// As a configuration file has it: a number, or a name in quotes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(LineName(name)) => f.write_str(&quote(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> LineId {
        text.parse().unwrap()
    }

    #[test]
    fn digits_are_a_number() {
        assert_eq!(id("17"), LineId::Number(17));
        assert_eq!((id("17").to_string(), id("FAN").to_string()), ("17".to_owned(), "\"FAN\"".to_owned()));
    }

    #[test]
    fn what_is_neither_is_refused() {
        for wrong in ["", "65536", "a\nb", &"x".repeat(32)] {
            assert_eq!(wrong.parse::<LineId>(), Err(NotALine), "{wrong:?}");
        }
    }

    #[test]
    fn the_header_is_meant_by_number_and_by_name() {
        for (text, line) in [("0", Some(0)), ("27", Some(27)), ("GPIO17", Some(17)), ("28", None), ("GPIO28", None)] {
            assert_eq!(id(text).on_header().map(u8::from), line, "{text}");
        }
        for other in ["GPIO017", "GPIO+1", "GPIO", "gpio17", "FAN"] {
            assert_eq!(id(other).on_header(), None, "{other}");
        }
        assert!(id("17").is_same_as(&id("GPIO17")) && id("FAN").is_same_as(&id("FAN")));
        assert!(!id("17").is_same_as(&id("GPIO18")) && !id("FAN").is_same_as(&id("LED")));
    }
}
