//! The few things of a device that a twin tells: cheaper than a whole view.

use shared_proto::ids::DeviceId;
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::text::Name;
use shared_proto::units::Ratio;

use super::{Fleet, Moment, PresenceView, Wisher};

/// How a device is, in brief. What is not known is `None`.
#[derive(Debug, Clone, PartialEq)]
pub struct Brief {
    /// Whether it is there.
    pub presence: PresenceView,
    /// Effective mode, as reported last.
    pub mode: Option<Mode>,
    /// Who decided it.
    pub mode_source: Option<ModeSource>,
    /// Miss rate of the newest report.
    pub miss_rate: Option<Ratio>,
    /// Number of that report.
    pub seq: Option<u64>,
    /// Version of the agent.
    pub version: Option<Name>,
}

impl Fleet {
    /// Who was the last to wish something of a device; `None` if nothing was ever heard of it.
    pub(crate) fn wisher(&self, device: &DeviceId) -> Option<Wisher> {
        self.devices.get(device).map(|device| device.wisher)
    }

    /// A device in brief; `None` if nothing was ever heard of it.
    #[must_use]
    pub fn brief(&self, device: &DeviceId, now: Moment) -> Option<Brief> {
        let device = self.devices.get(device)?;
        Some(Brief {
            presence: device.presence_view(self.common.link.conn(), now),
            mode: device.reported.as_ref().map(|reported| reported.mode),
            mode_source: device.reported.as_ref().and_then(|reported| reported.source),
            miss_rate: device.newest.map(|newest| newest.miss_rate),
            seq: device.newest.and_then(|newest| newest.seq),
            version: device.version.clone(),
        })
    }

    /// The names of all devices, in no order.
    pub fn names(&self) -> impl Iterator<Item = &DeviceId> {
        self.devices.keys()
    }
}
