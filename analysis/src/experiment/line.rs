//! What stands on a line.

use serde::{Deserialize, Serialize};
use shared_proto::ids::{CommandId, DeviceId};
use shared_proto::mode::Mode;
use shared_proto::wire::{Ack, Report, SetMode, Status};

use crate::run::Machine;

/// What the first line calls the format.
pub const FORMAT: &str = "fleet-experiment";
/// The version of the format that this program writes, and the greatest that it reads.
pub const FORMAT_VERSION: u32 = 1;

/// One line of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Line {
    /// The first line.
    Begin(Box<Begin>),
    /// A report arrived.
    Report(Heard<Box<Report>>),
    /// A status arrived, retained or of now.
    Status(Heard<Box<Status>>),
    /// A command went by, whoever sent it.
    Command(Command),
    /// An acknowledgement arrived.
    Ack(Heard<Box<Ack>>),
    /// The recorder itself sent a command, to measure the reaction.
    Injected(Injected),
    /// The recorder's connection to the broker is up.
    Up(Beginning),
    /// The recorder's connection to the broker is gone.
    Down(Down),
    /// How the gateway is.
    Gateway(Gateway),
    /// Something could not be recorded.
    Lost(Lost),
    /// The last line; a file without it was cut short.
    End(End),
}

impl Line {
    /// When, in milliseconds since the start of the run; 0 for the first line.
    #[must_use]
    pub fn at_ms(&self) -> f64 {
        match self {
            Self::Begin(_) => 0.0,
            Self::Report(heard) => heard.at_ms,
            Self::Status(heard) => heard.at_ms,
            Self::Ack(heard) => heard.at_ms,
            Self::Command(command) => command.at_ms,
            Self::Injected(injected) => injected.at_ms,
            Self::Up(up) => up.at_ms,
            Self::Down(down) => down.at_ms,
            Self::Gateway(gateway) => gateway.at_ms,
            Self::Lost(lost) => lost.at_ms,
            Self::End(end) => end.at_ms,
        }
    }
}

/// What is recorded, where and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Begin {
    /// [`FORMAT`].
    pub format: Format,
    /// Version of the format, from 1.
    pub version: u32,
    /// Name and version of the program that wrote it.
    pub tool: String,
    /// The user's name for the condition, like `kubeedge`.
    pub label: String,
    /// Number of this run among those of one command, from 1.
    pub run: u32,
    /// Start on the wall clock, in milliseconds since 1970.
    pub started_unix_ms: u64,
    /// How long it shall last, in milliseconds; `null`: until it is stopped.
    pub duration_ms: Option<u64>,
    /// The gateway, on which the recorder runs.
    pub machine: Machine,
    /// What was told on the command line about how the gateway is set up, and what was found out.
    pub setup: Setup,
}

/// The words [`FORMAT`] in a file, and no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Format {
    /// This one.
    #[default]
    #[serde(rename = "fleet-experiment")]
    FleetExperiment,
}

/// How the gateway is set up.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Setup {
    /// Address of the broker, without credentials.
    pub broker: String,
    /// First levels of the topics.
    pub root: String,
    /// How often a change is injected, in milliseconds; `null`: never.
    pub inject_every_ms: Option<u64>,
    /// How often the gateway is looked at, in milliseconds.
    pub sample_every_ms: u64,
    /// The threshold whose crossing is looked for in the miss rate; 0 to 1.
    pub degrade_above: f64,
    /// Free words of the user.
    pub note: String,
}

/// A message from a device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Heard<T> {
    /// When it arrived.
    pub at_ms: f64,
    /// The message, as on the wire.
    pub message: T,
}

/// A command that went by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// When it arrived here: the broker sent it to the device at that time as well.
    pub at_ms: f64,
    /// To which device.
    pub device: DeviceId,
    /// The message, as on the wire.
    pub message: Box<SetMode>,
}

/// A command of the recorder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Injected {
    /// When it was handed to the connection.
    pub at_ms: f64,
    /// To which device.
    pub device: DeviceId,
    /// Its id, which the acknowledgement will name.
    pub id: CommandId,
    /// The mode that it asks for.
    pub mode: Mode,
}

/// Something began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Beginning {
    /// When.
    pub at_ms: f64,
}

/// The connection is gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Down {
    /// When.
    pub at_ms: f64,
    /// Why.
    pub reason: String,
}

/// How the gateway was since the sample before.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Gateway {
    /// When.
    pub at_ms: f64,
    /// Since the sample before, in milliseconds.
    pub span_ms: f64,
    /// Busy share of all CPUs, 0 to 1.
    pub cpu: f64,
    /// Share of the time that the hypervisor took away, 0 to 1.
    pub steal: f64,
    /// Memory that is not available, in KiB.
    pub memory_used_kb: u64,
    /// All memory, in KiB.
    pub memory_kb: u64,
    /// Pressure of CPU: share of the time in which something waited for one (`/proc/pressure/cpu`, some), 0 to 1; `null` where the
    /// kernel does not tell.
    pub cpu_pressure: Option<f64>,
    /// Processes by name, or control groups.
    pub groups: Vec<Group>,
}

/// Processes of one name, or a control group.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Group {
    /// The name of the processes, like `mosquitto`, or of the control group.
    pub name: String,
    /// How many processes.
    pub processes: u32,
    /// CPU time since the sample before by its length: 1 is one whole CPU.
    pub cpu: f64,
    /// Memory in KiB: proportional set size where it may be read, else resident; of a control group what it is charged for.
    pub memory_kb: u64,
}

/// Something could not be recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lost {
    /// When.
    pub at_ms: f64,
    /// What.
    pub what: String,
    /// How many, since the line before of the same.
    pub count: u64,
}

/// The end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// When.
    pub at_ms: f64,
    /// Why.
    pub reason: Ending,
    /// Reports in this file.
    pub reports: u64,
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Its time was over.
    Complete,
    /// The user, or the system, stopped it.
    Interrupted,
}
