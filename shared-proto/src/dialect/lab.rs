//! The classroom's wire: `tp/{device}/metrics` up, `tp/{device}/cmd` down, QoS 0, as its Python client speaks it
//! (<https://github.com/lmendiboure/IoT-Platform-Project>).

use serde::{Deserialize, Serialize};

use super::{Topic, join};
use crate::ids::DeviceId;
use crate::mode::Mode;
use crate::units::Ratio;

/// First level of the topics.
pub const ROOT: &str = "tp";

/// What the device publishes every 200 ms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Wall clock in seconds since 1970.
    pub timestamp: f64,
    /// Effective mode.
    pub mode: Mode,
    /// Mean over the window of |time between the ends of two jobs − period|, in milliseconds.
    pub jitter_mean: f64,
    /// Greatest of them, in milliseconds.
    pub jitter_max: f64,
    /// Misses per job. The classroom's client calls a job late when the time between two ends exceeds the period by more
    /// than 2 ms; this is the share of deadlines missed, skipped releases included.
    pub miss_rate: Ratio,
    /// CPU time of a job as a share of the period.
    pub workload: Ratio,
}

/// What a classroom consumer needs of [`Metrics`]: other clients may leave the rest out.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Observed {
    /// Mode that the device reports.
    #[serde(default)]
    pub mode: Option<Mode>,
    /// Misses per job.
    pub miss_rate: Ratio,
}

/// The only command. It holds until the next one: this wire has no lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The mode to take.
    #[serde(rename = "Mode")]
    pub mode: Mode,
}

/// Topic of a device's metrics.
#[must_use]
pub fn metrics_topic(device: &DeviceId) -> Topic {
    join([ROOT, device.as_str(), "metrics"])
}

/// Topic of a device's commands.
#[must_use]
pub fn command_topic(device: &DeviceId) -> Topic {
    join([ROOT, device.as_str(), "cmd"])
}

/// The filter that matches every device's metrics.
pub const METRICS_FILTER: &str = "tp/+/metrics";

/// Which device's metrics a topic carries; `None` if it carries none.
#[must_use]
pub fn parse_metrics_topic(topic: &str) -> Option<DeviceId> {
    let device = topic.strip_prefix(ROOT)?.strip_prefix('/')?.strip_suffix("/metrics")?;
    device.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_the_classrooms() {
        let device: DeviceId = "device1".parse().unwrap();
        assert_eq!(metrics_topic(&device).as_str(), "tp/device1/metrics");
        assert_eq!(command_topic(&device).as_str(), "tp/device1/cmd");
        assert_eq!(parse_metrics_topic("tp/device1/metrics"), Some(device));
        assert_eq!(parse_metrics_topic("tp/device1/cmd"), None);
        assert_eq!(parse_metrics_topic("tp//metrics"), None);
    }

    #[test]
    fn a_command_may_carry_more_than_the_mode() {
        let command: Command = serde_json::from_str(r#"{"Mode":"DEGRADED","hmac":"00"}"#).unwrap();
        assert_eq!(command.mode, Mode::Degraded);
    }
}
