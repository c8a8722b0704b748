//! Names of releases, and of updates.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest name.
const LONGEST: usize = 64;

/// Name of a release on a device: letters, digits, `.`, `_` and `-`, beginning with a letter, a digit or `_`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReleaseName(String);

/// A text that is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no name of a release; allowed: 1 to 64 letters, digits, . _ and -, not beginning with . or -")]
pub struct BadName(String);

impl ReleaseName {
    pub(crate) fn from_hash(digits: &str) -> Self {
        Self(digits.to_owned())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ReleaseName {
    type Error = BadName;

    fn try_from(text: String) -> Result<Self, BadName> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let allowed = (1..=LONGEST).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with(['.', '-']);
        if allowed { Ok(Self(text)) } else { Err(BadName(text)) }
    }
}

impl From<ReleaseName> for String {
    fn from(name: ReleaseName) -> Self {
        name.0
    }
}

impl fmt::Display for ReleaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Tells one update from every other: the guard on the device goes by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark(String);

impl Mark {
    /// A new one.
    #[must_use]
    pub fn new() -> Self {
        Self(format!("{:016x}", fastrand::u64(..)))
    }

    /// One that a device told.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (plain && (1..=LONGEST).contains(&text.len())).then(|| Self(text.to_owned()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Mark {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_taken() {
        for good in ["0123456789abcdef", "v1.2.3", "_x"] {
            assert!(ReleaseName::try_from(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["", ".part", "-rf", "a b", "a/b", "$(id)", "a\nb", &"x".repeat(65)] {
            assert!(ReleaseName::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
