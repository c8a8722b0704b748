//! EdgeX Foundry's wire, as its device-mqtt 3.x and 4.x speak it: readings up on `incoming/data/{device}/{source}`, commands
//! down on `command/{device}/{resource}/{get | set}/{uuid}`, answers up on `command/response/{uuid}`.
//!
//! [`RESOURCES`] is the one source of the device profile and of the messages. device-mqtt takes a message of several
//! readings as a whole or not at all, reads `null` as zero, and reads each number as a float of 64 bits: every reading is
//! therefore always there, and integers of 64 bits are texts.

mod command;
mod metrics;
mod resources;
#[cfg(test)]
mod tests;

pub use command::{Method, Request, Written, parse_command};
pub use metrics::{MACHINE, Metrics, Reading, Value, machine};
pub use resources::{Access, Membership, RESOURCES, Resource, ValueType, resource};

use super::{Topic, join};
use crate::ids::DeviceId;

/// Name of the device profile.
pub const PROFILE: &str = "rt-agent-profile";
/// Name of the device service.
pub const SERVICE: &str = "device-mqtt";
/// The command that holds all readings of a message: its source.
pub const SOURCE: &str = "metrics";
/// The command that sets the mode. It is only written: a readable one would make EdgeX publish an event without metrics.
pub const SET_MODE: &str = "SetMode";
/// The only resource that can be written.
pub const MODE: &str = "mode";
/// Longest identifier of a request, in bytes. EdgeX' own have 36.
pub const MAX_UUID: usize = 64;

/// Where all devices' answers go.
const RESPONSES: &str = "command/response";

/// Whether a device may have this name with EdgeX of all versions: `A`–`Z`, `a`–`z`, `0`–`9`, `_`, `-`; and not `response`,
/// whose commands would come on the topics of everybody's answers.
#[must_use]
pub fn can_be_named(device: &DeviceId) -> bool {
    !device.as_str().contains('.') && device.as_str() != "response"
}

/// Topic of a device's metrics.
#[must_use]
pub fn metrics_topic(device: &DeviceId) -> Topic {
    data_topic(device, SOURCE)
}

/// Topic of a device's readings from `source`, a command or a resource of the profile.
#[must_use]
pub fn data_topic(device: &DeviceId, source: &str) -> Topic {
    join(["incoming/data", device.as_str(), source])
}

/// The filter that matches all commands for a device.
#[must_use]
pub fn command_filter(device: &DeviceId) -> Topic {
    join(["command", device.as_str(), "#"])
}

/// Topic of the answer to a request; `None` if that is no identifier of a request.
#[must_use]
pub fn response_topic(uuid: &str) -> Option<Topic> {
    let mut topic = Topic::try_from(RESPONSES).ok()?;
    topic.push('/').ok()?;
    topic.push_str(uuid).ok()?;
    command::is_uuid(uuid).then_some(topic)
}
