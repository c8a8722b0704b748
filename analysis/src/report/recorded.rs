//! What a report needs of one experiment file: times, counts and events, not the messages.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::times::Times;
use shared_proto::wire::Outcome;

use crate::experiment::{Begin, Ending, Gateway, Reaction, ReactionKind};
use crate::run::Run;

/// How long before the end a command must be sent to count, in milliseconds: an answer has this time.
const LAST_ANSWER_MS: f64 = 1000.0;

/// One experiment file.
#[derive(Debug, Clone)]
pub(super) struct Recorded {
    /// As it was named.
    pub(super) name: String,
    /// Where it really is.
    pub(super) path: Option<PathBuf>,
    pub(super) begin: Begin,
    /// Why it ended; `None` if it was cut short.
    pub(super) ending: Option<Ending>,
    pub(super) duration_ms: f64,
    /// What should be known about the file.
    pub(super) notes: Vec<String>,
    /// All devices together.
    pub(super) run: Run,
    /// By name.
    pub(super) devices: BTreeMap<String, Device>,
    /// By second.
    pub(super) seconds: BTreeMap<u64, Second>,
    pub(super) gateway: Vec<Gateway>,
    pub(super) events: Vec<Event>,
    pub(super) reactions: Vec<Reaction>,
}

impl Recorded {
    /// Injected commands, from sending to acknowledgement, in milliseconds; infinite if one expired or has no answer, for to leave
    /// out the slowest would flatter. What was refused, changed nothing, or was sent too near the end does not count.
    pub(super) fn injected_ms(&self) -> Vec<f64> {
        let in_time =
            |one: &&Reaction| one.kind == ReactionKind::Injected && one.at_ms <= self.duration_ms - LAST_ANSWER_MS;
        let figure = |one: &Reaction| match one.outcome {
            Some(Outcome::Applied) => one.sent_to_ack_ms,
            Some(Outcome::Expired) | None => Some(f64::INFINITY),
            Some(Outcome::Unchanged | Outcome::Rejected | Outcome::Duplicate) => None,
        };
        self.reactions.iter().filter(in_time).filter_map(figure).collect()
    }
}

/// A second of all devices.
#[derive(Debug, Clone, Default)]
pub(super) struct Second {
    pub(super) wakeup: Times,
    pub(super) jobs: u64,
    pub(super) misses: u64,
    pub(super) windows: u64,
    /// Windows that closed in DEGRADED.
    pub(super) degraded: u64,
    /// The greatest wake-up latency and when its window closed.
    pub(super) greatest_us: f64,
    pub(super) greatest_at_ms: f64,
}

/// One device in one run.
#[derive(Debug, Clone, Default)]
pub(super) struct Device {
    pub(super) run: Run,
    pub(super) reports: u64,
    /// Windows that never came.
    pub(super) missing: u64,
    pub(super) restarts: u64,
    pub(super) away_ms: f64,
    /// Longest time between two reports.
    pub(super) silence_ms: f64,
    /// Share of the windows that closed in DEGRADED.
    pub(super) degraded: f64,
    pub(super) temp_c: Option<f32>,
    pub(super) throttled: bool,
    pub(super) facts: Facts,
}

/// What a device is and what it was granted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) version: String,
    pub(super) model: String,
    pub(super) kernel: String,
    pub(super) task: String,
    /// Like `scheduler=fifo 80`, or `scheduler=fifo 80 refused`.
    pub(super) settings: Vec<String>,
}

/// Something happened to a connection or a device.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Event {
    pub(super) at_ms: f64,
    pub(super) what: Happened,
    /// The device; empty: the recorder.
    pub(super) device: String,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Happened {
    /// The recorder lost the broker.
    LinkDown,
    /// It has it again.
    LinkUp,
    /// A device is gone.
    Away,
    /// It is back.
    Back,
    /// It came with another run of its agent.
    Restart,
}

impl Happened {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::LinkDown => "broker lost",
            Self::LinkUp => "broker back",
            Self::Away => "device away",
            Self::Back => "device back",
            Self::Restart => "agent restarted",
        }
    }
}
