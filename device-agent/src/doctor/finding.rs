//! What the doctor says of each thing that it looked at.

use serde::{Deserialize, Serialize};

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Its name, as `docs/doctor.md` lists it: `area.thing`.
    pub check: String,
    /// How it is.
    pub outcome: Outcome,
    /// What was found, or why it was not looked at.
    pub found: String,
    /// What mends it: a command, where one does; also for what was skipped, if something can be done about that.
    pub mend: Option<String>,
}

/// How a thing is. In order of weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It could not be looked at, or does not apply.
    Skipped,
    /// Good.
    Ok,
    /// The device works, but less well than it could, or not for long.
    Warning,
    /// The device does not do what it is configured for.
    Failure,
}

impl Outcome {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failure => "failure",
        }
    }
}

impl Finding {
    /// Any finding.
    #[inline(never)]
    pub(super) fn new(check: &str, outcome: Outcome, found: String, mend: Option<&str>) -> Self {
        Self { check: check.to_owned(), outcome, found, mend: mend.map(str::to_owned) }
    }

    /// All is well.
    pub(super) fn ok(check: &str, found: String) -> Self {
        Self::new(check, Outcome::Ok, found, None)
    }

    /// It could be better.
    pub(super) fn warning(check: &str, found: String, mend: &str) -> Self {
        Self::new(check, Outcome::Warning, found, Some(mend))
    }

    /// It is broken.
    pub(super) fn failure(check: &str, found: String, mend: &str) -> Self {
        Self::new(check, Outcome::Failure, found, Some(mend))
    }

    /// It was not looked at.
    pub(super) fn skipped(check: &str, why: &str) -> Self {
        Self::new(check, Outcome::Skipped, why.to_owned(), None)
    }
}
