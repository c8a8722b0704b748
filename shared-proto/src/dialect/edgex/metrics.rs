//! Readings as device-mqtt reads them.

use core::fmt::{self, Display};

use super::{MODE, ValueType};
use crate::histogram::Latency;
use crate::ids::BootId;
use crate::mode::{Mode, ModeSource};
use crate::units::{Ratio, ns_to_micros};
use crate::wire::Host;

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
    /// Before the first job of a run.
    #[must_use]
    pub fn first(boot: BootId) -> Self {
        Self {
            miss_rate: Ratio::ZERO,
            jitter_p99_ns: 0,
            jitter_max_ns: 0,
            response_p99_ns: 0,
            response_max_ns: 0,
            jobs: 0,
            misses: 0,
            skipped: 0,
            total_jobs: 0,
            total_misses: 0,
            period_us: 0,
            deadline_us: 0,
            workload: Ratio::ZERO,
            seq: 0,
            boot,
            dev_time_ns: 0,
            up_ms: 0,
            mode: Mode::Normal,
            mode_source: ModeSource::Default,
        }
    }

    /// With the latencies of these jobs.
    #[must_use]
    pub fn with_latencies(self, wakeup: &Latency, response: &Latency) -> Self {
        let p99 = |latency: &Latency| latency.quantile_ns(0.99).unwrap_or_default();
        Self {
            jitter_p99_ns: p99(wakeup),
            jitter_max_ns: wakeup.max_ns().unwrap_or_default(),
            response_p99_ns: p99(response),
            response_max_ns: response.max_ns().unwrap_or_default(),
            ..self
        }
    }

    /// Shows its readings, in the order of [`RESOURCES`](super::RESOURCES).
    pub fn each(&self, show: &mut dyn FnMut(Reading)) {
        let mut show = |name, value| show(Reading { name, value });
        let micros = |ns| Value::Float64(ns_to_micros(ns));
        show("miss_rate", Value::Float64(self.miss_rate.get()));
        show("jitter_p99_us", micros(self.jitter_p99_ns));
        show("jitter_max_us", micros(self.jitter_max_ns));
        show("response_p99_us", micros(self.response_p99_ns));
        show("response_max_us", micros(self.response_max_ns));
        show("jobs", Value::Uint64(self.jobs));
        show("misses", Value::Uint64(self.misses));
        show("skipped", Value::Uint64(self.skipped));
        show("total_jobs", Value::Uint64(self.total_jobs));
        show("total_misses", Value::Uint64(self.total_misses));
        show("period_us", Value::Uint32(self.period_us));
        show("deadline_us", Value::Uint32(self.deadline_us));
        show("workload", Value::Float64(self.workload.get()));
        show("seq", Value::Uint64(self.seq));
        show("boot", Value::Boot(self.boot));
        show("dev_time_ns", Value::Int64(self.dev_time_ns));
        show("up_ms", Value::Uint64(self.up_ms));
        show(MODE, Value::Word(self.mode.as_str()));
        show("mode_source", Value::Word(self.mode_source.as_str()));
    }

    /// The reading of this name; `None` if it is not among them.
    #[must_use]
    pub fn reading(&self, name: &str) -> Option<Reading> {
        let mut found = None;
        self.each(&mut |reading| {
            if reading.name == name {
                found = Some(reading);
            }
        });
        found
    }
}

impl Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut written = Ok(());
        let mut separator = '{';
        self.each(&mut |Reading { name, value }| {
            if written.is_ok() {
                written = write!(f, "{separator}\"{name}\":{value}");
                separator = ',';
            }
        });
        written?;
        f.write_str("}")
    }
}

/// Names of what [`machine`] tells, in the order of [`RESOURCES`](super::RESOURCES).
pub const MACHINE: [&str; 3] = ["cpu", "temp_c", "throttled"];

/// What the machine tells, if it does: under the same places as their names in [`MACHINE`].
#[must_use]
pub fn machine(host: &Host) -> [Option<Reading>; 3] {
    let [cpu, temp_c, throttled] = MACHINE;
    [
        host.cpu.map(|share| Reading { name: cpu, value: Value::Float64(share.get()) }),
        host.temp_c.map(|celsius| Reading { name: temp_c, value: Value::Float64(thousandths(celsius)) }),
        host.throttled.map(|flags| Reading { name: throttled, value: Value::Uint32(flags) }),
    ]
}

/// 48.2 as a number of 32 bits is 48.2 as one of 64 bits, not 48.20000076293945.
#[expect(clippy::cast_possible_truncation, reason = "a temperature is far from the limits")]
fn thousandths(value: f32) -> f64 {
    let scaled = f64::from(value) * 1000.0;
    let half = if scaled < 0.0 { -0.5 } else { 0.5 };
    f64::from((scaled + half) as i32) / 1000.0
}
