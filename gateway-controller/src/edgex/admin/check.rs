//! Looks whether EdgeX is as the controller needs it: services, profile, devices, readings, commands.

use serde::Deserialize;
use shared_proto::dialect::edgex::SERVICE;
use shared_proto::ids::DeviceId;

use super::metadata::Metadata;
use super::{Finding, Profile, device};
use crate::edgex::EdgexConfig;
use crate::edgex::freshness::{Age, Clock};
use crate::edgex::http::{Client, Service};
use crate::edgex::readings::{self, Events};

#[derive(Deserialize)]
struct Version {
    version: String,
}

#[derive(Deserialize)]
struct Commands {
    #[serde(rename = "deviceCoreCommand")]
    device: DeviceCommands,
}

#[derive(Deserialize)]
struct DeviceCommands {
    #[serde(rename = "coreCommands")]
    commands: Option<Vec<Command>>,
}

#[derive(Deserialize)]
struct Command {
    name: String,
    /// Left out when false.
    #[serde(default)]
    set: bool,
    #[serde(default)]
    parameters: Option<Vec<Parameter>>,
}

#[derive(Deserialize)]
struct Parameter {
    #[serde(rename = "resourceName")]
    resource: String,
}

/// Looks at everything that these devices need; each finding is told at once.
pub(crate) async fn check(config: &EdgexConfig, devices: &[DeviceId], mut tell: impl FnMut(Finding)) {
    for service in [Service::Metadata, Service::Data, Service::Command] {
        tell(version(&config.single_client(service), config).await);
    }
    let metadata = Metadata::new(config.single_client(Service::Metadata), config.timeout);
    tell(device_service(&metadata).await);
    tell(profile(&metadata, config).await);
    let (data, command) = (config.single_client(Service::Data), config.single_client(Service::Command));
    for id in devices {
        tell(registered(&metadata, config, id).await);
        tell(reading(&data, config, id).await);
        tell(set_mode(&command, config, id).await);
    }
}

async fn version(client: &Client, config: &EdgexConfig) -> Finding {
    let (service, url) = (client.service(), client.url());
    let answer = client.get("/version", config.timeout).await.map_err(|error| error.to_string());
    match answer.and_then(|answer| answer.ok::<Version>()) {
        Ok(Version { version }) if version.starts_with(['3', '4']) => {
            Finding::good(format!("{service} {} at {url}", short(&version)))
        }
        Ok(Version { version }) => Finding::bad(format!(
            "{service} {} at {url}: made for EdgeX 3 and 4; other versions may differ",
            short(&version)
        )),
        Err(why) => Finding::bad(format!(
            "{service}: {why}; start it, or set edgex.{}_url",
            service.to_string().replace('-', "_")
        )),
    }
}

async fn device_service(metadata: &Metadata) -> Finding {
    match metadata.find(&format!("/deviceservice/name/{SERVICE}"), "service").await {
        Ok(Some(service)) if service.get("adminState").is_some_and(|state| state == "LOCKED") => Finding::bad(format!(
            "{SERVICE} is LOCKED: commands are refused with 423; PATCH /api/v3/deviceservice to unlock it"
        )),
        Ok(Some(_)) => Finding::good(format!("{SERVICE} is registered")),
        Ok(None) => {
            Finding::bad(format!("{SERVICE} never registered: start it, on the same message bus as core-metadata"))
        }
        Err(why) => Finding::bad(why),
    }
}

async fn profile(metadata: &Metadata, config: &EdgexConfig) -> Finding {
    let name = &config.profile;
    match metadata.find(&format!("/deviceprofile/name/{name}"), "profile").await {
        Ok(Some(found)) => match Profile::of_the_agent(name, &config.command).differences(&found) {
            none if none.is_empty() => Finding::good(format!("profile {name}")),
            // Another profile can do, as the classroom's.
            _ if name != shared_proto::dialect::edgex::PROFILE => {
                Finding::good(format!("profile {name}, not the agent's own"))
            }
            some => Finding::bad(format!("profile {name} differs: {}; `edgex provision --update`", some.join("; "))),
        },
        Ok(None) => Finding::bad(format!("profile {name} is not there: `gateway-controller edgex provision`")),
        Err(why) => Finding::bad(why),
    }
}

async fn registered(metadata: &Metadata, config: &EdgexConfig, id: &DeviceId) -> Finding {
    match metadata.find(&format!("/device/name/{id}"), "device").await {
        Ok(Some(found)) => match device::differences(id, &config.profile, &found) {
            none if none.is_empty() && found.get("operatingState").is_some_and(|state| state == "DOWN") => {
                Finding::bad(format!(
                    "device {id} is DOWN: commands are refused with 423; PATCH /api/v3/device, operatingState UP"
                ))
            }
            none if none.is_empty() => Finding::good(format!("device {id} is registered")),
            some => Finding::bad(format!("device {id}: {}; `edgex provision --device {id} --update`", some.join("; "))),
        },
        Ok(None) => {
            Finding::bad(format!("device {id} is not registered: `gateway-controller edgex provision --device {id}`"))
        }
        Err(why) => Finding::bad(why),
    }
}

async fn reading(client: &Client, config: &EdgexConfig, id: &DeviceId) -> Finding {
    let path = format!("/event/device/name/{id}?limit=20");
    let answer = client.get(&path, config.timeout).await.map_err(|error| error.to_string());
    let events = match answer.and_then(|answer| answer.ok::<Events>()) {
        Ok(events) => events.events.unwrap_or_default(),
        Err(why) => return Finding::bad(format!("{}: {why}", client.service())),
    };
    match readings::newest(&events, &config.names) {
        Ok(Some(seen)) => {
            let age_ms = Clock::system().age_ms(seen.origin_ns);
            let rate = seen.miss_rate.get() * 100.0;
            match Clock::system().age(seen.origin_ns, config.max_age) {
                Age::Fresh => Finding::good(format!("device {id}: newest miss rate {rate:.2} %, {age_ms} ms old")),
                Age::Old => Finding::bad(format!(
                    "device {id}: newest miss rate is {age_ms} ms old: is its agent running, with the dialect edgex?"
                )),
                Age::Ahead => Finding::bad(format!(
                    "device {id}: newest miss rate is {} ms in the future: set the clocks",
                    -age_ms
                )),
            }
        }
        Ok(None) if events.is_empty() => Finding::bad(format!(
            "device {id}: core-data has nothing of it: is its agent running, with the dialect edgex, at device-mqtt's broker?"
        )),
        Ok(None) => {
            Finding::bad(format!("device {id}: no miss rate among its latest events: edgex.miss_rate_resource?"))
        }
        Err(error) => Finding::bad(format!("device {id}: {error}")),
    }
}

async fn set_mode(client: &Client, config: &EdgexConfig, id: &DeviceId) -> Finding {
    let (command, resource) = (&config.command, &config.names.mode);
    let answer = client.get(&format!("/device/name/{id}"), config.timeout).await.map_err(|error| error.to_string());
    let commands = match answer {
        Ok(answer) if answer.status == 404 => {
            return Finding::bad(format!("device {id}: core-command does not know it"));
        }
        Ok(answer) => answer.ok::<Commands>(),
        Err(why) => Err(why),
    };
    let commands = match commands {
        Ok(commands) => commands.device.commands.unwrap_or_default(),
        Err(why) => return Finding::bad(format!("{}: {why}", client.service())),
    };
    let Some(found) = commands.iter().find(|found| found.name == *command) else {
        return Finding::bad(format!(
            "device {id}: no command {command} (or it is hidden): edgex.command, or another profile"
        ));
    };
    let takes = found.parameters.iter().flatten().any(|parameter| parameter.resource == *resource);
    match (found.set, takes) {
        (true, true) => Finding::good(format!("device {id}: {command} sets {resource}")),
        (true, false) => Finding::bad(format!("device {id}: {command} does not take {resource}: edgex.mode_resource")),
        (false, _) => Finding::bad(format!("device {id}: {command} cannot be written: its profile needs readWrite W")),
    }
}

/// A version as it was told: cut and without control characters.
fn short(version: &str) -> shared_proto::text::Name {
    version.into()
}
