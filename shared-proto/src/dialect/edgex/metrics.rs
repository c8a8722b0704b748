//! Readings as device-mqtt reads them.

use core::fmt::{self, Display};

use super::{MODE, ValueType};
use crate::ids::BootId;
use crate::mode::{Mode, ModeSource};
use crate::units::{Ratio, ns_to_micros};
use crate::wire::{Host, Report};

/// A value; [`Display`] writes it as device-mqtt reads it, in JSON.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// A number; one that is none is written as 0.
    Float64(f64),
    /// A number.
    Uint32(u32),
    /// A text of digits.
    Uint64(u64),
    /// A text of digits.
    Int64(i64),
    /// A word without characters that JSON escapes.
    Word(&'static str),
    /// A text of hexadecimal digits.
    Boot(BootId),
}

impl Value {
    /// Its type.
    #[must_use]
    pub fn value_type(self) -> ValueType {
        match self {
            Self::Float64(_) => ValueType::Float64,
            Self::Uint32(_) => ValueType::Uint32,
            Self::Uint64(_) => ValueType::Uint64,
            Self::Int64(_) => ValueType::Int64,
            Self::Word(_) | Self::Boot(_) => ValueType::String,
        }
    }
}

impl Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Float64(value) if value.is_finite() => write!(f, "{value}"),
            Self::Float64(_) => f.write_str("0"),
            Self::Uint32(value) => write!(f, "{value}"),
            Self::Uint64(value) => write!(f, "\"{value}\""),
            Self::Int64(value) => write!(f, "\"{value}\""),
            Self::Word(value) => write!(f, "\"{value}\""),
            Self::Boot(value) => write!(f, "\"{value}\""),
        }
    }
}

/// A value by its name; [`Display`] writes the JSON object of this one member, as an answer or a message of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// Name of the resource.
    pub name: &'static str,
    /// Its value.
    pub value: Value,
}

impl Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{\"{}\":{}}}", self.name, self.value)
    }
}

/// The message of all readings that are always there; [`Display`] writes its JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct Metrics {
    /// Misses per job over the latest jobs.
    pub miss_rate: Ratio,
    /// Start minus release in nanoseconds, 99th percentile; 0 if no job ran.
    pub jitter_p99_ns: u64,
    /// The greatest of them; 0 if no job ran.
    pub jitter_max_ns: u64,
    /// End minus release in nanoseconds, 99th percentile; 0 if no job ran.
    pub response_p99_ns: u64,
    /// The greatest of them; 0 if no job ran.
    pub response_max_ns: u64,
    /// Releases since the last message.
    pub jobs: u64,
    /// Deadlines missed since the last message, skipped releases included.
    pub misses: u64,
    /// Releases skipped since the last message.
    pub skipped: u64,
    /// Releases since the start of the agent.
    pub total_jobs: u64,
    /// Deadlines missed since the start of the agent.
    pub total_misses: u64,
    /// Period in microseconds.
    pub period_us: u32,
    /// Relative deadline in microseconds.
    pub deadline_us: u32,
    /// CPU time of a job that is aimed at, as a share of the period.
    pub workload: Ratio,
    /// Number of the message in this run, from 1.
    pub seq: u64,
    /// This run.
    pub boot: BootId,
    /// Wall clock in nanoseconds since 1970.
    pub dev_time_ns: i64,
    /// Milliseconds since the start of the agent.
    pub up_ms: u64,
    /// Mode in effect.
    pub mode: Mode,
    /// Who decided it.
    pub mode_source: ModeSource,
}

impl Metrics {
    /// What `report` tells, as message `seq`.
    #[must_use]
    pub fn of(report: &Report, seq: u64) -> Self {
        Self {
            miss_rate: report.miss_rate,
            jitter_p99_ns: report.wakeup_us.quantile_ns(0.99).unwrap_or_default(),
            jitter_max_ns: report.wakeup_us.max_ns().unwrap_or_default(),
            response_p99_ns: report.response_us.quantile_ns(0.99).unwrap_or_default(),
            response_max_ns: report.response_us.max_ns().unwrap_or_default(),
            jobs: report.jobs,
            misses: report.misses,
            skipped: report.skipped,
            total_jobs: report.total.jobs,
            total_misses: report.total.misses,
            period_us: u32::try_from(report.task.period_us).unwrap_or(u32::MAX),
            deadline_us: u32::try_from(report.task.deadline_us).unwrap_or(u32::MAX),
            workload: report.workload,
            seq,
            boot: report.boot,
            dev_time_ns: i64::try_from(report.t_ms.saturating_mul(1_000_000)).unwrap_or(i64::MAX),
            up_ms: report.up_ms,
            mode: report.mode,
            mode_source: report.mode_source,
        }
    }

    /// Its readings, in the order of [`RESOURCES`].
    #[must_use]
    pub fn readings(&self) -> [Reading; 19] {
        let micros = |ns| Value::Float64(ns_to_micros(ns));
        [
            ("miss_rate", Value::Float64(self.miss_rate.get())),
            ("jitter_p99_us", micros(self.jitter_p99_ns)),
            ("jitter_max_us", micros(self.jitter_max_ns)),
            ("response_p99_us", micros(self.response_p99_ns)),
            ("response_max_us", micros(self.response_max_ns)),
            ("jobs", Value::Uint64(self.jobs)),
            ("misses", Value::Uint64(self.misses)),
            ("skipped", Value::Uint64(self.skipped)),
            ("total_jobs", Value::Uint64(self.total_jobs)),
            ("total_misses", Value::Uint64(self.total_misses)),
            ("period_us", Value::Uint32(self.period_us)),
            ("deadline_us", Value::Uint32(self.deadline_us)),
            ("workload", Value::Float64(self.workload.get())),
            ("seq", Value::Uint64(self.seq)),
            ("boot", Value::Boot(self.boot)),
            ("dev_time_ns", Value::Int64(self.dev_time_ns)),
            ("up_ms", Value::Uint64(self.up_ms)),
            (MODE, Value::Word(self.mode.as_str())),
            ("mode_source", Value::Word(self.mode_source.as_str())),
        ]
        .map(|(name, value)| Reading { name, value })
    }
}

impl Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, Reading { name, value }) in self.readings().iter().enumerate() {
            let separator = if position == 0 { '{' } else { ',' };
            write!(f, "{separator}\"{name}\":{value}")?;
        }
        f.write_str("}")
    }
}

/// What the machine tells, in the order of [`RESOURCES`].
pub fn machine(host: &Host) -> impl Iterator<Item = Reading> + use<> {
    let cpu = host.cpu.map(|cpu| ("cpu", Value::Float64(cpu.get())));
    let temp_c = host.temp_c.map(|celsius| ("temp_c", Value::Float64(thousandths(celsius))));
    let throttled = host.throttled.map(|flags| ("throttled", Value::Uint32(flags)));
    [cpu, temp_c, throttled].into_iter().flatten().map(|(name, value)| Reading { name, value })
}

/// 48.2 as a number of 32 bits is 48.2 as one of 64 bits, not 48.20000076293945.
#[expect(clippy::cast_possible_truncation, reason = "a temperature is far from the limits")]
fn thousandths(value: f32) -> f64 {
    let scaled = f64::from(value) * 1000.0;
    let half = if scaled < 0.0 { -0.5 } else { 0.5 };
    f64::from((scaled + half) as i32) / 1000.0
}
