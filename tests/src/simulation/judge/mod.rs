//! What must hold whatever happens. Each law has a name, a file, and arithmetic of its own.

mod answers;
mod at_gateway;
mod decisions;
mod leases;
mod modes;
mod presence;
mod totals;

use std::fmt;

pub(super) use answers::{Answers, Verdict};
pub(super) use at_gateway::AtGateway;
pub(super) use decisions::Decisions;
pub(super) use leases::Leases;
pub(super) use modes::{Agreement, Modes};
pub(super) use presence::Presence;
pub(super) use totals::{Fate, Remains, Totals};

use super::time::Time;

/// A law of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Law {
    /// What was received, what waits and what was given up are together what the device counted, to the last job.
    ExactTotals,
    /// Nobody ever has received more than the device counted, or windows that contradict each other.
    NothingInvented,
    /// The controller's own counts are those of the reports that reached it.
    ControllerCounts,
    /// When all is well again, nothing waits for long.
    CatchUp,
    /// Each command that reached an agent has exactly one answer, repeated alike.
    OneAnswer,
    /// A repeated command changes nothing.
    AppliedOnce,
    /// A command that came too late or for another run is `expired` and changes nothing.
    Expired,
    /// No two changes of mode by policy come within one dwell.
    NoFlap,
    /// The device's mode is the one that the controller wants, but for a bounded time.
    Agreement,
    /// Nobody stays in the gateway's mode when the lease is over, and a lease is as long as it was given.
    LeaseEnds,
    /// A device without a lease decides for itself.
    OwnPolicy,
    /// What is held in memory is bounded.
    Bounded,
    /// The controller decides on no report that it could know to be old.
    NoOldDecision,
    /// Whether a device is there is known within a bounded time.
    Presence,
    /// The will of an older connection says nothing about a newer one.
    OldWill,
    /// Every message that one program of ours sends, the other can use.
    Understood,
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ExactTotals => "exact totals",
            Self::NothingInvented => "nothing invented",
            Self::ControllerCounts => "the controller's counts",
            Self::CatchUp => "catching up",
            Self::OneAnswer => "one answer to a command",
            Self::AppliedOnce => "a command is applied once",
            Self::Expired => "what expired changes nothing",
            Self::NoFlap => "no flap",
            Self::Agreement => "agreement on the mode",
            Self::LeaseEnds => "leases end",
            Self::OwnPolicy => "a device alone decides for itself",
            Self::Bounded => "bounded memory",
            Self::NoOldDecision => "no decision on old reports",
            Self::Presence => "who is there",
            Self::OldWill => "old wills are stale",
            Self::Understood => "messages are understood",
        })
    }
}

/// A law that was broken.
#[derive(Debug, Clone)]
pub struct Broken {
    /// Which.
    pub law: Law,
    /// How.
    pub how: String,
}

impl Broken {
    pub(super) fn new(law: Law, how: impl Into<String>) -> Self {
        Self { law, how: how.into() }
    }
}

/// A law that was broken, and when.
#[derive(Debug, Clone)]
pub struct Violation {
    /// True time.
    pub at: Time,
    /// What.
    pub broken: Broken,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}, broken law `{}`: {}", self.at, self.broken.law, self.broken.how)
    }
}
