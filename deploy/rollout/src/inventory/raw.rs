//! The shape of the file, and the checks.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use shared_host::config::{ConfigError, Loaded};
use shared_host::sections::{BrokerConfig, MqttSection};
use shared_proto::ids::{DeviceId, TopicRoot};

use super::{Amount, Inventory, Listed, Policy};
use crate::device::{Place, Rights};
use crate::health::Terms;

#[derive(Deserialize)]
struct Raw {
    device: Vec<RawDevice>,
    defaults: RawDefaults,
    policy: RawPolicy,
    topics: RawTopics,
}

#[derive(Deserialize)]
struct RawBroker {
    mqtt: MqttSection,
}

#[derive(Deserialize)]
struct RawTopics {
    root: TopicRoot,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDevice {
    host: String,
    name: Option<DeviceId>,
    port: Option<u16>,
    ssh_options: Option<Vec<String>>,
    rights: Option<Rights>,
    dir: Option<String>,
    config: Option<String>,
    update_key: Option<String>,
    program: Option<String>,
    service: Option<String>,
    restart: Option<String>,
}

#[derive(Deserialize)]
struct RawDefaults {
    port: Option<u16>,
    ssh_options: Vec<String>,
    rights: Rights,
    dir: String,
    config: String,
    update_key: String,
    program: String,
    service: String,
    restart: Option<String>,
}

#[derive(Deserialize)]
struct RawPolicy {
    canary: Amount,
    wave: Amount,
    max_down: usize,
    max_unreachable: Amount,
    max_unreachable_canary: Amount,
    probation_s: u64,
    start_limit_s: u64,
    guard_s: u64,
    margin: f64,
    poll_ms: u64,
    copy_limit_s: u64,
}

pub(super) fn check(loaded: &Loaded) -> Result<Inventory, ConfigError> {
    let raw: Raw = loaded.parse()?;
    let policy = policy(loaded, &raw.policy)?;
    let copy_limit = Duration::from_secs(raw.policy.copy_limit_s);
    let mut devices = Vec::with_capacity(raw.device.len());
    let (mut hosts, mut names) = (BTreeSet::new(), BTreeSet::new());
    for (index, device) in raw.device.into_iter().enumerate() {
        let listed = listed(loaded, index, device, &raw.defaults, copy_limit)?;
        let place = &listed.place;
        if !hosts.insert((place.host.clone(), place.port)) {
            return Err(loaded.refuse(&format!("device[{index}].host"), format!("{} is listed twice", place.host)));
        }
        if listed.name.as_ref().is_some_and(|name| !names.insert(name.clone())) {
            return Err(loaded.refuse(&format!("device[{index}].name"), format!("{} is listed twice", listed.label())));
        }
        devices.push(listed);
    }
    Ok(Inventory { devices, policy, broker: broker(loaded)?, root: raw.topics.root })
}

fn broker(loaded: &Loaded) -> Result<Option<BrokerConfig>, ConfigError> {
    if loaded.source("mqtt.url").is_none() {
        return Ok(None);
    }
    let raw: RawBroker = loaded.parse()?;
    let client = format!("fleet-{:012x}", fastrand::u64(..) >> 16);
    raw.mqtt.check(loaded, &client).map(Some)
}

fn within(loaded: &Loaded, key: &str, holds: bool) -> Result<(), ConfigError> {
    if holds { Ok(()) } else { Err(loaded.refuse(key, "not allowed")) }
}

fn policy(loaded: &Loaded, raw: &RawPolicy) -> Result<Policy, ConfigError> {
    within(loaded, "policy.max_down", (1..=256).contains(&raw.max_down))?;
    within(loaded, "policy.probation_s", (1..=3600).contains(&raw.probation_s))?;
    within(loaded, "policy.start_limit_s", (1..=600).contains(&raw.start_limit_s))?;
    let least = raw.probation_s + 2 * raw.start_limit_s;
    within(loaded, "policy.guard_s", (least + 1..=86_400).contains(&raw.guard_s))?;
    within(loaded, "policy.margin", (0.0..=0.5).contains(&raw.margin))?;
    within(loaded, "policy.poll_ms", (50..=60_000).contains(&raw.poll_ms))?;
    within(loaded, "policy.copy_limit_s", (1..=86_400).contains(&raw.copy_limit_s))?;
    Ok(Policy {
        canary: raw.canary,
        wave: raw.wave,
        max_down: raw.max_down,
        max_unreachable: raw.max_unreachable,
        max_unreachable_canary: raw.max_unreachable_canary,
        terms: Terms {
            probation: Duration::from_secs(raw.probation_s),
            start_limit: Duration::from_secs(raw.start_limit_s),
            margin: raw.margin,
        },
        guard: Duration::from_secs(raw.guard_s),
        poll: Duration::from_millis(raw.poll_ms),
    })
}

fn listed(
    loaded: &Loaded,
    index: usize,
    raw: RawDevice,
    defaults: &RawDefaults,
    copy_limit: Duration,
) -> Result<Listed, ConfigError> {
    // A value of the device's own is wrong there, else in the defaults.
    let spot = |own: bool, key: &str| if own { format!("device[{index}].{key}") } else { format!("defaults.{key}") };
    let path = |key: &str, own: Option<String>, other: &String| {
        let spot = spot(own.is_some(), key);
        let path = own.unwrap_or_else(|| other.clone());
        let plain = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._/+@-".contains(&byte));
        let whole = path.len() > 1 && path.starts_with('/') && path.split('/').all(|part| part != "..");
        if plain && whole {
            Ok(path)
        } else {
            Err(loaded.refuse(&spot, "allowed is an absolute path of letters, digits and . _ / + @ -, without .."))
        }
    };
    if !is_host(&raw.host) {
        let allowed =
            "allowed is [USER@]HOST of letters, digits and . _ - : [ ] %, as ssh takes it, not beginning with -";
        return Err(loaded.refuse(&format!("device[{index}].host"), allowed));
    }
    let service_spot = spot(raw.service.is_some(), "service");
    let service = raw.service.unwrap_or_else(|| defaults.service.clone());
    if !is_unit(&service) {
        return Err(
            loaded.refuse(&service_spot, "allowed are letters, digits and . _ @ : -, not beginning with - or .")
        );
    }
    let restart_spot = spot(raw.restart.is_some(), "restart");
    let restart = raw.restart.or_else(|| defaults.restart.clone());
    if restart.as_ref().is_some_and(|text| text.trim().is_empty() || text.contains(['\0', '\n'])) {
        return Err(loaded.refuse(&restart_spot, "allowed is one line"));
    }
    let port = raw.port.or(defaults.port);
    if port == Some(0) {
        return Err(loaded.refuse(&spot(raw.port.is_some(), "port"), "allowed are 1 to 65535"));
    }
    let place = Place {
        port,
        ssh_options: raw.ssh_options.unwrap_or_else(|| defaults.ssh_options.clone()),
        rights: raw.rights.unwrap_or(defaults.rights),
        dir: path("dir", raw.dir, &defaults.dir)?,
        config: path("config", raw.config, &defaults.config)?,
        key: path("update_key", raw.update_key, &defaults.update_key)?,
        program: path("program", raw.program, &defaults.program)?,
        credentials: format!("/run/credentials/{service}"),
        restart: restart.unwrap_or_else(|| format!("systemctl restart {service}")),
        host: raw.host,
        copy_limit,
    };
    Ok(Listed { name: raw.name.map(|name| name.to_string()), place })
}

fn is_host(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:@[]%".contains(&byte);
    (1..=255).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with(['-', '@'])
}

fn is_unit(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._@:-".contains(&byte);
    (1..=255).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with(['-', '.'])
}
