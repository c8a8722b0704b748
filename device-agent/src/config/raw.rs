//! From what is written to what is meant: the shape of the file, and the checks of its values.

use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use shared_host::config::{ConfigError, Loaded};
use shared_host::control::default_path;
use shared_host::sections::{AgentSecuritySection, LogSection, MqttSection, PolicySection};
use shared_proto::ids::{DeviceId, TopicRoot};
use shared_proto::units::Ratio;
use shared_proto::wire::{DialectName, Dialects, OverrunPolicy};

use super::{Config, SCHEMA, WorkloadConfig, edgex, gpio};
use crate::agent::Autonomy;
use crate::keeper::{FlushConfig, StoreConfig};
use crate::mode::GuardConfig;
use crate::rt::{Asked, SchedulerAsked, Timing};
use crate::window::WindowConfig;

#[derive(Deserialize)]
struct Raw {
    device: Device,
    task: Task,
    spin: Spin,
    degraded: Degraded,
    realtime: Realtime,
    gpio: gpio::Section,
    mqtt: MqttSection,
    security: AgentSecuritySection,
    topics: Topics,
    edgex: edgex::Section,
    report: Report,
    policy: PolicySection,
    safety: Safety,
    spool: Spool,
    control: Control,
    log: LogSection,
}

#[derive(Deserialize)]
struct Device {
    name: Option<String>,
}

#[derive(Deserialize)]
struct Task {
    workload: WorkloadName,
    period_ms: f64,
    deadline_ms: Option<f64>,
    overrun: OverrunPolicy,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WorkloadName {
    Spin,
    GpioFollow,
}

#[derive(Deserialize)]
struct Spin {
    normal_ratio: Ratio,
    degraded_ratio: Ratio,
}

#[derive(Deserialize)]
struct Degraded {
    period_multiplier: u64,
}

#[derive(Deserialize)]
struct Realtime {
    scheduler: SchedulerName,
    priority: u8,
    nice: i8,
    deadline_share: f64,
    cpu: Option<u16>,
    lock_memory: bool,
    no_deep_sleep: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum SchedulerName {
    Fifo,
    Deadline,
    Other,
}

#[derive(Deserialize)]
struct Topics {
    root: TopicRoot,
    dialects: Vec<DialectName>,
}

#[derive(Deserialize)]
struct Report {
    interval_ms: u64,
    miss_window: u32,
    burst_jobs: u32,
}

#[derive(Deserialize)]
struct Safety {
    max_temp_c: f32,
    under_voltage: bool,
}

#[derive(Deserialize)]
struct Spool {
    max_reports: usize,
    catch_up_per_s: u32,
    dir: Option<PathBuf>,
    runtime_dir: Option<PathBuf>,
    max_disk_mb: u64,
    flush_after_s: u64,
    flush_every_s: u64,
}

#[derive(Deserialize)]
struct Control {
    socket: Option<PathBuf>,
}

impl Config {
    /// Checks what was loaded.
    ///
    /// # Errors
    /// [`ConfigError`] for the first value that is not allowed.
    pub fn from_loaded(loaded: &Loaded) -> Result<Self, ConfigError> {
        let raw: Raw = loaded.parse()?;
        let check = Check(loaded);
        let device = device_name(raw.device.name, &check)?;
        let timing = timing(&raw.task, &raw.degraded, &check)?;
        let gpio = raw.gpio.check(loaded)?;
        check.within("report.interval_ms", raw.report.interval_ms, 20, 3_600_000)?;
        check.within("report.miss_window", raw.report.miss_window, 1, 100_000)?;
        check.within("report.burst_jobs", raw.report.burst_jobs, 1, 1_000)?;
        check.within("spool.catch_up_per_s", raw.spool.catch_up_per_s, 1, 1000)?;
        check.within("spool.max_reports", raw.spool.max_reports, 2, 4096)?;
        check.within("safety.max_temp_c", raw.safety.max_temp_c, 0.0, 150.0)?;
        let mut dialects = Dialects::new();
        for dialect in raw.topics.dialects {
            // There is room for each dialect once.
            if !dialects.contains(&dialect) {
                let _ = dialects.push(dialect);
            }
        }
        if dialects.is_empty() {
            return Err(loaded.refuse("topics.dialects", "at least one is needed"));
        }
        let security = raw.security.check(loaded)?;
        let beside = dialects.contains(&DialectName::Edgex).then_some(edgex::Beside {
            device: &device,
            root: &raw.topics.root,
            interval_ms: raw.report.interval_ms,
            security: security.as_ref(),
        });
        Ok(Self {
            edgex: raw.edgex.check(loaded, beside)?,
            workload: match raw.task.workload {
                WorkloadName::Spin => {
                    WorkloadConfig::Spin { normal: raw.spin.normal_ratio, degraded: raw.spin.degraded_ratio }
                }
                WorkloadName::GpioFollow if gpio.wiring.input.is_none() => {
                    return Err(loaded.refuse("gpio.input_line", "the workload \"gpio-follow\" needs it"));
                }
                WorkloadName::GpioFollow if gpio.wiring.output.is_none() => {
                    return Err(loaded.refuse("gpio.output_line", "the workload \"gpio-follow\" needs it"));
                }
                WorkloadName::GpioFollow => WorkloadConfig::GpioFollow,
            },
            asked: asked(&raw.realtime, &timing, &check)?,
            timing,
            gpio,
            broker: raw.mqtt.check(loaded, device.as_str())?,
            security,
            root: raw.topics.root,
            dialects,
            device,
            report_interval_ms: raw.report.interval_ms,
            window: WindowConfig { miss_window: raw.report.miss_window, burst_jobs: raw.report.burst_jobs },
            policy: raw.policy.check(loaded)?,
            autonomy: if raw.policy.is_enabled() { Autonomy::Policy } else { Autonomy::Normal },
            guard: GuardConfig {
                max_temp_c: (raw.safety.max_temp_c > 0.0).then_some(raw.safety.max_temp_c),
                under_voltage: raw.safety.under_voltage,
            },
            spool_capacity: raw.spool.max_reports,
            catch_up_per_s: raw.spool.catch_up_per_s,
            store: store(raw.spool, &check)?,
            control_socket: Some(raw.control.socket.unwrap_or_else(|| default_path(SCHEMA.program))),
            log: raw.log.check(loaded)?,
        })
    }
}

/// Where reports outlive the process. systemd separates several directories by colons.
fn store(spool: Spool, check: &Check<'_>) -> Result<StoreConfig, ConfigError> {
    check.within("spool.max_disk_mb", spool.max_disk_mb, 1, 1024)?;
    check.within("spool.flush_after_s", spool.flush_after_s, 0, 86_400)?;
    check.within("spool.flush_every_s", spool.flush_every_s, 1, 86_400)?;
    let service = |variable| {
        let directories = std::env::var_os(variable).filter(|value| !value.is_empty())?;
        std::env::split_paths(&directories).next().map(|first| first.join("spool"))
    };
    let choose = |given: Option<PathBuf>, variable| match given {
        Some(path) => Some(path).filter(|path| !path.as_os_str().is_empty()),
        None => service(variable),
    };
    let store = StoreConfig {
        runtime_dir: choose(spool.runtime_dir, "RUNTIME_DIRECTORY"),
        dir: choose(spool.dir, "STATE_DIRECTORY"),
        max_bytes: spool.max_disk_mb << 20,
        flush: FlushConfig {
            after: Duration::from_secs(spool.flush_after_s),
            every: Duration::from_secs(spool.flush_every_s),
        },
    };
    if store.dir.is_some() && store.dir == store.runtime_dir {
        return Err(check.0.refuse("spool.runtime_dir", "spool.dir is the same directory; another one is needed"));
    }
    Ok(store)
}

struct Check<'a>(&'a Loaded);

impl Check<'_> {
    fn within<N: PartialOrd + Display>(&self, key: &str, value: N, least: N, most: N) -> Result<(), ConfigError> {
        if value >= least && value <= most {
            return Ok(());
        }
        Err(self.0.refuse(key, format_args!("{value} is outside {least} to {most}")))
    }
}

fn device_name(name: Option<String>, check: &Check<'_>) -> Result<DeviceId, ConfigError> {
    let given = name.is_some();
    let name = name.unwrap_or_else(host_name);
    name.parse().map_err(|error| {
        if given {
            check.0.refuse("device.name", error)
        } else {
            check.0.refuse("device.name", format_args!("the host name {name:?} cannot serve: {error}"))
        }
    })
}

/// The kernel's host name, up to its first dot.
pub(crate) fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().split('.').next().unwrap_or_default().to_owned()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "callers check the range first")]
fn nanos(ms: f64) -> u64 {
    (ms * 1e6).round() as u64
}

fn timing(task: &Task, degraded: &Degraded, check: &Check<'_>) -> Result<Timing, ConfigError> {
    check.within("task.period_ms", task.period_ms, 0.1, 60_000.0)?;
    check.within("degraded.period_multiplier", degraded.period_multiplier, 1, 100)?;
    if let Some(deadline_ms) = task.deadline_ms {
        check.within("task.deadline_ms", deadline_ms, 0.05, 60_000.0)?;
    }
    let period_ns = nanos(task.period_ms);
    Ok(Timing {
        normal_period_ns: period_ns,
        degraded_period_ns: period_ns * degraded.period_multiplier,
        deadline_ns: task.deadline_ms.map(nanos),
        overrun: task.overrun,
    })
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a checked share of a checked period"
)]
fn asked(realtime: &Realtime, timing: &Timing, check: &Check<'_>) -> Result<Asked, ConfigError> {
    check.within("realtime.priority", realtime.priority, 1, 98)?;
    check.within("realtime.nice", realtime.nice, -20, 19)?;
    check.within("realtime.deadline_share", realtime.deadline_share, 0.01, 0.95)?;
    if let Some(cpu) = realtime.cpu {
        check.within("realtime.cpu", cpu, 0, 1023)?;
    }
    let period_ns = timing.normal_period_ns;
    Ok(Asked {
        scheduler: match realtime.scheduler {
            SchedulerName::Fifo => SchedulerAsked::Fifo(realtime.priority),
            SchedulerName::Deadline => SchedulerAsked::Deadline {
                runtime_ns: (realtime.deadline_share * period_ns as f64) as u64,
                deadline_ns: period_ns,
                period_ns,
            },
            SchedulerName::Other => SchedulerAsked::Other { nice: realtime.nice },
        },
        cpu: realtime.cpu,
        lock_memory: realtime.lock_memory,
        no_deep_sleep: realtime.no_deep_sleep,
    })
}
