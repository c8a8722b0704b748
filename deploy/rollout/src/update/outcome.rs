//! Steps of an update, and how it can end.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::device::Trouble;
use crate::health::Figures;

/// A step of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// How is it?
    Look,
    /// The artefact is copied.
    Copy,
    /// The device checks it.
    Check,
    /// The release in place is watched, to compare with.
    Baseline,
    /// From here on something changes: guard, link, restart.
    Switch,
    /// The new release is watched.
    Watch,
    /// It stays.
    Commit,
    /// It goes.
    GoBack,
    /// The device is out of reach, and its guard is waited for.
    AwaitGuard,
    /// It went well, but its wave did not: it goes all the same.
    Withdraw,
}

/// Whether a device answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Contact {
    /// It did.
    Reached,
    /// It did not.
    Unreachable,
}

/// Who took a device back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Who {
    /// This tool.
    Tool,
    /// The device's guard.
    Device,
}

/// How it ended on a device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// The new release runs, is healthy and committed.
    Done {
        /// Its probation.
        figures: Figures,
    },
    /// It was there before.
    Already,
    /// Nothing was changed.
    Untouched {
        /// Whether the device answered.
        contact: Contact,
        /// The reason.
        why: String,
    },
    /// The release before runs again.
    WentBack {
        /// The reason.
        why: String,
        /// Who did it.
        by: Who,
        /// Its probation, if it came to that.
        figures: Option<Figures>,
    },
    /// A person has to look at it.
    Unclear {
        /// The reason.
        why: String,
    },
}

impl Outcome {
    pub(crate) fn untouched(contact: Contact, why: impl Into<String>) -> Self {
        Self::Untouched { contact, why: why.into() }
    }

    pub(crate) fn not_begun(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Unreachable(why) => Self::untouched(Contact::Unreachable, why),
            Trouble::Refused(why) => Self::untouched(Contact::Reached, why),
        }
    }

    /// Whether the new release is in place and good.
    #[must_use]
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::Already)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Look => "look",
            Self::Copy => "copy",
            Self::Check => "check on the device",
            Self::Baseline => "watch the release in place",
            Self::Switch => "switch",
            Self::Watch => "watch the new release",
            Self::Commit => "commit",
            Self::GoBack => "go back",
            Self::AwaitGuard => "out of reach: wait for the device's guard",
            Self::Withdraw => "withdraw",
        })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done { figures } => {
                let after = figures.after;
                write!(f, "done: {} of {} jobs missed", after.misses, after.jobs)?;
                match figures.before {
                    Some(before) => write!(f, ", before {} of {}", before.misses, before.jobs),
                    None => f.write_str(", nothing to compare with"),
                }
            }
            Self::Already => f.write_str("has this release already"),
            Self::Untouched { contact: Contact::Reached, why } => write!(f, "refused, nothing changed: {why}"),
            Self::Untouched { contact: Contact::Unreachable, why } => {
                write!(f, "not reached, nothing changed: {why}")
            }
            Self::WentBack { why, by: Who::Tool, .. } => write!(f, "rolled back: {why}"),
            Self::WentBack { why, by: Who::Device, .. } => write!(f, "rolled back by the device itself: {why}"),
            Self::Unclear { why } => write!(f, "NEEDS A PERSON: {why}"),
        }
    }
}
