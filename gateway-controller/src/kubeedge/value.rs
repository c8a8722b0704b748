//! What a twin may say.

use std::fmt::{self, Display};

/// Longest value in bytes.
pub const MAX_VALUE: usize = 512;

/// A value that EdgeCore takes: up to 512 of `a-z A-Z 0-9 - _ . , : / @ #`. One with anything else has the whole report refused.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TwinValue(String);

impl TwinValue {
    /// The value as text; what is not allowed becomes `_`, what is too long is cut.
    #[must_use]
    pub fn of(value: impl Display) -> Self {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.,:/@#".contains(c);
        let text = value.to_string();
        Self(text.chars().take(MAX_VALUE).map(|c| if allowed(c) { c } else { '_' }).collect())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TwinValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Both values of a property. EdgeCore ends when a report lacks one, so a twin without both cannot be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twin {
    /// What is desired, as this side has it; empty if nothing is.
    pub observed_desired: TwinValue,
    /// What the device has.
    pub reported: TwinValue,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_edgecore_takes_is_left() {
        assert_eq!(TwinValue::of("aZ09-_.,:/@#").as_str(), "aZ09-_.,:/@#");
        assert_eq!(TwinValue::of("very fast {\"é\"}").as_str(), "very_fast_____}".replace('}', "_"));
        assert_eq!(TwinValue::of("é".repeat(600)).as_str(), "_".repeat(512));
        assert_eq!(TwinValue::of("").as_str(), "");
    }
}
