//! Sections that the configurations of both programs have, with their checks.

mod security;

use std::time::Duration;

use serde::Deserialize;
use shared_proto::policy::{CpuRule, PolicyConfig};
use shared_proto::units::Ratio;

use crate::config::{ConfigError, Loaded};
use crate::log::{Format, check_filter};
use crate::mqtt::{BrokerUrl, Credentials};

pub use security::{
    AGENT_SECURITY, AgentSecurity, AgentSecuritySection, CONTROLLER_SECURITY, ControllerSecurity,
    ControllerSecuritySection, Outgoing, SECURITY_SECTION, Unsigned,
};

/// Longest time between pings in seconds.
const MAX_KEEP_ALIVE_S: u16 = 600;
/// Longest dwell in milliseconds: one hour.
const MAX_DWELL_MS: u32 = 3_600_000;

/// The section `mqtt`, as it is written.
#[derive(Debug, Clone, Deserialize)]
pub struct MqttSection {
    url: BrokerUrl,
    client_id: Option<String>,
    username: Option<String>,
    password: Option<String>,
    keep_alive_s: u16,
}

/// How to reach the broker, checked.
#[derive(Debug, Clone)]
pub struct BrokerConfig {
    /// The broker.
    pub url: BrokerUrl,
    /// Name of this client, unique at the broker.
    pub client_id: String,
    /// User name and password, if the broker wants them.
    pub credentials: Option<Credentials>,
    /// Time between pings, 1 to 600 s.
    pub keep_alive: Duration,
}

impl MqttSection {
    /// Checks the values; a client identifier that is not set is `default_client_id`.
    ///
    /// # Errors
    /// [`ConfigError`] for the first value that is not allowed.
    pub fn check(self, loaded: &Loaded, default_client_id: &str) -> Result<BrokerConfig, ConfigError> {
        let client_id = self.client_id.unwrap_or_else(|| default_client_id.to_owned());
        if !(1..=64).contains(&client_id.len()) || !client_id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(loaded.refuse("mqtt.client_id", "not allowed"));
        }
        if !(1..=MAX_KEEP_ALIVE_S).contains(&self.keep_alive_s) {
            return Err(loaded.refuse("mqtt.keep_alive_s", "not allowed"));
        }
        let credentials = match (self.username, self.password) {
            (Some(username), _) if username.is_empty() => {
                return Err(loaded.refuse("mqtt.username", "it is empty; leave it out if the broker wants none"));
            }
            (Some(username), password) => Some(Credentials { username, password: password.unwrap_or_default() }),
            (None, Some(_)) => return Err(loaded.refuse("mqtt.password", "mqtt.username is not set")),
            (None, None) => None,
        };
        let keep_alive = Duration::from_secs(self.keep_alive_s.into());
        Ok(BrokerConfig { url: self.url, client_id, credentials, keep_alive })
    }
}

/// The section `policy`, as it is written.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct PolicySection {
    enabled: bool,
    degrade_above: Ratio,
    recover_below: Ratio,
    degrade_after: u16,
    recover_after: u16,
    dwell_ms: u32,
    backoff_limit: u8,
    cpu_rule: bool,
    cpu_degrade_above: Ratio,
    cpu_recover_below: Ratio,
}

impl PolicySection {
    /// Whether the policy decides.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Checks the values against each other.
    ///
    /// # Errors
    /// [`ConfigError`] for the first value that is not allowed.
    pub fn check(&self, loaded: &Loaded) -> Result<PolicyConfig, ConfigError> {
        if self.dwell_ms > MAX_DWELL_MS {
            return Err(loaded.refuse("policy.dwell_ms", "not allowed"));
        }
        let cpu = CpuRule { degrade_above: self.cpu_degrade_above, recover_below: self.cpu_recover_below };
        let policy = PolicyConfig {
            degrade_above: self.degrade_above,
            recover_below: self.recover_below,
            degrade_after: self.degrade_after,
            recover_after: self.recover_after,
            dwell_ms: self.dwell_ms,
            backoff_limit: self.backoff_limit,
            cpu: self.cpu_rule.then_some(cpu),
        };
        let refuse = |key, allowed| loaded.refuse(&format!("policy.{key}"), format!("allowed are {allowed}"));
        policy.validate().map_err(|error| refuse(error.key, error.allowed))?;
        Ok(policy)
    }
}

/// The section `log`.
#[derive(Debug, Clone, Deserialize)]
pub struct LogSection {
    /// For people or for machines.
    pub format: Format,
    /// Which lines there are, see [`crate::log::init`].
    pub filter: String,
}

impl LogSection {
    /// Checks the filter.
    ///
    /// # Errors
    /// [`ConfigError`] if it is none.
    pub fn check(self, loaded: &Loaded) -> Result<Self, ConfigError> {
        check_filter(&self.filter).map_err(|error| loaded.refuse("log.filter", error))?;
        Ok(self)
    }
}
