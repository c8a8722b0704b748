//! What the real-time thread tells about each job.

use shared_proto::mode::Mode;
use shared_proto::wire::Totals;

use crate::time::MonoTime;

/// One job that ran. The counts are cumulative, so that they stay exact when the ring loses records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JobRecord {
    /// Number of the job's release since the start of the thread, from 0, skipped ones counted.
    pub job: u64,
    /// Number of the epoch, from 0.
    pub epoch: u32,
    /// Period of the epoch in nanoseconds.
    pub period_ns: u64,
    /// When it should have started.
    pub release: MonoTime,
    /// When it started.
    pub start: MonoTime,
    /// When it ended.
    pub end: MonoTime,
    /// Whether it ended after its deadline.
    pub missed: bool,
    /// Releases that passed while it ran, and will never run.
    pub skipped: u64,
    /// All counts at the beginning of the epoch.
    pub epoch_base: Totals,
    /// All counts up to and including this job and the releases it skipped.
    pub total: Totals,
    /// The latest mode change in effect.
    pub effect: Effect,
}

/// The latest mode change that took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Effect {
    /// The mode.
    pub mode: Mode,
    /// Which change it was, see [`super::ModeWord`].
    pub change: u64,
    /// The first job in that mode.
    pub job: u64,
    /// When GPIO lines and workload had been switched.
    pub at: MonoTime,
}
