//! When to degrade and when to recover.
//!
//! Degrade when the miss rate (or, if wanted, the CPU load) is too high; recover after enough calm windows. A plain
//! threshold would flip for ever under a constant load that DEGRADED cures, so the wait in DEGRADED doubles with each
//! relapse, up to a limit, and halves with each quiet time. No two changes come within one dwell of each other.
//!
//! A pure function of a small state and what was observed: it runs on the device, on the gateway, and in tests alike. The
//! state travels in every report, so that whoever takes over starts with what is known.

mod config;
#[cfg(test)]
mod tests;

use core::fmt;

use serde::{Deserialize, Serialize};

pub use config::{BadPolicy, CpuRule, PolicyConfig};

use crate::mode::Mode;
use crate::units::Ratio;

/// Everything the policy remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PolicyState {
    /// The mode it wants.
    pub mode: Mode,
    /// Time in this mode in milliseconds; `null` while nothing has changed since the start: the first change need not wait.
    pub in_mode_ms: Option<u64>,
    /// Quiet time in NORMAL since the last recovery or the last halving, in milliseconds.
    pub quiet_ms: u64,
    /// Consecutive windows above the threshold.
    pub hot: u16,
    /// Consecutive calm windows.
    pub calm: u16,
    /// How often the wait in DEGRADED has been doubled.
    pub backoff: u8,
}

/// What was seen since the last step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// Time since the last step in milliseconds.
    pub elapsed_ms: u64,
    /// Jobs in that time; a window without jobs is no evidence either way.
    pub jobs: u64,
    /// Miss rate.
    pub miss_rate: Ratio,
    /// CPU load, if it is known.
    pub cpu: Option<Ratio>,
}

/// A change that the policy wants.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// The new mode.
    pub to: Mode,
    /// What led to it.
    pub cause: Cause,
}

/// What led to a change; its `Display` is the reason for people.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cause {
    /// The miss rate was above the threshold.
    MissRate {
        /// What was seen.
        seen: Ratio,
        /// What is tolerated.
        above: Ratio,
    },
    /// The CPU load was above the threshold.
    CpuLoad {
        /// What was seen.
        seen: Ratio,
        /// What is tolerated.
        above: Ratio,
    },
    /// Long enough calm.
    Calm {
        /// Consecutive calm windows.
        windows: u16,
        /// Time in DEGRADED in milliseconds.
        after_ms: u64,
    },
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissRate { seen, above } => write!(f, "miss rate {:.4} > {above}", seen.get()),
            Self::CpuLoad { seen, above } => write!(f, "cpu load {:.2} > {above}", seen.get()),
            Self::Calm { windows, after_ms } => write!(f, "{windows} calm windows, {after_ms} ms in DEGRADED"),
        }
    }
}

impl PolicyState {
    /// Takes in what was seen; tells the change, if there is one, and has already made it.
    pub fn step(&mut self, config: &PolicyConfig, seen: &Observation) -> Option<Change> {
        self.pass_time(config, seen.elapsed_ms);
        if seen.jobs == 0 {
            return None;
        }
        let change = self.judge(config, seen);
        if let Some(change) = change {
            self.adopt(config, change.to);
        }
        change
    }

    /// Takes in what was seen without changing the mode: for a policy that is overruled and stands by.
    pub fn watch(&mut self, config: &PolicyConfig, seen: &Observation) {
        self.pass_time(config, seen.elapsed_ms);
        if seen.jobs > 0 {
            // Only the counters matter here; who decides makes the change.
            let _ = self.judge(config, seen);
        }
    }

    /// Takes note that the mode is now `mode`, whoever decided it; the back-off is kept as if the policy had.
    pub fn adopt(&mut self, config: &PolicyConfig, mode: Mode) {
        if mode == self.mode {
            return;
        }
        let relapse = mode == Mode::Degraded && self.in_mode_ms.is_some() && self.quiet_ms < self.quiet_time_ms(config);
        if relapse {
            self.backoff = self.backoff.saturating_add(1).min(config.backoff_limit);
        }
        *self = Self { mode, in_mode_ms: Some(0), backoff: self.backoff, ..Self::default() };
    }

    /// Takes note of how long the mode has been in effect at the close of a window: `age_ms`, if it is `mode`. Where that is the
    /// mode that was decided, it counts from then, however long the order for it was on its way. Tells how much of the window,
    /// which is `span_ms` long, counts for [`Observation::elapsed_ms`].
    pub fn align(&mut self, mode: Mode, age_ms: u64, span_ms: u64) -> u64 {
        if mode != self.mode {
            return span_ms;
        }
        let elapsed_ms = span_ms.min(age_ms);
        self.in_mode_ms = self.in_mode_ms.map(|ms| ms.min(age_ms - elapsed_ms));
        elapsed_ms
    }

    /// Least time in DEGRADED before the next recovery, in milliseconds.
    #[must_use]
    pub fn wait_ms(&self, config: &PolicyConfig) -> u64 {
        u64::from(config.dwell_ms) << self.backoff.min(config.backoff_limit).min(31)
    }

    /// Quiet time in NORMAL that halves the wait, in milliseconds: twice the wait.
    fn quiet_time_ms(&self, config: &PolicyConfig) -> u64 {
        self.wait_ms(config).saturating_mul(2)
    }

    fn pass_time(&mut self, config: &PolicyConfig, elapsed_ms: u64) {
        self.in_mode_ms = self.in_mode_ms.map(|ms| ms.saturating_add(elapsed_ms));
        if self.mode == Mode::Normal {
            self.quiet_ms = self.quiet_ms.saturating_add(elapsed_ms);
            if self.backoff > 0 && self.quiet_ms >= self.quiet_time_ms(config) {
                self.backoff -= 1;
                self.quiet_ms = 0;
            }
        }
    }

    fn held_for(&self, least_ms: u64) -> bool {
        self.in_mode_ms.is_none_or(|ms| ms >= least_ms)
    }

    fn judge(&mut self, config: &PolicyConfig, seen: &Observation) -> Option<Change> {
        match self.mode {
            Mode::Normal => self.judge_normal(config, seen),
            Mode::Degraded => self.judge_degraded(config, seen),
        }
    }

    fn judge_normal(&mut self, config: &PolicyConfig, seen: &Observation) -> Option<Change> {
        let Some(cause) = too_much(config, seen) else {
            self.hot = 0;
            return None;
        };
        self.hot = self.hot.saturating_add(1);
        let due = self.hot >= config.degrade_after && self.held_for(config.dwell_ms.into());
        due.then_some(Change { to: Mode::Degraded, cause })
    }

    fn judge_degraded(&mut self, config: &PolicyConfig, seen: &Observation) -> Option<Change> {
        if !calm(config, seen) {
            self.calm = 0;
            return None;
        }
        self.calm = self.calm.saturating_add(1);
        let due = self.calm >= config.recover_after && self.held_for(self.wait_ms(config));
        let after_ms = self.in_mode_ms.unwrap_or(0);
        due.then_some(Change { to: Mode::Normal, cause: Cause::Calm { windows: self.calm, after_ms } })
    }
}

fn too_much(config: &PolicyConfig, seen: &Observation) -> Option<Cause> {
    if seen.miss_rate > config.degrade_above {
        return Some(Cause::MissRate { seen: seen.miss_rate, above: config.degrade_above });
    }
    let (rule, load) = (config.cpu?, seen.cpu?);
    (load > rule.degrade_above).then_some(Cause::CpuLoad { seen: load, above: rule.degrade_above })
}

fn calm(config: &PolicyConfig, seen: &Observation) -> bool {
    let cpu_calm = match (config.cpu, seen.cpu) {
        (Some(rule), Some(load)) => load < rule.recover_below,
        _ => true,
    };
    seen.miss_rate < config.recover_below && cpu_calm
}
