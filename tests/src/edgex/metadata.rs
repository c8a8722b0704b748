//! core-metadata over HTTP: profiles and devices.

use std::collections::HashMap;
use std::future::pending;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

use super::event::uuid;
use super::faults::DeviceService;
use super::http::{Query, Refusal, answer, entry, success};
use super::profile::{Change, Device, Profile};
use super::store::Page;
use super::world::World;
use super::{SERVICE, Version};

type Answer = Result<Response, Refusal>;
type At = State<Arc<World>>;

pub(super) fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/api/v3/deviceprofile", post(add_profiles).put(change_profiles))
        .route("/api/v3/deviceservice/name/{name}", get(device_service))
        .route("/api/v3/deviceprofile/all", get(all_profiles))
        .route("/api/v3/deviceprofile/name/{name}", get(profile).delete(delete_profile))
        .route("/api/v3/device", post(add_devices).patch(change_devices))
        .route("/api/v3/device/all", get(all_devices))
        .route("/api/v3/device/profile/name/{name}", get(devices_of_profile))
        .route("/api/v3/device/name/{name}", get(device).delete(delete_device))
}

#[derive(Deserialize)]
struct AddProfile {
    profile: Profile,
}

#[derive(Deserialize)]
struct AddDevice {
    device: Device,
}

#[derive(Deserialize)]
struct ChangeDevice {
    device: Change,
}

/// An array of requests, whole or not at all.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<Vec<T>, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::new(400, format!("json decoding failed: {error}")))
}

async fn add_profiles(State(world): At, body: Bytes) -> Answer {
    let requests: Vec<AddProfile> = parse(&body)?;
    for request in &requests {
        request.profile.check().map_err(|what| Refusal::new(400, what))?;
    }
    Ok(each(requests.into_iter().map(|request| add_profile(&world, request.profile))))
}

/// Adds a profile; gives its id.
pub(super) fn add_profile(world: &World, profile: Profile) -> Result<String, Refusal> {
    profile.check().map_err(|what| Refusal::new(400, what))?;
    let profiles = &mut world.state().profiles;
    if profiles.contains_key(&profile.name) {
        return Err(Refusal::new(409, format!("device profile name {} exists", profile.name)));
    }
    let id = uuid();
    profiles.insert(profile.name.clone(), (id.clone(), profile));
    Ok(id)
}

async fn change_profiles(State(world): At, body: Bytes) -> Answer {
    let requests: Vec<AddProfile> = parse(&body)?;
    for request in &requests {
        request.profile.check().map_err(|what| Refusal::new(400, what))?;
    }
    Ok(each(requests.into_iter().map(|request| change_profile(&world, request.profile))))
}

fn change_profile(world: &World, profile: Profile) -> Result<String, Refusal> {
    let missing = || Refusal::new(404, format!("device profile {} does not exist", profile.name));
    let profiles = &mut world.state().profiles;
    let (id, known) = profiles.get_mut(&profile.name).ok_or_else(missing)?;
    *known = profile.clone();
    Ok(id.clone())
}

/// The one device service, as it registered itself.
async fn device_service(Path(name): Path<String>) -> Answer {
    if name != SERVICE {
        return Err(Refusal::new(404, format!("device service {name} not found")));
    }
    Ok(success(
        json!({"service": {"name": SERVICE, "adminState": "UNLOCKED", "baseAddress": "http://localhost:59982"}}),
    ))
}

async fn add_devices(State(world): At, query: Query, body: Bytes) -> Answer {
    let requests: Vec<AddDevice> = parse(&body)?;
    for request in &requests {
        request.device.check().map_err(|what| Refusal::new(400, what))?;
    }
    let mut answers = Vec::new();
    for request in requests {
        answers.push(check_and_add(&world, request.device, validation(&query, world.version)).await);
    }
    Ok(each(answers.into_iter()))
}

async fn check_and_add(world: &World, device: Device, validation: Validation) -> Result<String, Refusal> {
    check_references(world, &device)?;
    check_new(world, &device)?;
    if validation == Validation::Asked {
        ask_device_service(world, &device).await?;
    }
    insert(world, device)
}

/// Adds a device as if device-mqtt had agreed to it; gives its id.
pub(super) fn add_device(world: &World, device: Device) -> Result<String, Refusal> {
    device.check().map_err(|what| Refusal::new(400, what))?;
    check_references(world, &device)?;
    insert(world, device)
}

fn insert(world: &World, device: Device) -> Result<String, Refusal> {
    check_new(world, &device)?;
    let id = uuid();
    world.state().devices.insert(device.name.clone(), (id.clone(), device));
    Ok(id)
}

fn check_new(world: &World, device: &Device) -> Result<(), Refusal> {
    if world.state().devices.contains_key(&device.name) {
        return Err(Refusal::new(409, format!("device name {} already exists", device.name)));
    }
    Ok(())
}

/// Whether device-mqtt is asked about a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Validation {
    Asked,
    Bypassed,
}

/// 3.x knows nothing of a bypass.
fn validation(query: &HashMap<String, String>, version: Version) -> Validation {
    let on = |name: &str| query.get(name).is_some_and(|value| value == "true");
    let bypassed = version == Version::V4 && (on("bypassValidation") || on("force"));
    if bypassed { Validation::Bypassed } else { Validation::Asked }
}

/// What metadata itself sees.
fn check_references(world: &World, device: &Device) -> Result<(), Refusal> {
    let state = world.state();
    if device.service_name != SERVICE {
        return Err(Refusal::new(400, format!("device service '{}' does not exists", device.service_name)));
    }
    if !state.profiles.contains_key(&device.profile_name) {
        return Err(Refusal::new(404, format!("device profile '{}' does not exists", device.profile_name)));
    }
    Ok(())
}

/// What device-mqtt says of a device: it needs a topic for commands.
async fn ask_device_service(world: &World, device: &Device) -> Result<(), Refusal> {
    let state = world.state().device_service;
    if state == DeviceService::Down {
        // Nobody answers: the request timeout ends it.
        return pending().await;
    }
    let missing = || Refusal::new(500, format!("Device {} validation failed: CommandTopic not found", device.name));
    device.command_topic().map(drop).ok_or_else(missing)
}

async fn change_devices(State(world): At, query: Query, body: Bytes) -> Answer {
    let changes: Vec<ChangeDevice> = parse(&body)?;
    let mut answers = Vec::new();
    for change in changes {
        answers.push(change_device(&world, change.device, validation(&query, world.version)).await);
    }
    let answers = answers.into_iter().map(|done| done.map_or_else(|refusal| refusal.json(), |()| entry(200, None)));
    Ok(answer(207, &answers.collect()))
}

async fn change_device(world: &World, change: Change, validation: Validation) -> Result<(), Refusal> {
    let known = world.state().devices.get(&change.name).map(|(_, device)| device.clone());
    let mut device = known.ok_or_else(|| Refusal::new(404, format!("device {} not found", change.name)))?;
    change.apply(&mut device);
    check_references(world, &device)?;
    if validation == Validation::Asked {
        ask_device_service(world, &device).await?;
    }
    if let Some((_, known)) = world.state().devices.get_mut(&device.name) {
        *known = device;
    }
    Ok(())
}

async fn delete_device(State(world): At, Path(name): Path<String>) -> Answer {
    let gone = world.state().devices.remove(&name);
    gone.map(|_| success(Json::Null)).ok_or_else(|| Refusal::new(404, format!("device {name} not found")))
}

async fn delete_profile(State(world): At, Path(name): Path<String>) -> Answer {
    let state = &mut *world.state();
    if !state.profiles.contains_key(&name) {
        return Err(Refusal::new(404, format!("profile {name} not found")));
    }
    if state.devices.values().any(|(_, device)| device.profile_name == name) {
        return Err(Refusal::new(409, "fail to delete the device profile when associated device exists"));
    }
    state.profiles.remove(&name);
    Ok(success(Json::Null))
}

async fn profile(State(world): At, Path(name): Path<String>) -> Answer {
    let state = world.state();
    let found = state.profiles.get(&name).map(|(id, profile)| success(json!({"profile": with_id(id, profile)})));
    found.ok_or_else(|| Refusal::new(404, format!("profile {name} not found")))
}

async fn device(State(world): At, Path(name): Path<String>) -> Answer {
    let state = world.state();
    let found = state.devices.get(&name).map(|(id, device)| success(json!({"device": with_id(id, device)})));
    found.ok_or_else(|| Refusal::new(404, format!("device {name} not found")))
}

async fn all_profiles(State(world): At, query: Query) -> Answer {
    let page = Page::parse(&query, world.version)?;
    let (total, profiles) =
        page.of(world.state().profiles.values().map(|(id, profile)| with_id(id, profile)).collect())?;
    Ok(success(json!({"totalCount": total, "profiles": profiles})))
}

async fn all_devices(State(world): At, query: Query) -> Answer {
    let page = Page::parse(&query, world.version)?;
    let (total, devices) = page.of(world.state().devices.values().map(|(id, device)| with_id(id, device)).collect())?;
    Ok(success(json!({"totalCount": total, "devices": devices})))
}

/// A profile that is not there has no devices, and that is no error (core-metadata asks its database for devices only).
async fn devices_of_profile(State(world): At, Path(name): Path<String>, query: Query) -> Answer {
    let page = Page::parse(&query, world.version)?;
    let state = world.state();
    let of_it = state.devices.values().filter(|(_, device)| device.profile_name == name);
    let (total, devices) = page.of(of_it.map(|(id, device)| with_id(id, device)).collect())?;
    Ok(success(json!({"totalCount": total, "devices": devices})))
}

fn with_id(id: &str, of: &impl serde::Serialize) -> Json {
    let mut json = serde_json::to_value(of).unwrap_or_default();
    if let Json::Object(fields) = &mut json {
        fields.insert("id".to_owned(), Json::from(id));
    }
    json
}

/// 207, with an entry for each.
fn each(results: impl Iterator<Item = Result<String, Refusal>>) -> Response {
    let entries = results.map(|result| match result {
        Ok(id) => entry(201, Some(&id)),
        Err(refusal) => refusal.json(),
    });
    answer(207, &entries.collect())
}
