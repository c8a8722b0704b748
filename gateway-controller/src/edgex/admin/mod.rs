//! What people do with EdgeX before a controller runs: register profile and devices, and see whether all is there.

pub(crate) mod check;
mod device;
mod metadata;
mod profile;
pub(crate) mod provision;

pub(crate) use profile::Profile;

use std::fmt;

/// One thing that was looked at or done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) verdict: Verdict,
    pub(crate) text: String,
}

/// Whether it is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Good,
    Bad,
}

impl Finding {
    fn good(text: impl Into<String>) -> Self {
        Self { verdict: Verdict::Good, text: text.into() }
    }

    fn bad(text: impl Into<String>) -> Self {
        Self { verdict: Verdict::Bad, text: text.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.verdict {
            Verdict::Good => "ok     ",
            Verdict::Bad => "FAILED ",
        };
        write!(f, "{word} {}", self.text)
    }
}
