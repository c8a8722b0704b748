//! One run and what was measured in it.

use serde::{Deserialize, Serialize};
use shared_proto::wire::OverrunPolicy;

use super::{Distribution, Settings};

/// One run of a periodic task from start to end.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Run {
    /// Under which conditions; runs of one name belong together.
    pub scenario: String,
    /// Number of the run in its scenario, from 1; 0 if not known.
    #[serde(default)]
    pub repetition: u32,
    /// The periodic task.
    pub task: Task,
    /// Length of the run in milliseconds.
    #[serde(default)]
    pub elapsed_ms: f64,
    /// How far `releases`, `skipped` and `misses` can be trusted.
    #[serde(default)]
    pub accounting: Accounting,
    /// Releases, run or skipped.
    #[serde(default)]
    pub releases: u64,
    /// Jobs that ran.
    #[serde(default)]
    pub run: u64,
    /// Releases that passed while an earlier job still ran.
    #[serde(default)]
    pub skipped: u64,
    /// Jobs that missed their deadline, the skipped ones included.
    #[serde(default)]
    pub misses: u64,
    /// Misses per release, 0 to 1. Comparisons compute it anew.
    #[serde(default)]
    pub miss_rate: f64,
    /// Most misses in a row, in jobs.
    #[serde(default)]
    pub longest_miss_run: u64,
    /// Most misses among so many consecutive jobs.
    #[serde(default)]
    pub worst_burst: Burst,
    /// Jobs that ran and whose times are in no distribution.
    #[serde(default)]
    pub lost_records: u64,
    /// Changes of the effective mode.
    #[serde(default)]
    pub mode_changes: u32,
    /// Stretches of constant period; more than 1 if the period changed.
    #[serde(default)]
    pub epochs: u32,
    /// Start minus release of the jobs that ran.
    pub wakeup_us: Distribution,
    /// How long every release waited for its job, run or skipped: for one that ran its wake-up latency, for a skipped one the
    /// time until the job that swallowed it ended, which is the least that it would have waited. Empty if the tool does not
    /// tell it.
    #[serde(default)]
    pub delay_us: Distribution,
    /// End minus release of the jobs that ran; empty if the tool does not tell it.
    #[serde(default)]
    pub response_us: Distribution,
    /// Share of one CPU that the thread used, workload included; 0 to 1.
    #[serde(default)]
    pub cpu: Option<f64>,
    /// Share of the time in which the thread could run but waited for a CPU; 0 to 1.
    #[serde(default)]
    pub cpu_wait: Option<f64>,
    /// Cost of one job beyond its workload, in nanoseconds.
    #[serde(default)]
    pub self_overhead_ns: Option<u32>,
    /// What else happened on the machine.
    #[serde(default)]
    pub context: Context,
    /// What the thread asked of the kernel, and what it got.
    #[serde(default)]
    pub settings: Settings,
    /// The latest wake-ups; which and how many is up to the tool.
    #[serde(default)]
    pub outliers: Vec<Outlier>,
    /// How the gateway was meanwhile; `None` if nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<GatewayFigures>,
}

/// The gateway during a run, one figure each; what is not known is `null`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct GatewayFigures {
    /// Mean busy share of all CPUs, 0 to 1.
    pub cpu: Option<f64>,
    /// Mean of the memory that was not available, in KiB.
    pub memory_kb: Option<f64>,
    /// Median time from a command to its acknowledgement, in milliseconds; infinite if half of the commands had no effect in time.
    pub reaction_ms: Option<f64>,
}

/// How far the counts of releases and misses can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Accounting {
    /// Every release is counted, skipped ones too.
    #[default]
    Complete,
    /// The tool forgets the releases that pass during a late job, and counts no misses: `releases` is what ran.
    PassedReleasesForgotten,
}

/// The periodic task.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "WrittenTask")]
pub struct Task {
    /// Period in microseconds.
    pub period_us: f64,
    /// Relative deadline in microseconds; when read, the period if it is left out.
    pub deadline_us: f64,
    /// Name of the workload; empty if there is none.
    pub workload: String,
    /// CPU time of a job that the workload aims at, as a share of the period; 0 to 1.
    pub workload_ratio: f64,
    /// What happens to releases that pass while a job runs.
    pub overrun: OverrunPolicy,
}

/// [`Task`] as it stands in a file.
#[derive(Deserialize)]
struct WrittenTask {
    period_us: f64,
    deadline_us: Option<f64>,
    #[serde(default)]
    workload: String,
    #[serde(default)]
    workload_ratio: f64,
    #[serde(default)]
    overrun: OverrunPolicy,
}

impl From<WrittenTask> for Task {
    fn from(written: WrittenTask) -> Self {
        Self {
            period_us: written.period_us,
            deadline_us: written.deadline_us.unwrap_or(written.period_us),
            workload: written.workload,
            workload_ratio: written.workload_ratio,
            overrun: written.overrun,
        }
    }
}

/// Most misses (m) among K consecutive jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Burst {
    /// Misses, the m of (m, K).
    pub misses: u32,
    /// Consecutive jobs, the K of (m, K).
    pub jobs: u32,
}

/// What else happened on the machine during the run; what is not known is `null`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Context {
    /// Share of the time that the hypervisor took away; 0 to 1.
    pub steal: Option<f64>,
    /// Busy share of all CPUs; 0 to 1.
    pub machine_cpu: Option<f64>,
    /// Times that the thread lost the CPU against its will.
    pub preemptions: Option<u64>,
    /// Page faults of the thread.
    pub page_faults: Option<u64>,
    /// Temperature of the processor in degrees Celsius.
    pub temp_c: Option<f32>,
    /// Raspberry Pi throttle flags, as in the wire's report.
    pub throttled: Option<u32>,
    /// Clock of the CPU that runs the task, in MHz.
    pub freq_mhz: Option<u32>,
}

/// One late wake-up.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Outlier {
    /// Number of the job, counted in releases.
    pub job: u64,
    /// When it was released, in milliseconds since the run's first release.
    pub at_ms: f64,
    /// Start minus release in microseconds.
    pub wakeup_us: f64,
    /// End minus release in microseconds.
    pub response_us: f64,
}
