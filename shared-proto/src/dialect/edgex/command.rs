//! What EdgeX asks of a device.

use core::fmt;

use serde::de::{Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::{MAX_UUID, MODE};
use crate::ids::DeviceId;
use crate::mode::Mode;

/// What a `set` of the mode carries: an object with this one key. EdgeX sends one message for each resource, and an answer
/// says that all of the message was done: so any other key is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Written {
    /// The mode to take.
    pub mode: Mode,
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// A derived one would also take the list `["NORMAL"]`.
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Written;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with the one key \"mode\"")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Written, A::Error> {
                let only = || A::Error::custom("allowed is the one key \"mode\"");
                if map.next_key::<&str>()? != Some(MODE) {
                    return Err(only());
                }
                let mode = map.next_value()?;
                match map.next_key::<IgnoredAny>()? {
                    None => Ok(Written { mode }),
                    Some(_) => Err(only()),
                }
            }
        }

        deserializer.deserialize_map(Object)
    }
}

/// What EdgeX wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// To know a value. The payload is empty.
    Get,
    /// To change it. The payload is [`Written`].
    Set,
}

impl Method {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Set => "set",
        }
    }
}

/// What a command's topic says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'t> {
    /// Name of the resource, of letters, digits and `_`; there may be none of this name.
    pub resource: &'t str,
    /// What EdgeX wants.
    pub method: Method,
    /// Identifier of the request, of 1 to [`MAX_UUID`] letters, digits and `-`: the answer's topic ends with it.
    pub uuid: &'t str,
}

/// What a command's topic says; `None` if it is none of this device, or name or identifier are none.
#[must_use]
pub fn parse_command<'t>(device: &DeviceId, topic: &'t str) -> Option<Request<'t>> {
    let (of_device, rest) = topic.strip_prefix("command/")?.split_once('/')?;
    let (resource, rest) = rest.split_once('/')?;
    let (method, uuid) = rest.split_once('/')?;
    let method = match method {
        "get" => Method::Get,
        "set" => Method::Set,
        _ => return None,
    };
    let is_name = resource.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    (of_device == device.as_str() && is_name && is_uuid(uuid)).then_some(Request { resource, method, uuid })
}

pub(super) fn is_uuid(text: &str) -> bool {
    (1..=MAX_UUID).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}
