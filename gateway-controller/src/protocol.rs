//! What the control socket is asked, and what it answers.

use serde::{Deserialize, Serialize};
use shared_host::control::Reply;
use shared_proto::ids::{CommandId, DeviceId};
use shared_proto::mode::Mode;

use crate::fleet::{Action, DeviceView, Fleet, Moment, Refused, Wish};
use crate::sites::{Sites, SitesView};

/// A request: `{"request":"health"}`, `{"request":"devices"}`, `{"request":"device","device":"pi-1"}`,
/// `{"request":"forget","device":"pi-1"}` or `{"request":"set-mode","device":"pi-1","wish":"degraded"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub enum Request {
    /// Whether the loop still turns, and has its broker; answered with [`Health`].
    Health,
    /// All devices; answered with [`Devices`].
    Devices,
    /// One device; answered with [`DeviceView`].
    Device {
        /// Which.
        device: DeviceId,
    },
    /// Forget a device, or a site, that is not online; answered with [`Gone`].
    Forget {
        /// Which.
        device: DeviceId,
    },
    /// What an operator wants; answered with [`Wished`].
    SetMode {
        /// Of which device.
        device: DeviceId,
        /// What.
        wish: WishWord,
    },
}

/// What an operator wants of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WishWord {
    /// NORMAL, until `auto`.
    Normal,
    /// DEGRADED, until `auto`.
    Degraded,
    /// What the policy wants.
    Auto,
    /// Nothing: the device is left to itself until `auto`.
    Release,
}

/// The controller's own connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerView {
    /// Address of the broker.
    pub url: String,
    /// Why there is no connection; `null` if there is one.
    pub down: Option<String>,
}

/// The loop turns: it has answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Being without a connection is no illness: devices decide for themselves meanwhile.
    pub broker: BrokerView,
}

/// All devices, by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Devices {
    /// Without a connection the devices are as they were last heard of.
    pub broker: BrokerView,
    /// The devices.
    pub devices: Vec<DeviceView>,
    /// The sites below; none unless they are listened to.
    #[serde(default)]
    pub sites: SitesView,
}

/// A wish was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Wished {
    /// Without a connection the wish has to wait.
    pub broker: BrokerView,
    /// The command that was sent for it at once; `null` if none was needed, or none could be sent.
    pub command_id: Option<CommandId>,
    /// The device as it is now.
    pub device: DeviceView,
}

/// A device, or a site, was forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// Which.
    pub device: DeviceId,
}

impl From<WishWord> for Option<Wish> {
    fn from(word: WishWord) -> Self {
        match word {
            WishWord::Normal => Some(Wish::Mode(Mode::Normal)),
            WishWord::Degraded => Some(Wish::Mode(Mode::Degraded)),
            WishWord::Release => Some(Wish::Release),
            WishWord::Auto => None,
        }
    }
}

impl From<Option<Wish>> for WishWord {
    fn from(wish: Option<Wish>) -> Self {
        match wish {
            Some(Wish::Mode(Mode::Normal)) => Self::Normal,
            Some(Wish::Mode(Mode::Degraded)) => Self::Degraded,
            Some(Wish::Release) => Self::Release,
            None => Self::Auto,
        }
    }
}

/// Answers a request.
pub(crate) fn answer(
    fleet: &mut Fleet,
    sites: Option<&Sites>,
    broker: BrokerView,
    now: Moment,
    request: Request,
    reply: Reply,
    out: &mut Vec<Action>,
) {
    match request {
        Request::Health => reply.send(&Health { broker }),
        Request::Devices => {
            let sites = sites.map(|sites| sites.view(now)).unwrap_or_default();
            reply.send(&Devices { broker, devices: fleet.view(now), sites });
        }
        Request::Device { device } => match fleet.view_of(&device, now) {
            Some(view) => reply.send(&view),
            None => reply.refuse(format!("{device}: {}", Refused::UnknownDevice)),
        },
        Request::Forget { device } => match fleet.forget(now, &device, out) {
            Ok(()) => reply.send(&Gone { device }),
            Err(refused) => reply.refuse(format!("{device}: {refused}")),
        },
        Request::SetMode { device, wish } => {
            let taken = fleet.wish(now, &device, wish.into(), out);
            let view = fleet.view_of(&device, now).ok_or(Refused::UnknownDevice);
            match taken.and_then(|command_id| Ok((command_id, view?))) {
                Ok((command_id, device)) => reply.send(&Wished { broker, command_id, device }),
                Err(refused) => reply.refuse(format!("{device}: {refused}")),
            }
        }
    }
}
