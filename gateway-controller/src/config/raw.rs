//! The shape of the file, and the checks.

use std::path::PathBuf;

use serde::Deserialize;
use shared_host::config::{ConfigError, Loaded};
use shared_host::sections::{ControllerSecuritySection, LogSection, MqttSection, PolicySection};
use shared_proto::ids::TopicRoot;
use shared_proto::wire::DialectName;

use super::edgex::{self, RawEdgex, RawGateway};
use super::{Config, Control, Dialects, SCHEMA, group, kubeedge, metrics, sites, upstream, web};
use crate::fleet::{BadTiming, Rule, Settings, Timing};

/// Longest path that fits a socket address, with room for the suffix it is bound under first.
const MAX_SOCKET_PATH: usize = 90;

#[derive(Deserialize)]
struct Raw {
    gateway: RawGateway,
    edgex: RawEdgex,
    mqtt: MqttSection,
    security: ControllerSecuritySection,
    topics: RawTopics,
    policy: PolicySection,
    command: RawCommand,
    limits: RawLimits,
    control: RawControl,
    group: group::Raw,
    sites: sites::Raw,
    upstream: upstream::Raw,
    kubeedge: kubeedge::Raw,
    web: web::Raw,
    metrics: metrics::Raw,
    log: LogSection,
}

#[derive(Deserialize)]
struct RawTopics {
    root: TopicRoot,
    dialects: Vec<DialectName>,
}

#[derive(Deserialize)]
struct RawCommand {
    lease_ms: u32,
    retry_ms: u32,
    ttl_ms: u32,
}

#[derive(Deserialize)]
struct RawLimits {
    max_devices: usize,
}

#[derive(Deserialize)]
struct RawControl {
    socket: PathBuf,
}

pub(super) fn check(loaded: &Loaded) -> Result<Config, ConfigError> {
    let raw: Raw = loaded.parse()?;
    if raw.topics.dialects.contains(&DialectName::Edgex) {
        let problem = "\"edgex\" is spoken by devices with EdgeX itself: hear of them by gateway.source";
        return Err(loaded.refuse("topics.dialects", problem));
    }
    let native = raw.topics.dialects.contains(&DialectName::Native);
    let lab = raw.topics.dialects.contains(&DialectName::Lab);
    let dialects = match (native, lab) {
        (true, true) => Dialects::Both,
        (true, false) => Dialects::Native,
        (false, true) => Dialects::Lab,
        (false, false) => return Err(loaded.refuse("topics.dialects", "at least one is needed")),
    };
    let max_devices = raw.limits.max_devices;
    within(loaded, "limits.max_devices", (1..=1_000_000).contains(&max_devices))?;
    let policy = raw.policy.check(loaded)?;
    let rule = if raw.policy.is_enabled() { Rule::Decide(policy) } else { Rule::Observe };
    let (source, sink) = edgex::ways(&raw.gateway, loaded)?;
    let mqtt = raw.mqtt.check(loaded, SCHEMA.program)?;
    let group = raw.group.check(source, sink, dialects, &mqtt, loaded)?;
    let metrics = raw.metrics.check(max_devices, group.as_ref(), loaded)?;
    let security = raw.security.check(loaded)?;
    Ok(Config {
        sites: raw.sites.check(source, dialects, security.as_ref(), loaded)?,
        upstream: raw.upstream.check(source, dialects, group.as_ref(), loaded)?,
        group,
        source,
        sink,
        edgex: edgex::check(raw.edgex, loaded)?,
        mqtt,
        security,
        root: raw.topics.root,
        dialects,
        fleet: Settings { rule, timing: timing(loaded, &raw.command)?, max_devices },
        control: control(loaded, raw.control.socket)?,
        kubeedge: raw.kubeedge.check(source, loaded)?,
        web: raw.web.check(rule, metrics, loaded)?,
        log: raw.log.check(loaded)?,
    })
}

pub(super) fn within(loaded: &Loaded, path: &str, holds: bool) -> Result<(), ConfigError> {
    if holds { Ok(()) } else { Err(loaded.refuse(path, "not allowed")) }
}

fn timing(loaded: &Loaded, raw: &RawCommand) -> Result<Timing, ConfigError> {
    Timing::new(raw.lease_ms, raw.retry_ms, raw.ttl_ms).map_err(|error| match error {
        BadTiming::Ttl => loaded.refuse("command.ttl_ms", "not allowed"),
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
