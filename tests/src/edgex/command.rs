//! core-command over HTTP: which commands there are, and carrying them out by way of device-mqtt.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Map, Value as Json, json};

use super::Version;
use super::device_service::{Direction, Push, execute};
use super::event::Shown;
use super::faults::DeviceService;
use super::http::{Query, Refusal, success};
use super::profile::{Access, Device, Profile};
use super::store::Page;
use super::world::World;

type Answer = Result<Response, Refusal>;

pub(super) fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/api/v3/device/all", get(all))
        .route("/api/v3/device/name/{device}", get(of_device))
        .route("/api/v3/device/name/{device}/{command}", get(read).put(write))
}

async fn all(State(world): State<Arc<World>>, query: Query) -> Answer {
    let page = Page::parse(&query, world.version)?;
    let state = world.state();
    let (total, devices) = page.of(state.devices.values().collect())?;
    let profile = |device: &Device| state.profiles.get(&device.profile_name).map(|(_, profile)| profile);
    let commands = devices.iter().filter_map(|(_, device)| profile(device).map(|profile| commands(device, profile)));
    let commands: Vec<_> = commands.collect();
    Ok(success(json!({"totalCount": total, "deviceCoreCommands": commands})))
}

async fn of_device(State(world): State<Arc<World>>, Path(name): Path<String>) -> Answer {
    let state = world.state();
    let missing = |what: String| told(world.version, &Refusal::new(404, what));
    let (_, device) = state.devices.get(&name).ok_or_else(|| missing(format!("device {name} not found")))?;
    let profile = state.profiles.get(&device.profile_name);
    let (_, profile) = profile.ok_or_else(|| missing(format!("profile {} not found", device.profile_name)))?;
    Ok(success(json!({"deviceCoreCommand": commands(device, profile)})))
}

/// The commands of a device, in any order: a map of Go's lies in between. A command hides a resource of its name.
fn commands(device: &Device, profile: &Profile) -> Json {
    let mut commands = Vec::new();
    for command in profile.device_commands.iter().filter(|command| !command.is_hidden) {
        let resources: Vec<_> = command
            .resource_operations
            .iter()
            .filter_map(|operation| profile.resource(&operation.device_resource))
            .collect();
        let parameters: Vec<_> =
            resources.iter().map(|resource| parameter(&resource.name, &resource.properties.value_type)).collect();
        commands.push(core_command(device, &command.name, command.read_write, &parameters));
    }
    let known = |name: &str| profile.command(name).is_some_and(|command| !command.is_hidden);
    for resource in profile.device_resources.iter().filter(|resource| !resource.is_hidden && !known(&resource.name)) {
        let parameters = [parameter(&resource.name, &resource.properties.value_type)];
        commands.push(core_command(device, &resource.name, resource.properties.read_write, &parameters));
    }
    fastrand::shuffle(&mut commands);
    json!({"deviceName": device.name, "profileName": device.profile_name, "coreCommands": commands})
}

fn parameter(resource: &str, value_type: &super::values::ValueType) -> Json {
    json!({"resourceName": resource, "valueType": value_type})
}

/// `get` and `set` are there only if they are true.
fn core_command(device: &Device, name: &str, access: Access, parameters: &[Json]) -> Json {
    let path = format!("/api/v3/device/name/{}/{name}", device.name);
    let mut command = Map::from_iter([("name".to_owned(), Json::from(name)), ("path".to_owned(), Json::from(path))]);
    command.insert("url".to_owned(), Json::from("http://localhost:59882"));
    command.insert("parameters".to_owned(), Json::from(parameters));
    if access.reads() {
        command.insert("get".to_owned(), Json::from(true));
    }
    if access.writes() {
        command.insert("set".to_owned(), Json::from(true));
    }
    Json::Object(command)
}

async fn read(
    State(world): State<Arc<World>>,
    Path((device, command)): Path<(String, String)>,
    query: Query,
) -> Answer {
    let push = if flag(&query, "ds-pushevent", Flag::Off)? == Flag::On { Push::Yes } else { Push::No };
    let shown = flag(&query, "ds-returnevent", Flag::On)?;
    let event = run(&world, &device, &command, Direction::Get(push)).await?;
    Ok(match event {
        Some(event) if shown == Flag::On => success(json!({"event": event.json(world.version, Shown::Fresh)})),
        _ => ().into_response(),
    })
}

async fn write(
    State(world): State<Arc<World>>,
    Path((device, command)): Path<(String, String)>,
    body: Bytes,
) -> Answer {
    let body = serde_json::from_slice(&body);
    let body = body.map_err(|error| Refusal::new(400, format!("failed to parse request body: {error}")))?;
    run(&world, &device, &command, Direction::Set(body)).await?;
    Ok(success(Json::Null))
}

/// Asks metadata for the device, and then its device service.
async fn run(
    world: &Arc<World>,
    device: &str,
    command: &str,
    direction: Direction,
) -> Result<Option<super::event::Event>, Refusal> {
    let told = |refusal: Refusal| told(world.version, &refusal);
    let (known, service) = {
        let state = world.state();
        (state.devices.contains_key(device), state.device_service)
    };
    if !known {
        return Err(told(Refusal::new(404, format!("fail to query device by name {device}"))));
    }
    if service == DeviceService::Down {
        return Err(Refusal::new(503, "failed to send a http request: connect: connection refused"));
    }
    execute(world, device, command, direction).await.map_err(told)
}

/// What another service refused, as core-command tells it: whole in 3.x, its message alone in 4.x.
fn told(version: Version, inner: &Refusal) -> Refusal {
    let what = match version {
        Version::V3 => inner.json().to_string(),
        Version::V4 => inner.message.clone(),
    };
    Refusal::new(inner.status, format!("request failed, status code: {}, err: {what}", inner.status))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flag {
    On,
    Off,
}

fn flag(query: &Query, name: &str, default: Flag) -> Result<Flag, Refusal> {
    match query.get(name).map(String::as_str) {
        None | Some("") => Ok(default),
        Some("true") => Ok(Flag::On),
        Some("false") => Ok(Flag::Off),
        Some(other) => Err(Refusal::new(400, format!("invalid query parameter, {other} has to be true or false"))),
    }
}
