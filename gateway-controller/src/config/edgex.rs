//! The sections `gateway` and `edgex`, checked.

use std::time::Duration;

use serde::Deserialize;
use shared_host::config::{ConfigError, Loaded};
use shared_host::mqtt::Tls;
use shared_host::secret::Place;
use shared_proto::dialect::edgex::can_be_named;
use shared_proto::ids::{DeviceId, TopicRoot};

use crate::edgex::readings::{MissRate, Names};
use crate::edgex::{EdgexConfig, ServiceUrl, SinkKind, Source};

/// The section `gateway`, as it is written.
#[derive(Debug, Deserialize)]
pub(super) struct RawGateway {
    source: Source,
    sink: Option<SinkKind>,
}

/// The section `edgex`, as it is written.
#[derive(Debug, Deserialize)]
pub(super) struct RawEdgex {
    core_data_url: ServiceUrl,
    core_metadata_url: ServiceUrl,
    core_command_url: ServiceUrl,
    devices: Vec<DeviceId>,
    profile: String,
    poll_ms: u64,
    max_age_ms: u64,
    timeout_ms: u64,
    parallel: usize,
    token_file: Option<Place>,
    ca_file: Option<Place>,
    miss_rate_resource: String,
    mode_resource: String,
    command: String,
    mode_normal: String,
    mode_degraded: String,
    bus_topic: TopicRoot,
}

/// Source and sink, if they go together.
pub(super) fn ways(raw: &RawGateway, loaded: &Loaded) -> Result<(Source, SinkKind), ConfigError> {
    match (raw.source, raw.sink) {
        (Source::Mqtt, sink) => Ok((Source::Mqtt, sink.unwrap_or(SinkKind::Mqtt))),
        (source, None | Some(SinkKind::EdgexCommand)) => Ok((source, SinkKind::EdgexCommand)),
        (_, Some(SinkKind::Mqtt)) => Err(loaded.refuse(
            "gateway.sink",
            "a device that is known through EdgeX listens to EdgeX; for devices that speak to the broker themselves, \
             gateway.source = \"mqtt\"",
        )),
    }
}

/// Checks that the files can be read and used now.
pub(super) fn check_files(edgex: &EdgexConfig, loaded: &Loaded) -> Result<(), ConfigError> {
    if let Some(token) = &edgex.token {
        token.read_secret_line().map_err(|error| loaded.refuse("edgex.token_file", error))?;
    }
    if edgex.ca.is_some() {
        let tls = Tls { ca: edgex.ca.clone(), identity: None };
        tls.check().map_err(|error| loaded.refuse("edgex.ca_file", error))?;
    }
    Ok(())
}

pub(super) fn check(raw: RawEdgex, loaded: &Loaded) -> Result<EdgexConfig, ConfigError> {
    let within = |key: &str, holds: bool| {
        if holds { Ok(()) } else { Err(loaded.refuse(&format!("edgex.{key}"), "not allowed")) }
    };
    within("poll_ms", (100..=3_600_000).contains(&raw.poll_ms))?;
    within("max_age_ms", (500..=3_600_000).contains(&raw.max_age_ms))?;
    within("timeout_ms", (500..=60_000).contains(&raw.timeout_ms))?;
    within("parallel", (1..=8).contains(&raw.parallel))?;
    for (index, device) in raw.devices.iter().enumerate() {
        within(
            &format!("devices[{index}]"),
            can_be_named(device) && !raw.devices.iter().take(index).any(|d| d == device),
        )?;
    }
    for (key, name) in [
        ("profile", &raw.profile),
        ("mode_resource", &raw.mode_resource),
        ("command", &raw.command),
        ("mode_normal", &raw.mode_normal),
        ("mode_degraded", &raw.mode_degraded),
    ] {
        within(key, is_name(name))?;
    }
    if raw.mode_normal == raw.mode_degraded {
        return Err(loaded.refuse("edgex.mode_degraded", "it is the word for NORMAL too"));
    }
    within("miss_rate_resource", raw.miss_rate_resource.is_empty() || is_name(&raw.miss_rate_resource))?;
    protected(&raw, loaded)?;
    let miss_rate = match raw.miss_rate_resource {
        name if name.is_empty() => MissRate::AnyAlike,
        name => MissRate::Named(name),
    };
    Ok(EdgexConfig {
        core_data: raw.core_data_url,
        core_metadata: raw.core_metadata_url,
        core_command: raw.core_command_url,
        devices: raw.devices,
        profile: raw.profile,
        poll: Duration::from_millis(raw.poll_ms),
        max_age: Duration::from_millis(raw.max_age_ms),
        timeout: Duration::from_millis(raw.timeout_ms),
        parallel: raw.parallel,
        token: raw.token_file,
        ca: raw.ca_file,
        names: Names { miss_rate, mode: raw.mode_resource, normal: raw.mode_normal, degraded: raw.mode_degraded },
        command: raw.command,
        bus_topic: raw.bus_topic.as_str().to_owned(),
    })
}

/// A token is sent to nobody who could listen.
fn protected(raw: &RawEdgex, loaded: &Loaded) -> Result<(), ConfigError> {
    let urls = [
        ("edgex.core_data_url", &raw.core_data_url),
        ("edgex.core_metadata_url", &raw.core_metadata_url),
        ("edgex.core_command_url", &raw.core_command_url),
    ];
    if raw.token_file.is_some()
        && let Some((key, _)) = urls.iter().find(|(_, url)| url.is_exposed())
    {
        return Err(
            loaded.refuse(key, "with edgex.token_file: everybody on the network could read the token; use https://")
        );
    }
    if raw.ca_file.is_some() && urls.iter().all(|(_, url)| !url.is_encrypted()) {
        return Err(loaded.refuse("edgex.ca_file", "it is for https:// only, and no address of EdgeX begins with that"));
    }
    Ok(())
}

/// A name as EdgeX has them, that can stand in a path.
fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.~:;=".contains(&byte);
    (1..=128).contains(&name.len()) && name.bytes().all(allowed) && !matches!(name, "." | "..")
}
