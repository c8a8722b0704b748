//! How KubeEdge is spoken with.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;

use super::property::Property;

/// Whether and how KubeEdge is told of the devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Twins {
    /// Not at all.
    Off,
    /// As a mapper of EdgeCore.
    Mapper(MapperSettings),
    /// By plain MQTT.
    Mqtt(MqttSettings),
}

/// A mapper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapperSettings {
    /// EdgeCore's socket.
    pub dmi_socket: PathBuf,
    /// The mapper's own.
    pub listen: AbstractName,
    /// The protocol whose devices are ours.
    pub protocol: Word,
    /// All values are reported again after so long.
    pub interval: Duration,
}

/// Twins by plain MQTT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MqttSettings {
    /// Namespace of the devices; `None` before KubeEdge 1.17, whose topics have none.
    pub namespace: Option<Word>,
    /// What is reported.
    pub properties: Vec<Property>,
    /// All values are reported again after so long.
    pub interval: Duration,
}

/// 1 to 63 of `A-Z a-z 0-9 . _ -`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Word(String);

/// `@` and a [`Word`]: an abstract unix socket. Not a path, because grpc-go escapes a path in a way that HTTP/2 servers refuse.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct AbstractName(Word);

/// A text that is neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not allowed")]
pub struct NotAName;

impl Word {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Word {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        let allowed = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if allowed && (1..=63).contains(&text.len()) { Ok(Self(text.to_owned())) } else { Err(NotAName) }
    }
}

impl AbstractName {
    /// The name without its `@`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for AbstractName {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        text.strip_prefix('@').ok_or(NotAName)?.parse().map(Self)
    }
}

impl fmt::Display for AbstractName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}", self.name())
    }
}

impl TryFrom<String> for Word {
    type Error = NotAName;

    fn try_from(text: String) -> Result<Self, NotAName> {
        text.parse()
    }
}

impl TryFrom<String> for AbstractName {
    type Error = NotAName;

    fn try_from(text: String) -> Result<Self, NotAName> {
        text.parse()
    }
}
