//! The command line, and what follows from it for every arm.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use device_agent::measure::{self, Plan, Scenario};
use device_agent::rt::Asked;
use shared_host::mqtt::BrokerUrl;

use super::DisturbanceError;
use super::cpus::Cpus;
use crate::stage::agent_config;

/// The loop alone, as `device-agent measure` runs it.
const SCENARIO: Scenario = Scenario::Fifo;
/// Jobs of this time are not counted, from when an arm is in its state.
const WARM_UP: Duration = Duration::from_millis(500);

/// How to measure what the agent does to its own real-time loop.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Runs of each arm, 1 to 100; fewer than 5 prove nothing
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rounds: u32,
    /// Length of a run without warm-up in seconds, 1 to 3600
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub seconds: u32,
    /// Period of the loop, 100us to 60s
    #[arg(long, value_name = "TIME", default_value = "1ms", value_parser = humantime::parse_duration)]
    pub period: Duration,
    /// CPU time of a job as a share of the period, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    pub workload: f64,
    /// CPU that the loop is bound to [default: the last one]
    #[arg(long, value_name = "CPU")]
    pub cpu: Option<u16>,
    /// Priority of the loop under SCHED_FIFO, 1 to 98
    #[arg(long, value_name = "PRIORITY", default_value_t = 80)]
    pub priority: u8,
    /// Use this broker instead of the embedded one
    #[arg(long, value_name = "mqtt://HOST:PORT")]
    pub broker: Option<BrokerUrl>,
    /// Directory on the disk that the arm `disk` writes to
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub disk: PathBuf,
    /// Print {"runs": [...]} on standard output; the table goes to standard error
    #[arg(long)]
    pub json: bool,
    /// Also write the JSON to this file, for `device-agent compare`
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// What all arms have in common.
#[derive(Debug)]
pub(super) struct Common {
    /// One run of the loop alone.
    pub(super) plan: Plan,
    pub(super) cpus: Cpus,
    /// Where the arm that writes to a disk does so.
    pub(super) disk: PathBuf,
}

impl Common {
    /// Checks the options.
    ///
    /// # Errors
    /// [`DisturbanceError`] says which option, which value and what is allowed.
    pub(super) fn new(options: &Options) -> Result<Self, DisturbanceError> {
        let duration = Duration::from_secs(options.seconds.into());
        if duration < options.period {
            return Err(DisturbanceError::ShorterThanPeriod { seconds: options.seconds, period: options.period });
        }
        let cpus = Cpus::of_machine(options.cpu)?;
        let mut plan = Plan::new(&measure::Options {
            scenario: vec![SCENARIO],
            period: Some(options.period),
            duration,
            warm_up: WARM_UP,
            workload: Some(options.workload),
            cpu: Some(cpus.task),
            priority: Some(options.priority),
            ..measure::Options::default()
        })?;
        // The lines of an agent as it comes, simulated: the loop alone switches the same ones.
        plan.gpio = Some(agent_config(&[])?.gpio);
        let no_disk = |why| DisturbanceError::Disk { directory: options.disk.clone(), why };
        let disk = options.disk.canonicalize().map_err(no_disk)?;
        Ok(Self { plan, cpus, disk })
    }

    /// The real-time settings of every arm.
    pub(super) fn asked(&self) -> Asked {
        self.plan.asked(SCENARIO)
    }
}
