//! The run file: what one program measured on one machine, in one or more runs.
//!
//! It is JSON. Unknown fields are ignored, and what a foreign tool cannot tell may be left out.

mod distribution;
mod errors;
mod json;
mod measured;
mod recorder;
mod settings;

use serde::{Deserialize, Serialize};

pub use distribution::{Bucket, Distribution, samples_needed};
pub use errors::{BadDistribution, NoQuantile};
pub use measured::{Accounting, Burst, Context, GatewayFigures, Outlier, Run, Task};
pub use recorder::Recorder;
pub use settings::{Refusal, Settings};

/// One file: the tool, the machine and its runs.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RunFile {
    /// Name and version of the tool, like `device-agent 0.1.0`.
    #[serde(default)]
    pub tool: String,
    /// Where it ran.
    #[serde(default)]
    pub machine: Machine,
    /// The runs, in the order in which they were made.
    pub runs: Vec<Run>,
}

/// The machine; what is not known is empty, 0 or `null`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Machine {
    /// Host name.
    pub host: String,
    /// Release of the kernel.
    pub kernel: String,
    /// Architecture, as `uname -m` tells it.
    pub arch: String,
    /// CPUs in use.
    pub cpus: u32,
    /// Model of the board or processor.
    pub model: Option<String>,
    /// Clock source of the kernel.
    pub clocksource: Option<String>,
    /// Frequency governor of the CPU.
    pub governor: Option<String>,
    /// Whether the kernel is fully preemptible (`PREEMPT_RT`).
    pub preempt_rt: Option<bool>,
    /// Start of the first run on the wall clock, in milliseconds since 1970.
    pub started_unix_ms: Option<u64>,
}

#[cfg(test)]
mod tests;
