//! How long and how often.

use std::time::Duration;

/// How long and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Some minutes, for a test.
    Short,
    /// As long as it takes to say something.
    Full,
}

impl Scale {
    pub(super) fn pick<T>(self, short: T, full: T) -> T {
        match self {
            Self::Short => short,
            Self::Full => full,
        }
    }

    pub(super) fn seconds(self, short: u64, full: u64) -> Duration {
        Duration::from_secs(self.pick(short, full))
    }
}
