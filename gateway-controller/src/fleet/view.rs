//! What people and programs are shown of a device.

use serde::{Deserialize, Serialize};
use shared_proto::ids::{BootId, DeviceId};
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::text::{Name, Reason};
use shared_proto::units::{Ratio, ns_to_micros};
use shared_proto::wire::DialectName;

use super::commands::Wire;
use super::counts::Counts;
use super::device::{Device, Presence};
use super::{Moment, Wisher};

/// One device as the controller knows it. Counts are since the controller first heard of the device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeviceView {
    /// The device.
    pub device: DeviceId,
    /// Whether it is there.
    pub presence: PresenceView,
    /// Which wire it is driven on.
    pub dialect: DialectView,
    /// Run of the agent.
    pub boot: Option<BootId>,
    /// Version of the agent.
    pub version: Option<Name>,
    /// Effective mode, as reported last.
    pub mode: Option<Mode>,
    /// Who decided it.
    pub mode_source: Option<ModeSource>,
    /// Why.
    pub reason: Reason,
    /// The mode that the controller wants; `null` if it leaves the device alone.
    pub wanted: Option<Mode>,
    /// Who wants it.
    pub wanted_by: WantedBy,
    /// Miss rate of the newest report.
    pub miss_rate: Option<Ratio>,
    /// Releases received.
    pub jobs: u64,
    /// Misses received.
    pub misses: u64,
    /// Skipped releases received.
    pub skipped: u64,
    /// Releases that the device counted and that no report has brought.
    pub missing_jobs: u64,
    /// Reports that came more than once.
    pub duplicates: u64,
    /// What the counts above are counts of.
    #[serde(default)]
    pub counted: CountedView,
    /// Wake-up latency in the newest report that has any.
    pub wakeup_us: Option<WakeupView>,
    /// Time since anything was heard of it, in milliseconds.
    pub age_ms: u64,
}

/// What the counts of a device are counts of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CountedView {
    /// Of the windows received since the controller first heard of the device.
    #[default]
    Received,
    /// Of the device's present run, as the newest report that came here tells: the controller gets a part of the reports, and cannot
    /// know of any that is missing or came twice.
    Told,
}

/// Wake-up latency in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WakeupView {
    /// Median.
    pub p50: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Greatest.
    pub max: f64,
}

/// Whether a device is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PresenceView {
    /// It is.
    Online,
    /// It said good-bye, or its connection broke.
    Offline,
    /// It was heard before this connection to the broker, not since; or, through EdgeX, not lately.
    Unknown,
}

/// Which wire a device is driven on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DialectView {
    /// This project's own.
    Native,
    /// The classroom's.
    Lab,
    /// Readings from EdgeX.
    Edgex,
}

impl From<DialectName> for DialectView {
    fn from(name: DialectName) -> Self {
        match name {
            DialectName::Native => Self::Native,
            DialectName::Lab => Self::Lab,
            DialectName::Edgex => Self::Edgex,
        }
    }
}

/// Who wants the wanted mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WantedBy {
    /// The policy, or nobody.
    Policy,
    /// A person, by `set-mode`.
    SetMode,
    /// A person in the cloud, by a KubeEdge device's desired mode.
    Kubeedge,
}

impl Device {
    pub(super) fn is_degraded(&self) -> bool {
        self.reported.as_ref().is_some_and(|reported| reported.mode == Mode::Degraded)
    }

    pub(super) fn presence_view(&self, link: Option<u64>, now: Moment) -> PresenceView {
        match self.presence {
            Presence::Offline { .. } => PresenceView::Offline,
            Presence::Online if self.is_online(link, now) => PresenceView::Online,
            Presence::Online | Presence::Unheard => PresenceView::Unknown,
        }
    }

    pub(super) fn view(&self, id: &DeviceId, now: Moment, link: Option<u64>) -> DeviceView {
        let counts = self.tally.sum();
        let reported = self.reported.as_ref();
        DeviceView {
            device: id.clone(),
            presence: self.presence_view(link, now),
            dialect: match self.wire {
                Wire::Native => DialectView::Native,
                Wire::Lab => DialectView::Lab,
                Wire::Edgex => DialectView::Edgex,
            },
            boot: self.identity.boot(),
            version: self.version.clone(),
            mode: reported.map(|reported| reported.mode),
            mode_source: reported.and_then(|reported| reported.source),
            reason: reported.map(|reported| reported.reason.clone()).unwrap_or_default(),
            wanted: self.wanted(),
            wanted_by: match (self.wish, self.wisher) {
                (None, _) => WantedBy::Policy,
                (Some(_), Wisher::SetMode) => WantedBy::SetMode,
                (Some(_), Wisher::Kubeedge) => WantedBy::Kubeedge,
            },
            miss_rate: self.newest.map(|newest| newest.miss_rate),
            jobs: counts.received.jobs,
            misses: counts.received.misses,
            skipped: counts.received.skipped,
            missing_jobs: counts.missing.jobs,
            duplicates: self.tally.duplicates(),
            counted: match self.tally {
                Counts::Received(_) => CountedView::Received,
                Counts::Told(_) => CountedView::Told,
            },
            wakeup_us: self.newest.and_then(|newest| newest.wakeup_ns).map(|[p50, p99, max]| WakeupView {
                p50: ns_to_micros(p50),
                p99: ns_to_micros(p99),
                max: ns_to_micros(max),
            }),
            age_ms: now.millis_since(self.heard.at),
        }
    }
}
