//! The shape of the file, and the checks.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use shared_host::config::{ConfigError, Loaded};
use shared_host::log::{Format, check_filter};
use shared_host::mqtt::{BrokerUrl, Credentials};
use shared_proto::ids::TopicRoot;
use shared_proto::policy::{CpuRule, PolicyConfig};
use shared_proto::units::Ratio;
use shared_proto::wire::DialectName;

use super::{Config, Control, Dialects, LogConfig, MqttConfig};
use crate::fleet::{BadTiming, Rule, Settings, Timing};

/// Longest path that fits a socket address, with room for the suffix it is bound under first.
const MAX_SOCKET_PATH: usize = 90;

#[derive(Deserialize)]
struct Raw {
    dialects: Vec<DialectName>,
    mqtt: RawMqtt,
    topics: RawTopics,
    policy: RawPolicy,
    command: RawCommand,
    limits: RawLimits,
    control: RawControl,
    log: RawLog,
}

#[derive(Deserialize)]
struct RawMqtt {
    url: BrokerUrl,
    client_id: String,
    username: Option<String>,
    password: Option<String>,
    keep_alive_s: u64,
}

#[derive(Deserialize)]
struct RawTopics {
    root: TopicRoot,
}

#[derive(Deserialize)]
struct RawPolicy {
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

#[derive(Deserialize)]
struct RawCommand {
    lease_ms: u32,
    retry_ms: u32,
}

#[derive(Deserialize)]
struct RawLimits {
    max_devices: usize,
}

#[derive(Deserialize)]
struct RawControl {
    socket: PathBuf,
}

#[derive(Deserialize)]
struct RawLog {
    format: Format,
    filter: String,
}

pub(super) fn check(loaded: &Loaded) -> Result<Config, ConfigError> {
    let raw: Raw = loaded.parse()?;
    let native = raw.dialects.contains(&DialectName::Native);
    let lab = raw.dialects.contains(&DialectName::Lab);
    let dialects = match (native, lab) {
        (true, true) => Dialects::Both,
        (true, false) => Dialects::Native,
        (false, true) => Dialects::Lab,
        (false, false) => return Err(loaded.refuse("dialects", "at least one is needed")),
    };
    let max_devices = raw.limits.max_devices;
    within(loaded, "limits.max_devices", (1..=1_000_000).contains(&max_devices))?;
    check_filter(&raw.log.filter).map_err(|error| loaded.refuse("log.filter", error))?;
    Ok(Config {
        mqtt: mqtt(loaded, raw.mqtt)?,
        root: raw.topics.root,
        dialects,
        fleet: Settings { rule: rule(loaded, &raw.policy)?, timing: timing(loaded, &raw.command)?, max_devices },
        control: control(loaded, raw.control.socket)?,
        log: LogConfig { format: raw.log.format, filter: raw.log.filter },
    })
}

fn within(loaded: &Loaded, path: &str, holds: bool) -> Result<(), ConfigError> {
    if holds { Ok(()) } else { Err(loaded.refuse(path, "not allowed")) }
}

fn mqtt(loaded: &Loaded, raw: RawMqtt) -> Result<MqttConfig, ConfigError> {
    let printable = raw.client_id.bytes().all(|byte| byte.is_ascii_graphic());
    within(loaded, "mqtt.client_id", printable && (1..=64).contains(&raw.client_id.len()))?;
    within(loaded, "mqtt.keep_alive_s", (5..=600).contains(&raw.keep_alive_s))?;
    let credentials = match (raw.username, raw.password) {
        (Some(username), _) if username.is_empty() => {
            return Err(loaded.refuse("mqtt.username", "it is empty; leave it out if the broker wants none"));
        }
        (Some(username), password) => Some(Credentials { username, password: password.unwrap_or_default() }),
        (None, Some(_)) => return Err(loaded.refuse("mqtt.password", "mqtt.username is not set")),
        (None, None) => None,
    };
    Ok(MqttConfig {
        url: raw.url,
        client_id: raw.client_id,
        credentials,
        keep_alive: Duration::from_secs(raw.keep_alive_s),
    })
}

fn rule(loaded: &Loaded, raw: &RawPolicy) -> Result<Rule, ConfigError> {
    within(loaded, "policy.dwell_ms", raw.dwell_ms <= 3_600_000)?;
    let cpu = CpuRule { degrade_above: raw.cpu_degrade_above, recover_below: raw.cpu_recover_below };
    let policy = PolicyConfig {
        degrade_above: raw.degrade_above,
        recover_below: raw.recover_below,
        degrade_after: raw.degrade_after,
        recover_after: raw.recover_after,
        dwell_ms: raw.dwell_ms,
        backoff_limit: raw.backoff_limit,
        cpu: raw.cpu_rule.then_some(cpu),
    };
    policy
        .validate()
        .map_err(|error| loaded.refuse(&format!("policy.{}", error.key), format!("allowed are {}", error.allowed)))?;
    Ok(if raw.enabled { Rule::Decide(policy) } else { Rule::Observe })
}

fn timing(loaded: &Loaded, raw: &RawCommand) -> Result<Timing, ConfigError> {
    Timing::new(raw.lease_ms, raw.retry_ms).map_err(|error| match error {
        BadTiming::Retry => loaded.refuse("command.retry_ms", "not allowed"),
        BadTiming::Lease => loaded.refuse("command.lease_ms", format!("not allowed with retry_ms = {}", raw.retry_ms)),
    })
}

fn control(loaded: &Loaded, socket: PathBuf) -> Result<Control, ConfigError> {
    let path = if socket.as_os_str().is_empty() { Config::default_socket() } else { socket };
    let length = path.as_os_str().len();
    if length > MAX_SOCKET_PATH {
        return Err(loaded.refuse("control.socket", format!("{} has {length} bytes", path.display())));
    }
    Ok(Control::At(path))
}
