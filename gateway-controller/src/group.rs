//! Several controllers that share the reports of one fleet: the name of their group, their topics, and the message that tells the
//! others what somebody wishes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use shared_host::json;
use shared_proto::ids::{DeviceId, TopicRoot};
use shared_proto::limits::MAX_COMMAND;
use shared_proto::sign::OVERHEAD;
use shared_proto::wire::Version;

use crate::fleet::{Said, SharedWish, Wisher};
use crate::protocol::WishWord;

/// Longest name.
const MAX_NAME: usize = 32;
/// A level of topics that no device can be called.
const LEVEL: &str = "@group";

/// Name of a group: 1 to 32 of `A`–`Z`, `a`–`z`, `0`–`9`, `_`, `-`, `.`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupName(String);

/// A text that is no name of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("group name: allowed are 1 to 32 of A-Z a-z 0-9 _ - .")]
pub struct BadGroupName;

impl FromStr for GroupName {
    type Err = BadGroupName;

    fn from_str(text: &str) -> Result<Self, BadGroupName> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
        let valid = (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(allowed);
        if valid { Ok(Self(text.to_owned())) } else { Err(BadGroupName) }
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl GroupName {
    /// A number that stands for the name in the ids of commands (FNV-1a, 32 bits).
    #[must_use]
    pub fn mark(&self) -> u32 {
        self.0.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
    }
}

/// The topics of a group: `ROOT/@group/NAME/wish/DEVICE`, and its share of the reports.
#[derive(Debug)]
pub(crate) struct GroupTopics {
    name: GroupName,
    /// All of a wish's topic but the device.
    wish: String,
}

impl GroupTopics {
    pub(crate) fn new(root: &TopicRoot, name: &GroupName) -> Self {
        Self { name: name.clone(), wish: format!("{}/{LEVEL}/{name}/wish/", root.as_str()) }
    }

    /// The filter of all wishes.
    pub(crate) fn wishes(&self) -> String {
        format!("{}+", self.wish)
    }

    /// The filter that gives each message to one of the group.
    pub(crate) fn shared(&self, filter: &str) -> String {
        format!("$share/{}/{filter}", self.name)
    }

    /// Where the wish of one device is kept.
    pub(crate) fn wish(&self, device: &DeviceId) -> String {
        format!("{}{}", self.wish, device.as_str())
    }

    /// Whose wish a topic carries.
    pub(crate) fn device(&self, topic: &str) -> Option<DeviceId> {
        topic.strip_prefix(self.wish.as_str())?.parse().ok()
    }
}

/// What a wish looks like on its topic.
#[derive(Debug, Serialize, Deserialize)]
struct Wire {
    v: Version,
    device: DeviceId,
    wish: WishWord,
    by: Wisher,
    /// Random number of the controller that took it.
    epoch: u32,
    number: u64,
}

/// The payload. `None` cannot happen: every wish fits.
pub(crate) fn encode(shared: &SharedWish) -> Option<Vec<u8>> {
    let Said { wish, by, epoch, number } = shared.said;
    let wire = Wire { v: Version, device: shared.device.clone(), wish: wish.into(), by, epoch, number };
    json::encode(&wire, MAX_COMMAND - OVERHEAD).ok()
}

/// Reads the payload of a device's wish.
pub(crate) fn decode(device: &DeviceId, payload: &[u8]) -> Result<SharedWish, String> {
    if payload.len() > MAX_COMMAND {
        return Err(format!("{} bytes: allowed are {MAX_COMMAND}", payload.len()));
    }
    let wire: Wire = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
    if wire.device != *device {
        return Err(format!("it speaks of another device, {}", wire.device));
    }
    let said = Said { wish: wire.wish.into(), by: wire.by, epoch: wire.epoch, number: wire.number };
    Ok(SharedWish { device: wire.device, said })
}

#[cfg(test)]
mod tests {
    use shared_proto::mode::Mode;

    use super::*;
    use crate::fleet::Wish;

    #[test]
    fn wishes_are_read_as_they_are_written_and_of_their_own_device_only() {
        let device: DeviceId = "pi-1".parse().unwrap();
        for wish in [None, Some(Wish::Release), Some(Wish::Mode(Mode::Normal)), Some(Wish::Mode(Mode::Degraded))] {
            for by in [Wisher::SetMode, Wisher::Kubeedge] {
                let said = Said { wish, by, epoch: u32::MAX, number: u64::MAX };
                let shared = SharedWish { device: device.clone(), said };
                let payload = encode(&shared).unwrap();
                assert_eq!(decode(&device, &payload).unwrap(), shared);
                assert!(decode(&"pi-2".parse().unwrap(), &payload).unwrap_err().contains("pi-1"));
            }
        }
        for bad in ["{}", "", "[", r#"{"v":2,"device":"pi-1","wish":"auto","by":"set-mode","epoch":1,"number":1}"#] {
            assert!(decode(&device, bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn no_device_can_be_called_as_the_group_s_topics() {
        assert!(LEVEL.parse::<DeviceId>().is_err());
        let topics = GroupTopics::new(&"site/edge".parse().unwrap(), &"a".parse().unwrap());
        let device = "pi-1".parse().unwrap();
        assert_eq!(topics.wish(&device), "site/edge/@group/a/wish/pi-1");
        assert_eq!(topics.device("site/edge/@group/a/wish/pi-1"), Some(device));
        assert_eq!(topics.device("site/edge/@group/b/wish/pi-1"), None);
        assert_eq!(topics.shared("edge/+/report"), "$share/a/edge/+/report");
    }

    #[test]
    fn names_have_no_wildcards_and_no_levels() {
        assert!("fleet-1.a_B".parse::<GroupName>().is_ok());
        for bad in ["", "a/b", "+", "#", "a b", &"x".repeat(33)] {
            assert_eq!(bad.parse::<GroupName>(), Err(BadGroupName));
        }
        assert_ne!("a".parse::<GroupName>().unwrap().mark(), "b".parse::<GroupName>().unwrap().mark());
    }
}
