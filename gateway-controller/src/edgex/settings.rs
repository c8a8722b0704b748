//! What the controller has to do with EdgeX, and how to reach it.

use std::time::Duration;

use serde::Deserialize;
use shared_host::secret::Place;
use shared_proto::ids::DeviceId;

use super::ServiceUrl;
use super::readings::Names;

/// Where the controller hears of the devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// From the devices, through the broker.
    Mqtt,
    /// From core-data.
    EdgexRest,
    /// From EdgeX' message bus, and from core-data.
    EdgexBus,
}

/// How the controller commands them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SinkKind {
    /// Through the broker.
    Mqtt,
    /// Through core-command.
    EdgexCommand,
}

/// How to reach EdgeX, and how things are called there.
#[derive(Debug, Clone)]
pub struct EdgexConfig {
    /// Core-data.
    pub core_data: ServiceUrl,
    /// Core-metadata.
    pub core_metadata: ServiceUrl,
    /// Core-command.
    pub core_command: ServiceUrl,
    /// Devices to look after; none: those of the profile.
    pub devices: Vec<DeviceId>,
    /// Name of the profile.
    pub profile: String,
    /// Time between two requests for one device, 100 ms to an hour.
    pub poll: Duration,
    /// Older readings decide nothing; 500 ms to an hour.
    pub max_age: Duration,
    /// How long an answer may take, 500 ms to a minute.
    pub timeout: Duration,
    /// Commands under way at one time, 1 to 8.
    pub parallel: usize,
    /// The bearer token.
    pub token: Option<Place>,
    /// Who may have signed the certificate.
    pub ca: Option<Place>,
    /// How resources and modes are called.
    pub names: Names,
    /// The command that sets the mode.
    pub command: String,
    /// First levels of the topics on the message bus.
    pub bus_topic: String,
}

impl EdgexConfig {
    /// After this time EdgeX' services give up themselves (`Service.RequestTimeout`).
    pub(crate) const OWN_TIMEOUT: Duration = Duration::from_secs(5);
}
