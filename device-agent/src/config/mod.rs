//! Configuration of the agent: TOML, every key overridable by environment, every value checked before anything starts.

mod edgex;
mod gpio;
mod keys;
mod raw;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use shared_host::config::{ConfigError, Loaded};
use shared_host::sections::{AgentSecurity, BrokerConfig, LogSection};
use shared_proto::ids::{DeviceId, TopicRoot};
use shared_proto::policy::PolicyConfig;
use shared_proto::units::Ratio;
use shared_proto::wire::Dialects;

pub use keys::SCHEMA;
pub(crate) use raw::host_name;

use crate::agent::Autonomy;
use crate::gpio::GpioConfig;
use crate::keeper::StoreConfig;
use crate::link::EdgexSettings;
use crate::mode::GuardConfig;
use crate::rt::{Asked, Timing};
use crate::window::WindowConfig;

/// Everything that an agent is configured with, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Name of the device.
    pub device: DeviceId,
    /// Periods and deadline.
    pub timing: Timing,
    /// What each job does.
    pub workload: WorkloadConfig,
    /// Real-time settings to try.
    pub asked: Asked,
    /// GPIO backend and lines.
    pub gpio: GpioConfig,
    /// The broker.
    pub broker: BrokerConfig,
    /// Signatures; none without a key.
    pub security: Option<AgentSecurity>,
    /// First levels of all topics.
    pub root: TopicRoot,
    /// Message formats.
    pub dialects: Dialects,
    /// How EdgeX' wire is spoken, if it is.
    pub edgex: EdgexSettings,
    /// Time between reports in milliseconds.
    pub report_interval_ms: u64,
    /// Sizes of the windows.
    pub window: WindowConfig,
    /// Thresholds of the device's own policy.
    pub policy: PolicyConfig,
    /// Whether the device decides for itself while nobody else does.
    pub autonomy: Autonomy,
    /// When the device protects itself.
    pub guard: GuardConfig,
    /// Reports that wait for the broker.
    pub spool_capacity: usize,
    /// Reports of before a connection that are sent per second.
    pub catch_up_per_s: u32,
    /// Where reports outlive the process.
    pub store: StoreConfig,
    /// Path of the control socket; without one there is none.
    pub control_socket: Option<PathBuf>,
    /// Logs.
    pub log: LogSection,
}

impl Config {
    /// Checks that the files that the configuration names can be read and used now.
    ///
    /// # Errors
    /// [`ConfigError`] for the first file that cannot be used.
    pub fn check_files(&self, loaded: &Loaded) -> Result<(), ConfigError> {
        self.broker.check_files(loaded)?;
        self.security.as_ref().map_or(Ok(()), |security| security.read(loaded).map(drop))
    }
}

/// What each job does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WorkloadConfig {
    /// Burn CPU time, as shares of the period.
    Spin {
        /// In NORMAL.
        normal: Ratio,
        /// In DEGRADED.
        degraded: Ratio,
    },
    /// Copy an input line to an output line.
    GpioFollow,
}

/// Loads and checks the configuration: defaults, then the file, then the environment of the process.
///
/// # Errors
/// [`ConfigError`] says where, which key, which value and what is allowed.
pub fn load(file: Option<&Path>) -> Result<(Config, Loaded), ConfigError> {
    let loaded = SCHEMA.load(file, std::env::vars_os())?;
    let config = Config::from_loaded(&loaded)?;
    Ok((config, loaded))
}
