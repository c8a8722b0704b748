//! The controller's core: what is known of every device, which mode is wanted of it, and which commands that takes.
//!
//! No input or output and no clock: messages and the time come in, [`Action`]s come out. The same code runs in the program, in
//! tests with made-up time, and in the table that `devices` prints.

mod brief;
mod clock;
mod commands;
mod counts;
mod device;
mod edgex;
mod group;
mod handle;
mod identity;
mod moment;
mod peers;
mod reconcile;
mod seen;
mod take;
#[cfg(test)]
mod tests;
mod view;

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use shared_proto::dialect::lab;
use shared_proto::ids::DeviceId;
use shared_proto::mode::Mode;
use shared_proto::policy::PolicyConfig;
use shared_proto::wire::{Census, SetMode};

use crate::event::Event;
pub use crate::event::Freshness;
pub use brief::Brief;
pub use commands::{BadTiming, MAX_RETRY_MS, MAX_TTL_MS, MIN_RETRY_MS, MIN_TTL_MS, Timing};
use device::Device;
pub use edgex::{EdgexAnswer, EdgexCommand, EdgexObserved, EdgexTaken};
pub use group::{Said, SharedWish};
pub use moment::Moment;
pub use view::{CountedView, DeviceView, DialectView, PresenceView, WakeupView, WantedBy};

/// In a group: an alarm that is later than that is put off by as much, in milliseconds.
const LATE_MS: u64 = 1_000;

/// What the fleet goes by.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Whether and how to decide by reports.
    pub rule: Rule,
    /// Times of commands.
    pub timing: Timing,
    /// Devices that are looked after. One more takes the place of the offline device that was not heard for longest; while
    /// there is none, its messages are refused.
    pub max_devices: usize,
}

/// Whether to decide by reports.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// By this policy.
    Decide(PolicyConfig),
    /// Not at all: reports are recorded, operators' wishes are carried out.
    Observe,
}

/// What an operator wants of a device, instead of the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// This mode.
    Mode(Mode),
    /// That the gateway leaves it alone.
    Release,
}

/// Who wishes it. The last to speak is obeyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wisher {
    /// A person at the gateway, by `set-mode`.
    #[default]
    SetMode,
    /// A person in the cloud, by the desired mode of a KubeEdge device.
    Kubeedge,
}

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Send a command.
    Send(Command),
    /// Clear the status that the broker keeps of this device.
    ClearStatus(DeviceId),
    /// Have the broker keep this for the others of the group.
    Share(SharedWish),
    /// Tell an event.
    Tell(Event),
}

/// A command for one device.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// The device.
    pub device: DeviceId,
    /// What it says.
    pub payload: Payload,
}

/// A command on its wire.
#[derive(Debug, Clone, PartialEq)]
pub enum Payload {
    /// With lease and acknowledgement.
    Native(Box<SetMode>),
    /// The classroom's.
    Lab(lab::Command),
    /// For core-command.
    Edgex(EdgexCommand),
}

/// How commands reach the devices, and when one that is heard through EdgeX counts as silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tie {
    /// How commands reach the devices.
    pub carrier: Carrier,
    /// After so long without a new reading a device is silent, in milliseconds: nothing is commanded of it.
    pub silent_after_ms: u64,
}

/// How commands reach the devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// Each on the wire that it is heard on.
    SameWire,
    /// All through EdgeX' core-command.
    Edgex,
}

impl Default for Tie {
    /// On the wire that each is heard on.
    fn default() -> Self {
        Self { carrier: Carrier::SameWire, silent_after_ms: 7_000 }
    }
}

/// Why a message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The device is one too many.
    #[error("too many devices: limits.max_devices allows {0}, and none of them can make room")]
    TooManyDevices(usize),
    /// Nothing was ever heard of the device.
    #[error("nothing was heard of this device yet: see `devices` for those that are known")]
    UnknownDevice,
    /// A device that is there cannot be forgotten.
    #[error("it is online, and would be back at once: stop its agent first")]
    Online,
    /// A device that the broker would bring back cannot be forgotten.
    #[error("there is no connection to the broker, which would bring it back: try again when there is")]
    NoBroker,
}

/// All devices.
#[derive(Debug)]
pub struct Fleet {
    devices: HashMap<DeviceId, Device>,
    /// When to look at a device again, soonest first.
    wakes: BTreeSet<(Moment, DeviceId)>,
    /// Until then nobody is looked for who could be forgotten.
    no_room_before: Option<Moment>,
    common: Common,
}

/// What all devices share.
#[derive(Debug)]
struct Common {
    settings: Settings,
    tie: Tie,
    link: BrokerLink,
    ids: reconcile::CommandIds,
    /// The controllers that share the reports with this one.
    group: Option<group::Group>,
}

impl Common {
    /// Whether it is for this controller to act, before anything was heard.
    fn lead(&self) -> device::Lead {
        if self.group.is_some() { device::Lead::Standby } else { device::Lead::Alone }
    }
}

/// The connection to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BrokerLink {
    /// The first attempt is under way.
    New,
    Up {
        conn: u64,
    },
    Down,
}

impl BrokerLink {
    /// Number of the connection, if it is up.
    fn conn(self) -> Option<u64> {
        match self {
            Self::Up { conn } => Some(conn),
            Self::New | Self::Down => None,
        }
    }
}

impl Fleet {
    /// An empty fleet. `epoch` is a random number that makes this controller's command ids different from those of others.
    #[must_use]
    pub fn new(settings: Settings, epoch: u32) -> Self {
        let ids = reconcile::CommandIds::new(epoch);
        let common = Common { settings, tie: Tie::default(), link: BrokerLink::New, ids, group: None };
        Self { devices: HashMap::new(), wakes: BTreeSet::new(), no_room_before: None, common }
    }

    /// The same, tied to EdgeX.
    #[must_use]
    pub fn tied(mut self, tie: Tie) -> Self {
        self.common.tie = tie;
        self
    }

    /// When [`Fleet::tick`] has something to do next.
    #[must_use]
    pub fn next_wake(&self) -> Option<Moment> {
        self.wakes.first().map(|(at, _)| *at)
    }

    /// Does what time has made due: renews leases, repeats commands.
    pub fn tick(&mut self, now: Moment, out: &mut Vec<Action>) {
        while self.wakes.first().is_some_and(|(at, _)| *at <= now) {
            let Some((at, id)) = self.wakes.pop_first() else { return };
            if let Some(device) = self.devices.get_mut(&id) {
                // It stood still meanwhile: what the others said waits to be read, and may say otherwise.
                if self.common.group.is_some() && now.millis_since(at) > LATE_MS {
                    let later = now.plus_millis(LATE_MS);
                    device.wake = Some(later);
                    self.wakes.insert((later, id));
                    continue;
                }
                device.wake = None;
                device.lead.ask();
                reconcile::reconcile(&mut self.common, &id, device, now, out);
                device.lead.rest();
                schedule(&mut self.wakes, &self.common, &id, device);
            }
        }
    }

    /// How many devices there are, and how; and the releases that they have counted and no report has brought.
    #[must_use]
    pub fn census(&self, now: Moment) -> (Census, u64) {
        let link = self.common.link.conn();
        let mut census = Census::default();
        let mut missing_jobs = 0u64;
        for device in self.devices.values() {
            let presence = device.presence_view(link, now);
            census.known += 1;
            census.online += u64::from(presence == PresenceView::Online);
            census.offline += u64::from(presence == PresenceView::Offline);
            census.degraded += u64::from(device.is_degraded());
            missing_jobs = missing_jobs.saturating_add(device.tally.sum().missing.jobs);
        }
        (census, missing_jobs)
    }

    /// What is known of every device, by name.
    #[must_use]
    pub fn view(&self, now: Moment) -> Vec<DeviceView> {
        let mut views: Vec<_> =
            self.devices.iter().map(|(id, device)| device.view(id, now, self.common.link.conn())).collect();
        views.sort_by(|a, b| a.device.cmp(&b.device));
        views
    }

    /// What is known of one device.
    #[must_use]
    pub fn view_of(&self, device: &DeviceId, now: Moment) -> Option<DeviceView> {
        self.devices.get(device).map(|found| found.view(device, now, self.common.link.conn()))
    }
}

/// Enters the time at which the device wants to be looked at again.
fn schedule(wakes: &mut BTreeSet<(Moment, DeviceId)>, common: &Common, id: &DeviceId, device: &mut Device) {
    let wake = reconcile::next_wake(common, device);
    if wake == device.wake {
        return;
    }
    if let Some(old) = device.wake {
        wakes.remove(&(old, id.clone()));
    }
    if let Some(new) = wake {
        wakes.insert((new, id.clone()));
    }
    device.wake = wake;
}
