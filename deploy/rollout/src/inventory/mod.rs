//! Which devices there are, and how a release goes out to them.

mod amount;
mod raw;
mod schema;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use shared_host::config::ConfigError;
use shared_host::sections::BrokerConfig;
use shared_proto::ids::TopicRoot;

pub use amount::Amount;
pub use schema::SCHEMA;

use crate::device::Place;
use crate::health::Terms;

/// Devices and policy.
#[derive(Debug, Clone)]
pub struct Inventory {
    /// The devices, in the order in which they get a release; each host once.
    pub devices: Vec<Listed>,
    /// How a release goes out.
    pub policy: Policy,
    /// The broker, if one is to be looked at.
    pub broker: Option<BrokerConfig>,
    /// First levels of the devices' topics.
    pub root: TopicRoot,
}

/// A device of the inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// What the agent must call itself, if that is said.
    pub name: Option<String>,
    /// Where and how.
    pub place: Place,
}

/// How a release goes out, and when it stays.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Policy {
    /// The first wave.
    pub canary: Amount,
    /// Each wave after it.
    pub wave: Amount,
    /// Devices in work at once, 1 to 256.
    pub max_down: usize,
    /// Devices out of reach, of all.
    pub max_unreachable: Amount,
    /// Devices out of reach, of the first wave.
    pub max_unreachable_canary: Amount,
    /// When a release stays.
    pub terms: Terms,
    /// After which time a device goes back by itself.
    pub guard: Duration,
    /// Time between two looks at a device.
    pub poll: Duration,
}

impl Inventory {
    /// Reads an inventory; `FLEET_...` variables override its keys.
    ///
    /// # Errors
    /// [`ConfigError`] says where, which key, the value and what is allowed.
    pub fn load(file: &Path, env: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Self, ConfigError> {
        raw::check(&SCHEMA.load(Some(file), env)?)
    }

    /// Reads an inventory from a text, called `name` in errors.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn from_text(name: &str, text: &str) -> Result<Self, ConfigError> {
        raw::check(&SCHEMA.load_text(Path::new(name), text)?)
    }

    /// The device of this name or host.
    #[must_use]
    pub fn find(&self, who: &str) -> Option<&Listed> {
        self.devices.iter().find(|listed| listed.place.host == who || listed.name.as_deref() == Some(who))
    }
}

impl Listed {
    /// What people call it.
    #[must_use]
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.place.host)
    }
}
