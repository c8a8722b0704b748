//! Configuration: read into a raw shape, then checked once into types that cannot be wrong.

mod classroom;
mod edgex;
mod edgex_keys;
mod group;
mod kubeedge;
mod metrics;
mod raw;
mod schema;
mod sites;
#[cfg(test)]
mod tests;
mod upstream;
mod web;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use shared_host::config::{ConfigError, Loaded};
use shared_host::mqtt::BrokerUrl;
use shared_host::sections::{BrokerConfig, ControllerSecurity, LogSection};
use shared_proto::ids::TopicRoot;

use crate::edgex::{EdgexConfig, SinkKind, Source};
use crate::fleet::Settings;
use crate::group::GroupName;
use crate::kubeedge::Twins;
use crate::upstream::Settings as UpstreamSettings;
use crate::web::Settings as WebSettings;
pub use schema::SCHEMA;
use schema::{FILE, SECRET_FILE};
pub use sites::Below;

/// Loads what the file and the environment say, as [`SCHEMA`] has it; the environment also in the words of the classroom's
/// policy controller.
///
/// # Errors
/// [`ConfigError`] says where, which key, the value and what is allowed.
pub fn load(file: Option<&Path>, env: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Loaded, ConfigError> {
    let env: Vec<_> = env.into_iter().collect();
    SCHEMA.load_over(&classroom::presets(&env), file, env)
}

/// What the controller runs with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the controller hears of the devices.
    pub source: Source,
    /// How it commands them.
    pub sink: SinkKind,
    /// EdgeX, if source or sink name it.
    pub edgex: EdgexConfig,
    /// Connection to the broker.
    pub mqtt: BrokerConfig,
    /// Signatures; none without keys.
    pub security: Option<ControllerSecurity>,
    /// First levels of the native topics.
    pub root: TopicRoot,
    /// Message formats to listen to.
    pub dialects: Dialects,
    /// What the fleet goes by.
    pub fleet: Settings,
    /// The group of controllers that it shares the reports with.
    pub group: Option<GroupName>,
    /// Whether and where to open the control socket.
    pub control: Control,
    /// Whether sites below are listened to.
    pub sites: Below,
    /// Whether and how this site is forwarded.
    pub upstream: Option<UpstreamSettings>,
    /// Whether and how KubeEdge is told of the devices.
    pub kubeedge: Twins,
    /// Whether and where to serve HTTP.
    pub web: Option<WebSettings>,
    /// The log.
    pub log: LogSection,
}

/// Message formats to listen to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialects {
    /// The native one.
    Native,
    /// The classroom's.
    Lab,
    /// Both.
    Both,
}

/// Whether and where to open the control socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Control {
    /// Not at all.
    Off,
    /// At this path.
    At(PathBuf),
}

impl Config {
    /// Reads the configuration from a file and the environment.
    ///
    /// # Errors
    /// [`ConfigError`] says where, which key, the value and what is allowed.
    pub fn load(file: Option<&Path>, env: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Self, ConfigError> {
        Self::from_loaded(&load(file, env)?)
    }

    /// The defaults with this broker and without control socket, for a controller inside another program.
    ///
    /// # Errors
    /// None as long as the defaults are right, which a test makes sure of.
    pub fn embedded(url: BrokerUrl) -> Result<Self, ConfigError> {
        let mut config = Self::load(None, [])?;
        config.mqtt.url = url;
        config.control = Control::Off;
        Ok(config)
    }

    /// Checks what was loaded with [`SCHEMA`].
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_loaded(loaded: &Loaded) -> Result<Self, ConfigError> {
        raw::check(loaded)
    }

    /// Checks that the files that the configuration names can be read and used now.
    ///
    /// # Errors
    /// [`ConfigError`] for the first file that cannot be used.
    pub fn check_files(&self, loaded: &Loaded) -> Result<(), ConfigError> {
        // Without a part in what the controller does, its files need not be there.
        if self.source != Source::EdgexRest {
            self.mqtt.check_files(loaded)?;
        }
        self.upstream.as_ref().map_or(Ok(()), |upstream| upstream.mqtt.check_files(loaded))?;
        edgex::check_files(&self.edgex, loaded)?;
        self.web.as_ref().map_or(Ok(()), |settings| web::check_files(settings, loaded))?;
        self.security.as_ref().map_or(Ok(()), |security| security.read(loaded).map(drop))
    }

    /// The control socket's default path.
    #[must_use]
    pub fn default_socket() -> PathBuf {
        shared_host::control::default_path(SCHEMA.program)
    }
}

impl Dialects {
    /// Whether the native wire is listened to.
    #[must_use]
    pub fn native(self) -> bool {
        matches!(self, Self::Native | Self::Both)
    }

    /// Whether the classroom's wire is listened to.
    #[must_use]
    pub fn lab(self) -> bool {
        matches!(self, Self::Lab | Self::Both)
    }
}
