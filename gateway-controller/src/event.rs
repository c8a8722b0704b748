//! What the controller tells: the lines of its log of decisions, and reports for those who watch from inside the process.
//!
//! On standard output each event but those for watchers ([`Event::is_for_watchers`]) is one line of JSON: `t_ms` (wall clock in milliseconds since 1970),
//! `event` (the name below in snake case), then the fields of that event. What is not known is `null`.

use serde::Serialize;
use shared_proto::ids::{BootId, CommandId, DeviceId, SiteId};
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::text::{Name, Reason};
use shared_proto::units::Ratio;
use shared_proto::wire::{Ack, Departure, DialectName, Occurrence, Outcome, Report, Site, Status, Totals};

/// An event and its time.
#[derive(Debug, Clone, Serialize)]
pub struct Record {
    /// Wall clock in milliseconds since 1970.
    pub t_ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Another mode is wanted of a device.
    Decision(Decision),
    /// A command that asked for a change was acknowledged.
    Applied(Applied),
    /// A device refused a command.
    Rejected(Rejected),
    /// EdgeX answered a command: told if it asked for a change and was done, and when the result is another than before.
    Commanded(Commanded),
    /// A device's mode changed, and not because this controller wanted it.
    DeviceMode(DeviceMode),
    /// Something at the device, stronger than the gateway, keeps a mode that is not the wanted one. Told once.
    Held(Held),
    /// Somebody else commands another mode. Told once, until there was none of it for a minute.
    Contested(Contested),
    /// A device is there.
    Online(Online),
    /// A device has gone.
    Offline(Offline),
    /// A device is looked after no more.
    Forgotten(Forgotten),
    /// The connection to the broker came or went.
    Link(Link),
    /// The controller of a site below is there.
    SiteOnline(SiteOnline),
    /// It has gone.
    SiteOffline(SiteOffline),
    /// Something happened at a site below: the words of its controller.
    SiteTold(SiteTold),
    /// A window of a site was accepted (duplicates are not). Never on standard output.
    #[serde(skip)]
    Site(Box<SiteHeard>),
    /// Of the report that is told next: what of it came before. Never on standard output.
    #[serde(skip)]
    CountedBefore(CountedBefore),
    /// A report was accepted (duplicates are not). Never on standard output.
    #[serde(skip)]
    Report(Box<Report>),
    /// A status was accepted (stale ones are not). Never on standard output.
    #[serde(skip)]
    Status(Box<Status>),
    /// A device answered a command, whoever sent it. Never on standard output.
    #[serde(skip)]
    Ack(Box<Ack>),
    /// A device that sends no reports, of the classroom or through EdgeX, told how it is. Never on standard output.
    #[serde(skip)]
    Observed(Observed),
}

impl Event {
    /// Whether it is for those who watch from inside the process, and not for standard output.
    #[must_use]
    pub fn is_for_watchers(&self) -> bool {
        matches!(
            self,
            Self::CountedBefore(_)
                | Self::Report(_)
                | Self::Status(_)
                | Self::Ack(_)
                | Self::Observed(_)
                | Self::Site(_)
        )
    }
}

/// The controller of a site is there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SiteOnline {
    /// The site.
    pub site: SiteId,
    /// Run of its controller.
    pub boot: BootId,
    /// Its connection attempt; `null` if only windows told of it.
    pub conn: Option<u64>,
    /// Version of the controller.
    pub version: Option<Name>,
    /// Time between two windows, in milliseconds; `null` if only windows told of it.
    pub every_ms: Option<u64>,
    /// Whether it was heard now; for watchers alone.
    #[serde(skip)]
    pub news: Freshness,
}

/// The controller of a site has gone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SiteOffline {
    /// The site.
    pub site: SiteId,
    /// Run of its controller.
    pub boot: BootId,
    /// `stopped` or `lost`.
    pub departure: Option<Departure>,
}

/// Something happened at a site.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SiteTold {
    /// The site.
    pub site: SiteId,
    /// What; its time is on the site's clock.
    pub told: Occurrence,
}

/// A window of a site, and what it took to carry it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SiteHeard {
    /// The window.
    pub window: Site,
    /// Topic and payload of its message.
    pub bytes: u64,
}

/// A report covers windows that came before, alone or in another report.
#[derive(Debug, Clone, PartialEq)]
pub struct CountedBefore {
    /// The device.
    pub device: DeviceId,
    /// What of the report was counted already.
    pub counts: Totals,
}

/// How a device is that sends no reports.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Observed {
    /// The device.
    pub device: DeviceId,
    /// The wire that it is heard on: the classroom's, or EdgeX'.
    pub dialect: DialectName,
    /// Misses per job.
    pub miss_rate: Ratio,
    /// The effective mode, as it tells or as it was last commanded.
    pub mode: Mode,
}

/// Another mode is wanted of a device.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Decision {
    /// The device.
    pub device: DeviceId,
    /// The mode wanted before.
    pub from: Option<Mode>,
    /// The mode wanted now; `null` if the device is left to itself.
    pub to: Option<Mode>,
    /// Who decided.
    pub source: DecisionSource,
    /// Why.
    pub reason: Reason,
    /// Run of the agent whose report led to it.
    pub boot: Option<BootId>,
    /// Number of that report.
    pub seq: Option<u64>,
    /// The first command that asks for it; `null` if none could be sent yet.
    pub command_id: Option<CommandId>,
}

/// Who decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecisionSource {
    /// The policy.
    Policy,
    /// A person, by `set-mode`.
    SetMode,
    /// A person in the cloud, by a KubeEdge device's desired mode.
    Kubeedge,
}

/// A command that asked for a change was acknowledged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Applied {
    /// The device.
    pub device: DeviceId,
    /// The command.
    pub command_id: CommandId,
    /// `applied`: the mode changed. `unchanged`: it was that already, or something stronger decides.
    pub result: Outcome,
    /// The mode in effect.
    pub mode: Mode,
    /// Who decided it.
    pub mode_source: ModeSource,
    /// The first job in the new mode.
    pub job: Option<u64>,
    /// On the device: arrival of the command to effect, in microseconds.
    pub receipt_to_effect_us: Option<f64>,
    /// On the device: close of the window that led to it, to effect, in microseconds.
    pub reaction_us: Option<f64>,
    /// Here: arrival of the report (or wish) that led to it, to arrival of the acknowledgement, in milliseconds.
    pub round_trip_ms: Option<f64>,
}

/// A device did not take a command.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rejected {
    /// The device.
    pub device: DeviceId,
    /// The command.
    pub command_id: CommandId,
    /// What became of it: `rejected`, `expired` or `duplicate`.
    pub result: Outcome,
    /// The device's words.
    pub reason: Reason,
    /// The mode in effect.
    pub mode: Mode,
}

/// EdgeX answered a command.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Commanded {
    /// The device.
    pub device: DeviceId,
    /// The command.
    pub command_id: CommandId,
    /// The mode that it asked for.
    pub mode: Mode,
    /// What became of it.
    pub result: CommandResult,
    /// The HTTP status; `null` if there was no answer.
    pub status: Option<u16>,
    /// From request to answer, in milliseconds. A device of device-mqtt has the command long before the answer.
    pub put_ms: f64,
    /// Here: arrival of the reading (or wish) that led to it, to the answer, in milliseconds; `null` if it asked for no change.
    pub round_trip_ms: Option<f64>,
}

/// What became of a command through EdgeX.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CommandResult {
    /// The device answered. Which mode it is in, its readings tell.
    Done,
    /// The device did not answer EdgeX (500).
    NoAnswer,
    /// Device or device service are locked, or down (423).
    Locked,
    /// EdgeX knows no such device or command, or cannot send it (400, 404, 405 and other answers).
    Misfit,
    /// EdgeX does not take the token, or wants one (401, 403).
    Unauthorized,
    /// A service of EdgeX is not there (503, no connection, no answer in time).
    Unavailable,
}

/// A device's mode changed, and not because this controller wanted it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeviceMode {
    /// The device.
    pub device: DeviceId,
    /// The mode before.
    pub from: Mode,
    /// The mode now.
    pub to: Mode,
    /// Who decided it; `null` where the wire does not tell.
    pub source: Option<ModeSource>,
    /// Why; empty where the wire does not tell.
    pub reason: Reason,
}

/// Something at the device keeps a mode that is not the wanted one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Held {
    /// The device.
    pub device: DeviceId,
    /// The mode in effect.
    pub mode: Mode,
    /// The mode wanted here.
    pub wanted: Mode,
    /// Who holds it.
    pub source: ModeSource,
}

/// Somebody else, another controller or a person with `set-mode --broker`, commands another mode than is wanted here.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Contested {
    /// The device.
    pub device: DeviceId,
    /// The other's command, acknowledged by the device.
    pub command_id: CommandId,
    /// Why, in the device's words.
    pub reason: Reason,
    /// The mode in effect.
    pub mode: Mode,
    /// The mode wanted here; `null` if the device shall be left to itself.
    pub wanted: Option<Mode>,
}

/// Whether a message comes from its sender now, or from the broker's store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Now.
    Live,
    /// From the store: it was true once.
    Retained,
}

/// A device is there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Online {
    /// The device.
    pub device: DeviceId,
    /// Run of the agent; `null` on a wire that does not tell.
    pub boot: Option<BootId>,
    /// Its connection attempt; `null` if only reports told of it.
    pub conn: Option<u64>,
    /// Version of the agent.
    pub version: Option<Name>,
    /// Whether it was heard now; for watchers alone.
    #[serde(skip)]
    pub news: Freshness,
}

/// A device has gone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Offline {
    /// The device.
    pub device: DeviceId,
    /// Run of the agent.
    pub boot: BootId,
    /// Its connection attempt.
    pub conn: u64,
    /// `stopped` or `lost`.
    pub departure: Option<Departure>,
    /// Whether it went now; for watchers alone.
    #[serde(skip)]
    pub news: Freshness,
}

/// A device is looked after no more; its counts are gone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forgotten {
    /// The device.
    pub device: DeviceId,
    /// Why.
    pub why: ForgottenWhy,
}

/// Why a device is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForgottenWhy {
    /// Another one came, and there was no room for both.
    Room,
    /// A person said so, by `forget`.
    Operator,
}

/// The connection to the broker came or went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Link {
    /// Which.
    pub state: LinkState,
    /// Number of the connection attempt.
    pub conn: u64,
    /// Why it went.
    pub reason: Option<String>,
}

/// State of the connection to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkState {
    /// Connected and subscribed.
    Up,
    /// Not connected; attempts go on.
    Down,
}
