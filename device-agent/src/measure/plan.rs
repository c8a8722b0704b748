//! What is going to be measured: options and configuration, checked.

use std::fmt::Display;
use std::io;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::thread::Builder;
use std::time::Duration;

use shared_host::config::ConfigError;
use shared_proto::policy::PolicyConfig;
use shared_proto::units::Ratio;
use shared_proto::wire::OverrunPolicy;

use super::governor::Governors;
use super::limits::Limits;
use super::options::{Options, Overrun};
use super::order::PlannedRun;
use super::scenario::{Modes, Scenario, Scheduling};
use crate::agent::Autonomy;
use crate::config::{self, Config, WorkloadConfig};
use crate::gpio::GpioConfig;
use crate::rt::{Asked, SchedulerAsked, Timing};
use crate::sys;
use crate::window::WindowConfig;
use crate::workload::Spin;

const DEFAULT_PERIOD: Duration = Duration::from_millis(1);
const DEFAULT_WORKLOAD: f64 = 0.3;
const DEFAULT_PRIORITY: u8 = 80;
/// Share of the period to reserve with SCHED_DEADLINE.
const RESERVED_SHARE: f64 = 0.8;
/// The classroom's proportion: 0.3 in DEGRADED for 0.7 in NORMAL.
const DEGRADED_PART: f64 = 3.0 / 7.0;
/// The classroom's niceness.
const NICE: i8 = -10;

/// What is going to be measured.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The runs, in order.
    pub runs: Vec<PlannedRun>,
    /// Length of a run without warm-up, in nanoseconds.
    pub duration_ns: u64,
    /// Length of the warm-up in nanoseconds.
    pub warm_up_ns: u64,
    /// Periods and deadline.
    pub timing: Timing,
    /// What each job does.
    pub workload: WorkloadConfig,
    /// Lines to drive; without them there are none.
    pub gpio: Option<GpioConfig>,
    /// What runs may not exceed.
    pub limits: Limits,
    /// How many jobs to keep of each run that started latest, and that ended latest.
    pub outliers: usize,
    pub(super) io_dir: PathBuf,
    pub(super) cpus: Vec<u16>,
    pub(super) policy: PolicyConfig,
    pub(super) window: WindowConfig,
    /// The policy looks at windows of this length, as under `run`, in milliseconds.
    pub(super) policy_window_ms: u64,
    pub(super) control_socket: Option<PathBuf>,
    autonomy: Autonomy,
    cpu: Option<u16>,
    priority: u8,
    /// What the configuration asks for; as the defaults without one.
    asked: Asked,
}

/// Why nothing can be measured like this.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A value is out of range.
    #[error("{option} {value}: allowed are {allowed}")]
    Range {
        /// The option.
        option: &'static str,
        /// What was given.
        value: String,
        /// What is allowed.
        allowed: String,
    },
    /// Values contradict each other.
    #[error("{0}")]
    Contradiction(String),
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The system does not tell its CPUs.
    #[error("cannot ask for the CPUs of this process: {0}")]
    Cpus(#[source] io::Error),
}

impl Plan {
    /// Checks the options.
    ///
    /// # Errors
    /// [`PlanError`] says which option, which value and what is allowed.
    pub fn new(options: &Options) -> Result<Self, PlanError> {
        let config = options.config.as_deref().map(|file| config::load(Some(file))).transpose()?;
        let config = config.map(|(config, _)| config);
        let mut cpus = sys::allowed_cpus().map_err(PlanError::Cpus)?;
        if let Some(cpu) = options.cpu
            && !cpus.contains(&cpu)
        {
            // An isolated CPU (isolcpus) is in no thread's mask from the start, and yet a thread may be bound to it.
            if !can_be_bound_to(cpu) {
                return Err(range("--cpu", cpu, list(&cpus)));
            }
            cpus.push(cpu);
        }
        if let Some(priority) = options.priority {
            within("--priority", priority, 1..=98)?;
        }
        within("--repeat", options.repeat, 1..=1000)?;
        within("--outliers", options.outliers, 0..=10_000)?;
        let timing = timing(options, config.as_ref())?;
        let workload = workload(options, config.as_ref(), &timing)?;
        let duration_ns = time(
            "--duration",
            options.duration,
            (Duration::from_nanos(timing.normal_period_ns), DAY),
            "a period to 24h",
        )?;
        let warm_up_ns = time("--warm-up", options.warm_up, (Duration::ZERO, HOUR), "0s to 1h")?;
        let limits = Limits::new(options, duration_ns / timing.normal_period_ns)?;
        let scenarios = scenarios(options, config.as_ref(), &timing)?;
        let asked = config.as_ref().map_or(
            Asked {
                scheduler: SchedulerAsked::Fifo(DEFAULT_PRIORITY),
                cpu: None,
                lock_memory: true,
                no_deep_sleep: true,
            },
            |config| config.asked,
        );
        let configured_priority = match asked.scheduler {
            SchedulerAsked::Fifo(priority) => priority,
            _ => DEFAULT_PRIORITY,
        };
        Ok(Self {
            runs: options.order.runs(&scenarios, options.repeat),
            duration_ns,
            warm_up_ns,
            timing,
            workload,
            limits,
            outliers: options.outliers,
            io_dir: options.io_dir.clone(),
            policy: config.as_ref().map_or_else(PolicyConfig::default, |config| config.policy),
            window: config.as_ref().map_or(WindowConfig { miss_window: 250, burst_jobs: 10 }, |config| config.window),
            policy_window_ms: config.as_ref().map_or(200, |config| config.report_interval_ms),
            control_socket: config.as_ref().and_then(|config| config.control_socket.clone()),
            autonomy: config.as_ref().map_or(Autonomy::Normal, |config| config.autonomy),
            cpu: options.cpu.or(asked.cpu),
            priority: options.priority.unwrap_or(configured_priority),
            gpio: config.map(|config| config.gpio),
            cpus,
            asked,
        })
    }

    /// The real-time settings that a scenario asks for.
    #[must_use]
    pub fn asked(&self, scenario: Scenario) -> Asked {
        let scheduler = match scenario.scheduling() {
            Scheduling::Ordinary | Scheduling::Pinned => SchedulerAsked::Other { nice: 0 },
            Scheduling::Nice => SchedulerAsked::Other { nice: NICE },
            Scheduling::Fifo => SchedulerAsked::Fifo(self.priority),
            Scheduling::Deadline => reservation(&self.timing, RESERVED_SHARE),
            Scheduling::Configured => match self.asked.scheduler {
                SchedulerAsked::Other { nice } => SchedulerAsked::Other { nice },
                SchedulerAsked::Fifo(_) => SchedulerAsked::Fifo(self.priority),
                // The configured share, of the period that is run.
                SchedulerAsked::Deadline { runtime_ns, period_ns, .. } => {
                    reservation(&self.timing, Ratio::of(runtime_ns, period_ns).get())
                }
            },
        };
        let cpu = match scenario.scheduling() {
            Scheduling::Pinned => self.cpu.or(self.cpus.last().copied()),
            Scheduling::Deadline => None,
            _ => self.cpu,
        };
        Asked { scheduler, cpu, ..self.asked }
    }

    /// Whether the device's own policy decides the mode in a scenario.
    pub(super) fn autonomy(&self, scenario: Scenario) -> Autonomy {
        match scenario.modes() {
            Modes::Policy => Autonomy::Policy,
            Modes::Fixed => Autonomy::Normal,
            Modes::Configured => self.autonomy,
        }
    }

    /// Share of the period that the workload of this name aims at in NORMAL; 0 for one that aims at none.
    #[must_use]
    pub fn workload_ratio(&self, workload: &str) -> f64 {
        match self.workload {
            WorkloadConfig::Spin { normal, .. } if workload == Spin::NAME => normal.get(),
            WorkloadConfig::Spin { .. } | WorkloadConfig::GpioFollow => 0.0,
        }
    }

    /// Length of a run without warm-up, in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        Duration::from_nanos(self.duration_ns).as_secs_f64()
    }
}

const DAY: Duration = Duration::from_secs(86_400);
const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

fn scenarios(options: &Options, config: Option<&Config>, timing: &Timing) -> Result<Vec<Scenario>, PlanError> {
    let governors = Governors::of_machine();
    let can_run = |scenario: Scenario| match scenario {
        Scenario::Configured => config.is_some(),
        Scenario::IoStress => sys::is_in_memory(&options.io_dir).is_ok_and(|in_memory| !in_memory),
        _ => scenario.governor().is_none_or(|governor| governors.offer(governor)),
    };
    let mut chosen = if options.all {
        clap::ValueEnum::value_variants().iter().copied().filter(|&scenario| can_run(scenario)).collect()
    } else if !options.scenario.is_empty() {
        options.scenario.clone()
    } else if config.is_some() {
        vec![Scenario::Configured]
    } else {
        Scenario::STANDARD.to_vec()
    };
    let mut known = Vec::new();
    chosen.retain(|scenario| {
        let new = !known.contains(scenario);
        known.push(*scenario);
        new
    });
    for &scenario in &chosen {
        if scenario == Scenario::Configured && config.is_none() {
            return Err(PlanError::Contradiction("--scenario configured needs --config FILE".into()));
        }
        if let Some(governor) = scenario.governor()
            && !governors.offer(governor)
        {
            let name = scenario.name();
            return Err(PlanError::Contradiction(format!(
                "--scenario {name}: the governors of this machine are {governors}"
            )));
        }
        if scenario.scheduling() == Scheduling::Deadline && timing.normal_period_ns > 4_000_000_000 {
            return Err(PlanError::Contradiction(format!(
                "--scenario {}: SCHED_DEADLINE takes periods of up to 4 s (kernel.sched_deadline_period_max_us)",
                scenario.name()
            )));
        }
    }
    Ok(chosen)
}

fn timing(options: &Options, config: Option<&Config>) -> Result<Timing, PlanError> {
    let mut timing = config.map_or(
        Timing {
            normal_period_ns: nanos(DEFAULT_PERIOD),
            degraded_period_ns: nanos(DEFAULT_PERIOD),
            deadline_ns: None,
            overrun: OverrunPolicy::SkipNext,
        },
        |config| config.timing,
    );
    if let Some(period) = options.period {
        let multiplier = timing.degraded_period_ns / timing.normal_period_ns.max(1);
        timing.normal_period_ns = time("--period", period, (Duration::from_micros(100), MINUTE), "100us to 60s")?;
        timing.degraded_period_ns = timing.normal_period_ns * multiplier;
    }
    if let Some(deadline) = options.deadline {
        timing.deadline_ns = Some(time("--deadline", deadline, (Duration::from_micros(50), MINUTE), "50us to 60s")?);
    }
    if let Some(overrun) = options.overrun {
        timing.overrun = match overrun {
            Overrun::SkipNext => OverrunPolicy::SkipNext,
            Overrun::CatchUp => OverrunPolicy::CatchUp,
        };
    }
    Ok(timing)
}

fn workload(options: &Options, config: Option<&Config>, timing: &Timing) -> Result<WorkloadConfig, PlanError> {
    let share = |option, share: f64| Ratio::try_from(share).map_err(|_| range(option, share, "0 to 1"));
    let given = options.workload.map(|normal| share("--workload", normal)).transpose()?;
    let degraded = options.degraded_workload.map(|degraded| share("--degraded-workload", degraded)).transpose()?;
    let workload = match (config.map(|config| config.workload), given) {
        (Some(configured @ WorkloadConfig::GpioFollow), None) if degraded.is_none() => configured,
        (Some(WorkloadConfig::Spin { normal, degraded: configured }), None) => {
            WorkloadConfig::Spin { normal, degraded: degraded.unwrap_or(configured) }
        }
        (_, given) => {
            let normal = given.map_or(DEFAULT_WORKLOAD, Ratio::get);
            WorkloadConfig::Spin {
                normal: share("--workload", normal)?,
                degraded: degraded.map_or_else(|| share("--degraded-workload", normal * DEGRADED_PART), Ok)?,
            }
        }
    };
    if let WorkloadConfig::Spin { normal, .. } = workload {
        let deadline_ns = timing.deadline_at(timing.normal_period_ns);
        #[expect(clippy::cast_precision_loss, reason = "periods of up to a minute are exact")]
        let (job_ns, deadline) = (normal.get() * timing.normal_period_ns as f64, deadline_ns as f64);
        if job_ns > deadline {
            return Err(PlanError::Contradiction(format!(
                "--workload {normal} takes {} us of each period of {} us, which is more than the deadline of {} us: every job would miss it",
                job_ns / 1000.0,
                timing.normal_period_ns / 1000,
                deadline_ns / 1000
            )));
        }
    }
    Ok(workload)
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a checked period"
)]
fn reservation(timing: &Timing, share: f64) -> SchedulerAsked {
    let period_ns = timing.normal_period_ns;
    let runtime_ns = (share * period_ns as f64) as u64;
    SchedulerAsked::Deadline { runtime_ns, deadline_ns: period_ns, period_ns }
}

fn time(
    option: &'static str,
    given: Duration,
    (least, most): (Duration, Duration),
    allowed: &str,
) -> Result<u64, PlanError> {
    if given >= least && given <= most {
        return Ok(nanos(given));
    }
    Err(range(option, humantime::format_duration(given), allowed))
}

/// Checked ranges end at a day.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn within<N: PartialOrd + Display>(
    option: &'static str,
    value: N,
    allowed: RangeInclusive<N>,
) -> Result<(), PlanError> {
    if allowed.contains(&value) {
        return Ok(());
    }
    Err(range(option, value, format!("{} to {}", allowed.start(), allowed.end())))
}

pub(super) fn range(option: &'static str, value: impl Display, allowed: impl Into<String>) -> PlanError {
    PlanError::Range { option, value: value.to_string(), allowed: allowed.into() }
}

/// Tried in a thread of its own, which ends with it.
fn can_be_bound_to(cpu: u16) -> bool {
    let tried = Builder::new().spawn(move || sys::bind_to_cpu(cpu).is_ok());
    tried.is_ok_and(|thread| thread.join().unwrap_or(false))
}

fn list(cpus: &[u16]) -> String {
    cpus.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")
}
