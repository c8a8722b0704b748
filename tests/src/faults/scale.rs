//! How long and how often.

use std::time::Duration;

use crate::site::has_key;

/// How long and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Some minutes, for a test.
    Short,
    /// As long as it takes to say something.
    Full,
}

impl Scale {
    pub(super) fn pick<T>(self, short: T, full: T) -> T {
        match self {
            Self::Short => short,
            Self::Full => full,
        }
    }

    pub(super) fn seconds(self, short: u64, full: u64) -> Duration {
        Duration::from_secs(self.pick(short, full))
    }

    /// How often a connection breaks: where the wait before the next attempt cannot be bounded, it grows to half a minute, and
    /// fewer times have to do.
    pub(super) fn breaks(self, short: u32, full: u32) -> u32 {
        const KEY: &str = "mqtt.reconnect_max_s";
        let bounded = has_key(&device_agent::config::SCHEMA, KEY) && has_key(&gateway_controller::config::SCHEMA, KEY);
        match self {
            Self::Short if !bounded => short.min(3),
            Self::Short => short,
            Self::Full => full,
        }
    }
}
