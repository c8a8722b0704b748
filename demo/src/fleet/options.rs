//! What people say to it.

use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use gateway_controller::config::SCHEMA;
use shared_host::mqtt::BrokerUrl;
use shared_proto::ids::TopicRoot;

use super::scenario::Scenario;

/// Most devices.
pub const MAX_DEVICES: u32 = 20_000;
/// Shortest time between two reports of a device.
pub const MIN_INTERVAL: Duration = Duration::from_millis(100);
/// Longest time between two reports of a device.
pub const MAX_INTERVAL: Duration = Duration::from_secs(10);

/// How to run a fleet.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Exit codes: 0 the controller counted what the devices did, or nobody asked it; 1 it did not, or a failure; 2 usage."
)]
pub struct Options {
    /// Devices, 1 to 20000
    #[arg(long, value_name = "N", default_value = "100", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_DEVICES)))]
    pub devices: u32,
    /// Reports a second of each device, 0.1 to 10
    #[arg(long, value_name = "HZ", default_value = "1", value_parser = rate, conflicts_with = "report_every")]
    pub rate: Duration,
    /// The same as a time between two reports, 100ms to 10s
    #[arg(long, value_name = "TIME", value_parser = interval)]
    pub report_every: Option<Duration>,
    /// What the fleet goes through
    #[arg(long, value_enum, default_value = "mixed")]
    pub scenario: Scenario,
    /// Length of the measurement, after all devices have connected
    #[arg(long, value_name = "N", default_value = "30")]
    pub seconds: NonZeroU64,
    /// Devices that connect in a second at the start
    #[arg(long, value_name = "N", default_value = "500")]
    pub ramp: NonZeroU32,
    /// TCP connections; without it one a device. A connection has one will: devices that share one have none
    #[arg(long, value_name = "N")]
    pub connections: Option<NonZeroU32>,
    /// Same seed, same behaviour; names of runs differ always
    #[arg(long, value_name = "N", default_value = "1")]
    pub seed: u64,
    /// Use this broker; without it Mosquitto is started, or the embedded one where there is none (at most 900 connections)
    #[arg(long, value_name = "mqtt://HOST:PORT")]
    pub broker: Option<BrokerUrl>,
    /// First levels of all topics; without it a name of this run alone
    #[arg(long, value_name = "ROOT")]
    pub root: Option<TopicRoot>,
    /// Start a controller at this broker
    #[arg(long, conflicts_with_all = ["control_socket", "controller_pid"])]
    pub with_controller: bool,
    /// Its program; without it `gateway-controller` beside this program
    #[arg(long, value_name = "FILE", requires = "with_controller")]
    pub controller_program: Option<PathBuf>,
    /// A key of its configuration, for example web.enabled=true; may be repeated
    #[arg(long, value_name = "KEY=VALUE", requires = "with_controller", value_parser = pair)]
    pub set: Vec<(String, String)>,
    /// Control socket of a controller that runs already: its counts are compared with the devices' own
    #[arg(long, value_name = "FILE")]
    pub control_socket: Option<PathBuf>,
    /// A controller that runs already: its CPU time and memory are told
    #[arg(long, value_name = "PID")]
    pub controller_pid: Option<NonZeroU32>,
    /// The same for a broker that was not started here
    #[arg(long, value_name = "PID", requires = "broker")]
    pub broker_pid: Option<NonZeroU32>,
    /// Print the outcome as one JSON object on standard output; the table goes to standard error
    #[arg(long)]
    pub json: bool,
}

impl Options {
    /// Time between two reports of a device.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.report_every.unwrap_or(self.rate)
    }
}

fn rate(text: &str) -> Result<Duration, String> {
    let allowed = || "allowed are 0.1 to 10".to_owned();
    let hz: f64 = text.parse().map_err(|_| allowed())?;
    if !(0.1..=10.0).contains(&hz) {
        return Err(allowed());
    }
    Duration::try_from_secs_f64(1.0 / hz).map(whole_periods).map_err(|_| allowed())
}

fn interval(text: &str) -> Result<Duration, String> {
    let allowed = || "allowed are 100ms to 10s".to_owned();
    let interval = humantime::parse_duration(text).map_err(|_| allowed())?;
    if (MIN_INTERVAL..=MAX_INTERVAL).contains(&interval) { Ok(whole_periods(interval)) } else { Err(allowed()) }
}

/// A window holds whole periods of 10 ms.
fn whole_periods(interval: Duration) -> Duration {
    let ms = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(ms / 10 * 10)
}

fn pair(text: &str) -> Result<(String, String), String> {
    let allowed = "allowed is KEY=VALUE with a key of the controller's configuration, for example policy.dwell_ms=500";
    let (key, value) = text.split_once('=').ok_or(allowed)?;
    let variable = (SCHEMA.variable(key).into(), value.into());
    SCHEMA.load(None, [variable]).map_err(|error| format!("{error}; {allowed}"))?;
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_intervals_have_limits() {
        assert_eq!(rate("10"), Ok(MIN_INTERVAL));
        assert_eq!(rate("0.1"), Ok(MAX_INTERVAL));
        assert_eq!(rate("3"), Ok(Duration::from_millis(330)));
        assert_eq!(interval("2500ms"), Ok(Duration::from_millis(2_500)));
        for bad in ["0", "11", "-1", "NaN", "inf", "x", ""] {
            assert!(rate(bad).is_err_and(|why| why.contains("0.1 to 10")), "{bad}");
        }
        for bad in ["99ms", "10001ms", "1", ""] {
            assert!(interval(bad).is_err_and(|why| why.contains("100ms to 10s")), "{bad}");
        }
    }

    #[test]
    fn only_keys_of_the_controller_can_be_set() {
        assert_eq!(pair("policy.dwell_ms=500"), Ok(("policy.dwell_ms".into(), "500".into())));
        for bad in ["policy.dwell_ms", "nothing.like_it=1", ""] {
            assert!(pair(bad).is_err(), "{bad}");
        }
    }
}
