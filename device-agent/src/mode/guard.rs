//! When the device protects itself, whatever the gateway says.

use shared_proto::text::Reason;
use shared_proto::wire::Host;

use crate::host::UNDER_VOLTAGE;

/// How far below the limit the temperature must fall before the danger is over, in degrees.
const COOL_DOWN_C: f32 = 5.0;

/// Looks in a row at a silent real-time thread that make a stall.
const SILENT_LOOKS: u32 = 5;

/// What counts as danger.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GuardConfig {
    /// Highest tolerated temperature in degrees Celsius, if there is a limit.
    pub max_temp_c: Option<f32>,
    /// Whether under-voltage counts.
    pub under_voltage: bool,
}

/// The real-time thread stalls, or does so no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stall {
    /// It has not finished its job for too long.
    Began,
    /// It goes on.
    Ended,
}

/// Watches for danger.
#[derive(Debug)]
pub struct Guard {
    config: GuardConfig,
    /// Looks in a row at which the thread was silent for too long.
    silent_looks: u32,
    hot: bool,
    starved: bool,
}

impl Guard {
    /// A guard that has seen nothing yet.
    #[must_use]
    pub fn new(config: GuardConfig) -> Self {
        Self { config, silent_looks: 0, hot: false, starved: false }
    }

    /// Takes in the state of the machine. What it does not tell leaves the judgement as it was.
    pub fn see_host(&mut self, host: &Host) {
        if let (Some(limit), Some(temp)) = (self.config.max_temp_c, host.temp_c) {
            self.hot = temp > limit || (self.hot && temp > limit - COOL_DOWN_C);
        }
        if let (true, Some(flags)) = (self.config.under_voltage, host.throttled) {
            self.starved = flags & UNDER_VOLTAGE != 0;
        }
    }

    /// How long the real-time thread has told of no job. Too long is longer than three periods and a second, at several
    /// looks in a row: after the whole machine has slept, the thread needs a moment too. Tells when a stall begins or ends.
    pub fn see_silence(&mut self, silent_ns: u64, period_ns: u64) -> Option<Stall> {
        const LEAST_NS: u64 = 1_000_000_000;
        let was_stalled = self.is_stalled();
        let too_long = silent_ns > period_ns.saturating_mul(3).max(LEAST_NS);
        self.silent_looks = if too_long { self.silent_looks.saturating_add(1) } else { 0 };
        match (was_stalled, self.is_stalled()) {
            (false, true) => Some(Stall::Began),
            (true, false) => Some(Stall::Ended),
            _ => None,
        }
    }

    /// Whether the real-time thread does not finish its job.
    #[must_use]
    pub fn is_stalled(&self) -> bool {
        self.silent_looks >= SILENT_LOOKS
    }

    /// The danger, if there is one.
    #[must_use]
    pub fn danger(&self) -> Option<Reason> {
        if self.is_stalled() {
            Some("the real-time thread does not finish its job".into())
        } else if self.starved {
            Some("under-voltage".into())
        } else if self.hot {
            Some("over-temperature".into())
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        Guard::new(GuardConfig { max_temp_c: Some(80.0), under_voltage: true })
    }

    fn at(temp_c: f32, throttled: u32) -> Host {
        Host { temp_c: Some(temp_c), throttled: Some(throttled), ..Host::default() }
    }

    #[test]
    fn heat_is_over_only_well_below_the_limit() {
        let mut guard = guard();
        guard.see_host(&at(80.0, 0));
        assert_eq!(guard.danger(), None);
        guard.see_host(&at(80.1, 0));
        assert!(guard.danger().unwrap().as_str().contains("temperature"));
        guard.see_host(&at(76.0, 0));
        assert!(guard.danger().is_some());
        guard.see_host(&Host::default());
        assert!(guard.danger().is_some());
        guard.see_host(&at(75.0, 0));
        assert_eq!(guard.danger(), None);
    }

    #[test]
    fn under_voltage_counts_now_not_since_boot() {
        let mut guard = guard();
        guard.see_host(&at(40.0, 0x5_0000));
        assert_eq!(guard.danger(), None);
        guard.see_host(&at(40.0, 0x5_0001));
        assert_eq!(guard.danger().unwrap().as_str(), "under-voltage");
    }

    #[test]
    fn what_is_not_asked_for_is_no_danger() {
        let mut guard = Guard::new(GuardConfig { max_temp_c: None, under_voltage: false });
        guard.see_host(&at(150.0, 0x5_0005));
        assert_eq!(guard.danger(), None);
    }

    #[test]
    fn silence_is_a_stall_after_three_periods_and_a_second() {
        const MS: u64 = 1_000_000;
        let after_looks = |looks: u32, silent_ms: u64, period_ms: u64| {
            let mut guard = guard();
            (0..looks).for_each(|_| {
                guard.see_silence(silent_ms * MS, period_ms * MS);
            });
            guard.danger().is_some()
        };
        assert!(!after_looks(5, 1_000, 20));
        assert!(after_looks(5, 1_001, 20));
        assert!(!after_looks(5, 2_900, 1_000));
        assert!(!after_looks(4, 60_000, 20), "a machine that slept");
    }

    #[test]
    fn a_stall_is_told_when_it_begins_and_when_it_ends() {
        let mut guard = guard();
        let told: Vec<_> = (0..7).map(|_| guard.see_silence(2_000_000_000, 20_000_000)).collect();
        assert_eq!(told[3..6], [None, Some(Stall::Began), None]);
        assert!(guard.is_stalled());
        assert_eq!(guard.see_silence(0, 20_000_000), Some(Stall::Ended));
        assert_eq!(guard.see_silence(0, 20_000_000), None);
    }
}
