//! What a device tells EdgeX: the one source of the device profile and of the messages.

use super::MODE;

/// Type of a value, in EdgeX's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueType {
    /// Yes or no.
    Bool,
    /// A text.
    String,
    /// Whole number of 32 bits.
    Uint32,
    /// Whole number of 64 bits.
    Uint64,
    /// Whole number of 64 bits with a sign.
    Int64,
    /// Floating point number of 64 bits.
    Float64,
}

impl ValueType {
    /// EdgeX's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bool => "Bool",
            Self::String => "String",
            Self::Uint32 => "Uint32",
            Self::Uint64 => "Uint64",
            Self::Int64 => "Int64",
            Self::Float64 => "Float64",
        }
    }
}

/// What may be done with a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Read.
    Read,
    /// Read and written.
    ReadWrite,
}

impl Access {
    /// EdgeX's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "R",
            Self::ReadWrite => "RW",
        }
    }
}

/// With what a resource is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// With all the others in one message, always.
    Metrics,
    /// By itself, now and then, if the machine tells it.
    Alone,
}

/// A resource of the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resource {
    /// Its name: `A`–`Z`, `a`–`z`, `0`–`9`, `_`.
    pub name: &'static str,
    /// Type of its value.
    pub value_type: ValueType,
    /// What may be done with it.
    pub access: Access,
    /// Its unit, if it has one.
    pub units: Option<&'static str>,
    /// What it is.
    pub doc: &'static str,
    /// With what it is published.
    pub in_metrics: Membership,
}

/// Everything that a device tells EdgeX, in the order of its messages.
pub const RESOURCES: &[Resource] = &[
    of("miss_rate", ValueType::Float64, Some("ratio"), "Deadlines missed per job, over the latest jobs"),
    of("jitter_p99_us", ValueType::Float64, Some("us"), "Start minus release, 99th percentile since the last message"),
    of("jitter_max_us", ValueType::Float64, Some("us"), "Start minus release, greatest since the last message"),
    of("response_p99_us", ValueType::Float64, Some("us"), "End minus release, 99th percentile since the last message"),
    of("response_max_us", ValueType::Float64, Some("us"), "End minus release, greatest since the last message"),
    of("jobs", ValueType::Uint64, None, "Releases since the last message, run or skipped"),
    of("misses", ValueType::Uint64, None, "Deadlines missed since the last message, skipped releases included"),
    of("skipped", ValueType::Uint64, None, "Releases skipped since the last message"),
    of("total_jobs", ValueType::Uint64, None, "Releases since the start of the agent"),
    of("total_misses", ValueType::Uint64, None, "Deadlines missed since the start of the agent"),
    of("period_us", ValueType::Uint32, Some("us"), "Period of the task"),
    of("deadline_us", ValueType::Uint32, Some("us"), "Relative deadline of the task"),
    of("workload", ValueType::Float64, Some("ratio"), "CPU time of a job that is aimed at, as a share of the period"),
    of("seq", ValueType::Uint64, None, "Number of the message in this run of the agent, from 1"),
    of("boot", ValueType::String, None, "This run of the agent: random at each start"),
    of("dev_time_ns", ValueType::Int64, Some("ns"), "Wall clock of the device, since 1970"),
    of("up_ms", ValueType::Uint64, Some("ms"), "Time since the start of the agent"),
    Resource { access: Access::ReadWrite, ..of(MODE, ValueType::String, None, "Mode in effect: NORMAL or DEGRADED") },
    of("mode_source", ValueType::String, None, "Who decided it: operator, safety, gateway, local or default"),
    alone("cpu", ValueType::Float64, Some("ratio"), "Busy share of all processors"),
    alone("temp_c", ValueType::Float64, Some("C"), "Temperature of the processor"),
    alone("throttled", ValueType::Uint32, None, "Raspberry Pi throttle flags, bit 0 is under-voltage now"),
];

const fn of(name: &'static str, value_type: ValueType, units: Option<&'static str>, doc: &'static str) -> Resource {
    Resource { name, value_type, access: Access::Read, units, doc, in_metrics: Membership::Metrics }
}

const fn alone(name: &'static str, value_type: ValueType, units: Option<&'static str>, doc: &'static str) -> Resource {
    Resource { in_metrics: Membership::Alone, ..of(name, value_type, units, doc) }
}

/// The resource of this name.
#[must_use]
pub fn resource(name: &str) -> Option<&'static Resource> {
    RESOURCES.iter().find(|resource| resource.name == name)
}
