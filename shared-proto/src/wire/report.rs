//! Device to gateway, several times a second: how the task kept its time since the last report.

use serde::{Deserialize, Serialize};

use super::Version;
use crate::histogram::Latency;
use crate::ids::{BootId, DeviceId};
use crate::mode::{Mode, ModeSource};
use crate::policy::PolicyState;
use crate::text::Name;
use crate::units::Ratio;

/// One window of the task. A window never mixes two periods.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Version of the wire.
    pub v: Version,
    /// The device.
    pub device: DeviceId,
    /// Run of the agent.
    pub boot: BootId,
    /// Number of the report in this run, from 1. A merged report has the number of its newest window.
    pub seq: u64,
    /// Wall clock at the close of the window, in milliseconds since 1970. For people: nothing is decided by it.
    pub t_ms: u64,
    /// Device time at the close of the window, in milliseconds since the agent's start on its monotonic clock. Tells the
    /// age of a report whatever the wall clocks say.
    pub up_ms: u64,
    /// Whether the kernel calls the wall clock synchronised.
    pub clock_synced: bool,
    /// Length of the window in milliseconds.
    pub span_ms: u64,
    /// The task.
    pub task: Task,
    /// Number of the epoch: it changes with the period.
    pub epoch: u32,
    /// Effective mode at the close of the window.
    pub mode: Mode,
    /// Who decided it.
    pub mode_source: ModeSource,
    /// How long the mode has held, in milliseconds.
    pub mode_age_ms: u64,
    /// Releases in the window, run or skipped.
    pub jobs: u64,
    /// Jobs that missed their deadline, the skipped ones included.
    pub misses: u64,
    /// Releases that passed while an earlier job still ran.
    pub skipped: u64,
    /// Misses per job over the last `miss_window.jobs` jobs, exactly.
    pub miss_rate: Ratio,
    /// The counts behind `miss_rate`.
    pub miss_window: MissWindow,
    /// Longest run of consecutive misses that touched this window, in jobs.
    pub longest_miss_run: u64,
    /// The worst `(m, K)`: most misses among any K consecutive jobs that ended in this window.
    pub worst_burst: MissBurst,
    /// Start minus release, of the jobs that ran, in microseconds.
    pub wakeup_us: Latency,
    /// End minus release, of the jobs that ran, in microseconds.
    pub response_us: Latency,
    /// CPU time of a job that the workload aims at, as a share of the period; 0 if it has no such aim.
    pub workload: Ratio,
    /// The machine.
    pub host: Host,
    /// The real-time thread.
    pub rt: RtContext,
    /// Detail that was lost; counts never are.
    pub lost: Lost,
    /// How many windows this report holds; more than one after a time offline.
    pub merged: u32,
    /// Counts since the agent's start, at the close of the window.
    pub total: Totals,
    /// State of the device's own policy before it judged this window: who takes over starts from it with this report.
    pub policy: PolicyState,
}

/// The periodic task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Which workload.
    pub name: Name,
    /// Period in microseconds.
    pub period_us: u64,
    /// Relative deadline in microseconds.
    pub deadline_us: u64,
    /// What happens to releases that pass while a job runs.
    pub overrun: OverrunPolicy,
}

/// What happens to releases that pass while an earlier job still runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OverrunPolicy {
    /// They are skipped and count as misses; the next job starts on the grid.
    #[default]
    SkipNext,
    /// They are run late, back to back, up to a bound; beyond it they are skipped.
    CatchUp,
}

/// Exact counts behind the miss rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MissWindow {
    /// Jobs looked at.
    pub jobs: u32,
    /// Misses among them.
    pub misses: u32,
}

/// Most misses (m) among K consecutive jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MissBurst {
    /// Misses, the m of (m, K).
    pub misses: u32,
    /// Consecutive jobs, the K of (m, K).
    pub jobs: u32,
}

/// Context from the machine. What a machine does not tell is `null`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Host {
    /// Busy share of all CPUs since the last report.
    pub cpu: Option<Ratio>,
    /// Share of the time that the hypervisor took away.
    pub steal: Option<Ratio>,
    /// Temperature of the processor in degrees Celsius.
    pub temp_c: Option<f32>,
    /// Raspberry Pi throttle flags (bit 0 under-voltage now, 1 frequency capped, 2 throttled, 3 soft temperature limit;
    /// bits 16 to 19 the same since boot): <https://www.raspberrypi.com/documentation/computers/os.html#get_throttled>.
    /// Mainline kernels tell bit 0 alone; the others are 0 then.
    pub throttled: Option<u32>,
    /// Clock of the CPU that runs the task, in MHz.
    pub freq_mhz: Option<u32>,
    /// Resident memory of the agent in KiB.
    pub rss_kb: Option<u64>,
}

/// Context from the real-time thread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RtContext {
    /// Scheduling granted.
    pub schedule: Schedule,
    /// Priority granted; 0 without a real-time scheduler.
    pub priority: u8,
    /// CPU that the thread is bound to.
    pub cpu: Option<u16>,
    /// Whether memory is locked.
    pub locked: bool,
    /// Cost of one job beyond its workload, measured at start, in nanoseconds.
    pub self_overhead_ns: u32,
    /// Times in the window that the thread lost the CPU against its will.
    pub preemptions: u64,
    /// Page faults of the thread in the window.
    pub faults: u64,
}

/// Scheduling of the real-time thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// The ordinary scheduler.
    Other,
    /// `SCHED_FIFO`.
    Fifo,
    /// `SCHED_DEADLINE`.
    Deadline,
}

/// Detail that was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Lost {
    /// Jobs of the window whose times are in no histogram, because the ring was full.
    pub records: u64,
    /// Reports since the agent's start that were given up, their counts with them.
    pub reports: u64,
}

/// Counts since the agent's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals {
    /// Releases, run or skipped.
    pub jobs: u64,
    /// Jobs that missed their deadline, the skipped ones included.
    pub misses: u64,
    /// Releases that passed while an earlier job still ran.
    pub skipped: u64,
}

impl Totals {
    /// Jobs that ran.
    #[must_use]
    pub fn run(&self) -> u64 {
        self.jobs.saturating_sub(self.skipped)
    }

    /// What was counted since `earlier`; zero where `earlier` is ahead.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            jobs: self.jobs.saturating_sub(earlier.jobs),
            misses: self.misses.saturating_sub(earlier.misses),
            skipped: self.skipped.saturating_sub(earlier.skipped),
        }
    }
}

/// A report, or a window of a site, whose numbers contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("inconsistent report: {0}")]
pub struct Inconsistent(pub(super) &'static str);

impl Report {
    /// Checks what the numbers promise each other.
    ///
    /// # Errors
    /// [`Inconsistent`] names the broken promise.
    pub fn validate(&self) -> Result<(), Inconsistent> {
        let ran = self.jobs.checked_sub(self.skipped).ok_or(Inconsistent("skipped must not exceed jobs"))?;
        let recorded =
            ran.checked_sub(self.lost.records).ok_or(Inconsistent("lost.records must not exceed jobs − skipped"))?;
        let promises = [
            (self.misses <= self.jobs, "misses must not exceed jobs"),
            (self.skipped <= self.misses, "every skipped job must be counted as a miss"),
            (self.miss_window.misses <= self.miss_window.jobs, "miss_window.misses must not exceed miss_window.jobs"),
            (self.wakeup_us.count() == recorded, "wakeup_us must hold jobs − skipped − lost.records values"),
            (self.response_us.count() == recorded, "response_us must hold jobs − skipped − lost.records values"),
            (self.total.misses <= self.total.jobs, "total.misses must not exceed total.jobs"),
            (self.jobs <= self.total.jobs, "jobs must not exceed total.jobs"),
            (self.host.temp_c.is_none_or(f32::is_finite), "host.temp_c must fit 32 bits"),
            (self.merged >= 1, "merged must be at least 1"),
            (u64::from(self.merged) <= self.seq, "merged must not exceed seq"),
        ];
        promises.into_iter().find(|(kept, _)| !kept).map_or(Ok(()), |(_, broken)| Err(Inconsistent(broken)))
    }
}
