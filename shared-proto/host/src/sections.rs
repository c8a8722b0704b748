//! Sections that the configurations of both programs have, with their checks.

mod mqtt;
mod security;

use serde::Deserialize;
use shared_proto::policy::{CpuRule, PolicyConfig};
use shared_proto::units::Ratio;

use crate::config::{ConfigError, Loaded};
use crate::log::{Format, check_filter};

pub use mqtt::{BrokerConfig, Exposed, Insecure, MqttSection};
pub use security::{
    AGENT_SECURITY, AgentSecurity, AgentSecuritySection, CONTROLLER_SECURITY, ControllerSecurity,
    ControllerSecuritySection, Outgoing, SECURITY_SECTION, Unsigned,
};

/// Longest dwell in milliseconds: one hour.
const MAX_DWELL_MS: u32 = 3_600_000;

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
