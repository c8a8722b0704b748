//! Thresholds of the policy, checked once.

use crate::units::Ratio;

/// Thresholds and times. [`PolicyConfig::default`] is what the documentation promises.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PolicyConfig {
    /// Degrade when the miss rate is above this.
    pub degrade_above: Ratio,
    /// A window is calm when the miss rate is below this.
    pub recover_below: Ratio,
    /// Consecutive windows above the threshold before degrading, at least 1.
    pub degrade_after: u16,
    /// Consecutive calm windows before recovering, at least 1.
    pub recover_after: u16,
    /// Least time in a mode, in milliseconds.
    pub dwell_ms: u32,
    /// How often the wait in DEGRADED may double, at most 16.
    pub backoff_limit: u8,
    /// The CPU-load rule, if it is wanted.
    pub cpu: Option<CpuRule>,
}

/// Degrade on CPU load too.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CpuRule {
    /// Degrade when the load is above this.
    pub degrade_above: Ratio,
    /// A window is calm when the load is below this.
    pub recover_below: Ratio,
}

impl Default for PolicyConfig {
    fn default() -> Self {
        Self {
            degrade_above: Ratio::of(5, 100),
            recover_below: Ratio::of(1, 100),
            degrade_after: 1,
            recover_after: 10,
            dwell_ms: 5_000,
            backoff_limit: 7,
            cpu: None,
        }
    }
}

impl Default for CpuRule {
    fn default() -> Self {
        Self { degrade_above: Ratio::of(7, 10), recover_below: Ratio::of(4, 10) }
    }
}

/// Thresholds that contradict each other; `key` names the one to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{key}: allowed are {allowed}")]
pub struct BadPolicy {
    /// The field of [`PolicyConfig`].
    pub key: &'static str,
    /// What is allowed.
    pub allowed: &'static str,
}

impl PolicyConfig {
    /// Checks the thresholds against each other.
    ///
    /// # Errors
    /// [`BadPolicy`] names the field and what is allowed.
    pub fn validate(&self) -> Result<(), BadPolicy> {
        let cpu_ordered = self.cpu.is_none_or(|rule| rule.recover_below <= rule.degrade_above);
        let rules = [
            (
                self.recover_below <= self.degrade_above && self.recover_below > Ratio::ZERO,
                "recover_below",
                "values above 0 and not above degrade_above",
            ),
            (self.degrade_after >= 1, "degrade_after", "1 to 65535 windows"),
            (self.recover_after >= 1, "recover_after", "1 to 65535 windows"),
            (self.backoff_limit <= 16, "backoff_limit", "0 to 16"),
            (cpu_ordered, "cpu_recover_below", "values not above cpu_degrade_above"),
        ];
        rules.into_iter().find(|(kept, ..)| !kept).map_or(Ok(()), |(_, key, allowed)| Err(BadPolicy { key, allowed }))
    }
}
