//! Commands of core-command to a device: one message for each resource, and a look at intervals whether it was answered.

use std::sync::Arc;

use serde_json::{Map, Value as Json};
use tokio::time::sleep;

use super::incoming::{reading, taken};
use crate::edgex::Version;
use crate::edgex::event::{Event, Taken, uuid};
use crate::edgex::http::Refusal;
use crate::edgex::profile::{AdminState, Device, OperatingState, Profile, Resource};
use crate::edgex::values::Value;
use crate::edgex::world::{Pending, World};

/// How often device-mqtt looks for an answer, the first time at once.
const LOOKS: usize = 5;

/// What a command is to do.
#[derive(Debug, Clone)]
pub(in crate::edgex) enum Direction {
    Get(Push),
    Set(Map<String, Json>),
}

/// Whether what was got becomes an event on the bus: `ds-pushevent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::edgex) enum Push {
    Yes,
    No,
}

/// A source of a device, with its resources and what is to be written if a set says nothing of one.
struct Source {
    device: Device,
    profile: String,
    name: String,
    parts: Vec<(Resource, String)>,
    access: crate::edgex::profile::Access,
}

/// Carries out a command; a get gives an event.
pub(in crate::edgex) async fn execute(
    world: &Arc<World>,
    device: &str,
    source: &str,
    direction: Direction,
) -> Result<Option<Event>, Refusal> {
    let source = find(world, device, source)?;
    match direction {
        Direction::Get(push) => get(world, source, push).await.map(Some),
        Direction::Set(body) => set(world, source, &body).await.map(|()| None),
    }
}

fn find(world: &World, device: &str, source: &str) -> Result<Source, Refusal> {
    let state = world.state();
    let (_, device) =
        state.devices.get(device).ok_or_else(|| Refusal::new(404, format!("device {device} not found")))?;
    if device.admin_state == AdminState::Locked {
        return Err(Refusal::new(423, format!("device {} locked", device.name)));
    }
    if device.operating_state == OperatingState::Down {
        return Err(Refusal::new(423, format!("device {} OperatingState is DOWN", device.name)));
    }
    let profile = state.profiles.get(&device.profile_name).map(|(_, profile)| profile);
    let missing = || Refusal::new(404, format!("DeviceResource {source} not found"));
    let profile = profile.ok_or_else(missing)?;
    let (access, parts) = parts(profile, source).ok_or_else(missing)??;
    Ok(Source { device: device.clone(), profile: profile.name.clone(), name: source.to_owned(), parts, access })
}

type Parts = (crate::edgex::profile::Access, Vec<(Resource, String)>);

fn parts(profile: &Profile, source: &str) -> Option<Result<Parts, Refusal>> {
    if let Some(command) = profile.command(source) {
        let find = |operation: &crate::edgex::profile::Operation| {
            let name = &operation.device_resource;
            let undefined = || Refusal::new(500, format!("DeviceResource {name} in commnd {source} not defined"));
            let resource = profile.resource(name).ok_or_else(undefined)?;
            let own = &operation.default_value;
            let default = if own.is_empty() { &resource.properties.default_value } else { own };
            Ok((resource.clone(), default.clone()))
        };
        let parts: Result<Vec<_>, Refusal> = command.resource_operations.iter().map(find).collect();
        return Some(parts.map(|parts| (command.read_write, parts)));
    }
    let resource = profile.resource(source)?;
    let default = resource.properties.default_value.clone();
    Some(Ok((resource.properties.read_write, vec![(resource.clone(), default)])))
}

async fn get(world: &Arc<World>, source: Source, push: Push) -> Result<Event, Refusal> {
    if !source.access.reads() {
        return Err(Refusal::new(405, format!("{} is marked as write-only", source.name)));
    }
    let mut readings = Vec::new();
    for (resource, _) in &source.parts {
        let answer = exchange(world, &source.device, &resource.name, "get", Vec::new()).await?;
        readings.push(answered(world, resource, &answer).map_err(|why| Refusal::new(500, why))?);
    }
    let pending = source.pending(readings);
    let state = &mut *world.state();
    Ok(match push {
        Push::Yes => world.make_event(state, pending),
        Push::No => world.unsent_event(state, pending),
    })
}

fn answered(world: &World, resource: &Resource, answer: &[u8]) -> Result<Taken, String> {
    let fields: Map<String, Json> = serde_json::from_slice(answer).unwrap_or_default();
    let sent =
        fields.get(&resource.name).ok_or_else(|| format!("'{}' field not found in the response", resource.name))?;
    let origin = Some(world.state().reading_clock.now());
    reading(resource, sent, world.version, origin)
}

async fn set(world: &Arc<World>, source: Source, body: &Map<String, Json>) -> Result<(), Refusal> {
    if !source.access.writes() {
        return Err(Refusal::new(405, format!("{} is marked as read-only", source.name)));
    }
    let mut values = Vec::new();
    for (resource, default) in &source.parts {
        values.push((resource, parameter(world.version, resource, default, body)?));
    }
    for (resource, value) in &values {
        let payload = Json::Object(Map::from_iter([(resource.name.clone(), value.json())]));
        // Whatever it says: an answer is success.
        exchange(world, &source.device, &resource.name, "set", payload.to_string().into_bytes()).await?;
    }
    if source.access.reads() {
        let readings = values.into_iter().map(|(resource, value)| taken(resource, value, None)).collect();
        let pending = source.pending(readings);
        world.make_event(&mut world.state(), pending);
    }
    Ok(())
}

fn parameter(version: Version, resource: &Resource, default: &str, body: &Map<String, Json>) -> Result<Value, Refusal> {
    let name = &resource.name;
    let text;
    let given = match body.get(name) {
        // A null reading to 4.x, of which device-mqtt can make nothing; to 3.x it is the text `<nil>`.
        Some(Json::Null) if version == Version::V4 => {
            return Err(Refusal::new(500, format!("fail to convert param of {name}: null")));
        }
        Some(given) => given,
        None if default.is_empty() => {
            let what = format!("DeviceResource {name} not found in request body and no default value defined");
            return Err(Refusal::new(500, what));
        }
        None => {
            text = Json::from(default);
            &text
        }
    };
    let status = if version == Version::V4 { 400 } else { 500 };
    Value::parameter(&resource.properties.value_type, given)
        .ok_or_else(|| Refusal::new(status, format!("failed to convert set parameter {given} of {name}")))
}

/// Sends one message to a device and waits for the answer to it.
async fn exchange(
    world: &World,
    device: &Device,
    resource: &str,
    method: &str,
    payload: Vec<u8>,
) -> Result<Vec<u8>, Refusal> {
    let topic =
        device.command_topic().ok_or_else(|| Refusal::new(500, "CommandTopic not found in protocol properties"))?;
    let uuid = uuid();
    world.send_to_device(format!("{topic}/{resource}/{method}/{uuid}"), payload);
    let look = || world.state().responses.remove(&uuid);
    let answer = fetch(look, || sleep(world.interval)).await;
    answer.ok_or_else(|| Refusal::new(500, format!("can not fetch command response: method={method} cmd={resource}")))
}

/// Looks, at 0, 1, 2, 3 and 4 intervals, and gives up after 5.
async fn fetch<T, Pause: Future<Output = ()>>(
    mut look: impl FnMut() -> Option<T>,
    mut pause: impl FnMut() -> Pause,
) -> Option<T> {
    for _ in 0..LOOKS {
        if let Some(found) = look() {
            return Some(found);
        }
        pause().await;
    }
    None
}

impl Source {
    fn pending(self, readings: Vec<Taken>) -> Pending {
        Pending { device: self.device.name, profile: self.profile, source: self.name, readings }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::ready;

    use super::*;

    /// Whether an answer that comes in this interval is seen, and when it is over.
    async fn answered_in(interval: usize) -> (bool, usize) {
        let passed = Cell::new(0);
        let look = || (passed.get() >= interval).then_some(());
        let pause = || {
            passed.set(passed.get() + 1);
            ready(())
        };
        (fetch(look, pause).await.is_some(), passed.get())
    }

    #[tokio::test]
    async fn an_answer_is_seen_at_the_next_look_and_not_after_the_fifth() {
        for (interval, outcome) in [(0, (true, 0)), (1, (true, 1)), (4, (true, 4)), (5, (false, 5)), (9, (false, 5))] {
            assert_eq!(answered_in(interval).await, outcome, "answered in interval {interval}");
        }
    }
}
