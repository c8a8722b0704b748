//! Data that a device sends unasked (`onIncomingDataReceived`): all of it becomes an event, or nothing.

use serde_json::{Map, Value as Json};

use super::INCOMING;
use crate::edgex::Version;
use crate::edgex::event::Taken;
use crate::edgex::log::Dropped;
use crate::edgex::profile::{Profile, Resource};
use crate::edgex::values::Value;
use crate::edgex::world::{Pending, State, World};

/// Takes in a message on `incoming/data/{device}/{source}`.
///
/// # Errors
/// Why nothing came of it.
pub(in crate::edgex) fn take(world: &World, topic: &str, payload: &[u8]) -> Result<(), Dropped> {
    let pending = read(&mut world.state(), world.version, topic, payload).map_err(|why| Dropped {
        topic: topic.to_owned(),
        payload: String::from_utf8_lossy(payload).into_owned(),
        why,
    })?;
    world.take_async(pending);
    Ok(())
}

fn read(state: &mut State, version: Version, topic: &str, payload: &[u8]) -> Result<Pending, String> {
    let levels = topic.replace(INCOMING, "");
    let (device, source) = match levels.split('/').collect::<Vec<_>>().as_slice() {
        &[device, source] => (device, source),
        _ => return Err("incoming topic data should have format .../<device_name>/<source_name>".to_owned()),
    };
    let profile = state.devices.get(device).and_then(|(_, device)| state.profiles.get(&device.profile_name));
    let unknown = || format!("source name `{source}` not found as Device Command or Device Resource on `{device}`");
    let (_, profile) = profile.ok_or_else(unknown)?;
    let resources = resources(profile, source).ok_or_else(unknown)??;

    let object = serde_json::from_slice::<Option<Map<String, Json>>>(payload);
    let object = match (object, resources.as_slice()) {
        (Ok(object), _) => object.unwrap_or_default(),
        // Not an object: the value itself, if there is but one.
        (Err(_), [_]) => Map::new(),
        (Err(error), _) => return Err(format!("Error un-marshaling incoming data : {error}")),
    };
    let mut readings = Vec::new();
    for resource in &resources {
        let whole;
        let sent = match (object.get(&resource.name), resources.as_slice()) {
            (Some(sent), _) => sent,
            (None, [_]) => {
                whole = Json::from(String::from_utf8_lossy(payload));
                &whole
            }
            (None, _) => return Err(format!("Resource Name {} not found in payload", resource.name)),
        };
        let origin = Some(state.reading_clock.now());
        readings.push(reading(resource, sent, version, origin)?);
    }
    let (device, profile, source) = (device.to_owned(), profile.name.clone(), source.to_owned());
    Ok(Pending { device, profile, source, readings })
}

/// A value of a device as a reading.
pub(super) fn reading(
    resource: &Resource,
    sent: &Json,
    version: Version,
    origin: Option<i64>,
) -> Result<Taken, String> {
    let kind = &resource.properties.value_type;
    let value = Value::reading(kind, sent, version)
        .ok_or_else(|| format!("fail to parse {} reading: {sent} is no {kind:?}", resource.name))?;
    Ok(taken(resource, value, origin))
}

/// A value with what the profile says of it.
pub(super) fn taken(resource: &Resource, value: Value, origin: Option<i64>) -> Taken {
    Taken {
        resource: resource.name.clone(),
        value_type: resource.properties.value_type.clone(),
        units: resource.properties.units.clone(),
        value,
        origin,
    }
}

/// What a source consists of: a command is looked for first, then a resource.
fn resources<'a>(profile: &'a Profile, source: &str) -> Option<Result<Vec<&'a Resource>, String>> {
    if let Some(command) = profile.command(source) {
        if !command.read_write.reads() {
            return Some(Err(format!("Device Command `{source}` not Readable")));
        }
        let find = |name: &str| profile.resource(name).ok_or_else(|| format!("resource name `{name}` not found"));
        return Some(command.resource_operations.iter().map(|operation| find(&operation.device_resource)).collect());
    }
    let resource = profile.resource(source)?;
    if !resource.properties.read_write.reads() {
        return Some(Err(format!("Device Resource `{source}` not Readable")));
    }
    Some(Ok(vec![resource]))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::edgex::profile::Device;

    fn world() -> World {
        let world = World::new(Version::V4, Duration::ZERO, Duration::MAX, None);
        let resource = |name: &str, kind: &str, access: &str| json!({"name": name, "properties": {"valueType": kind, "readWrite": access}});
        let profile = json!({
            "name": "p",
            "deviceResources": [
                resource("miss_rate", "Float64", "R"), resource("seq", "Uint64", "R"),
                resource("mode", "String", "RW"), resource("key", "String", "W"),
            ],
            "deviceCommands": [
                {"name": "metrics", "readWrite": "R", "resourceOperations": [{"deviceResource": "miss_rate"}, {"deviceResource": "seq"}]},
                {"name": "SetMode", "readWrite": "W", "resourceOperations": [{"deviceResource": "mode"}]},
                {"name": "seq", "readWrite": "R", "resourceOperations": [{"deviceResource": "mode"}]},
            ],
        });
        let profile = serde_json::from_value(profile).unwrap();
        world.state().profiles.insert("p".to_owned(), (String::new(), profile));
        world.state().devices.insert("device1".to_owned(), (String::new(), Device::over_mqtt("device1", "p")));
        world
    }

    fn values(topic: &str, payload: &str) -> Result<Vec<(String, String)>, String> {
        let world = world();
        take(&world, &format!("incoming/data/{topic}"), payload.as_bytes()).map_err(|dropped| dropped.why)?;
        let state = world.state();
        let event = state.store.events(None)[0];
        Ok(event.readings.iter().map(|reading| (reading.resource.clone(), reading.value.clone().unwrap())).collect())
    }

    fn one(resource: &str, value: &str) -> Result<Vec<(String, String)>, String> {
        Ok(vec![(resource.to_owned(), value.to_owned())])
    }

    #[test]
    fn a_command_needs_every_resource_and_ignores_the_rest() {
        let both = values("device1/metrics", r#"{"seq":"42","other":null,"miss_rate":0.0125}"#).unwrap();
        assert_eq!(both, [("miss_rate".to_owned(), "1.25e-02".to_owned()), ("seq".to_owned(), "42".to_owned())]);
        for dropped in
            [r#"{"miss_rate":0.5}"#, r#"{"miss_rate":0.5,"seq":-1}"#, "0.5", "null", "", r#"{"miss_rate":0."#]
        {
            assert!(values("device1/metrics", dropped).is_err(), "{dropped}");
        }
    }

    #[test]
    fn a_single_resource_may_come_bare_and_is_then_taken_literally() {
        assert_eq!(values("device1/miss_rate", r#"{"miss_rate":0.0125}"#), one("miss_rate", "1.25e-02"));
        assert_eq!(values("device1/miss_rate", "0.0125"), one("miss_rate", "1.25e-02"));
        assert!(values("device1/miss_rate", "0.0125\n").is_err());
        assert_eq!(values("device1/mode", "NORMAL"), one("mode", "NORMAL"));
        assert_eq!(values("device1/mode", "\"NORMAL\""), one("mode", "\"NORMAL\""));
        assert_eq!(values("device1/mode", r#"{"Mode":"NORMAL"}"#), one("mode", r#"{"Mode":"NORMAL"}"#));
        assert_eq!(values("device1/mode", r#"{"mode":null}"#), one("mode", ""));
    }

    #[test]
    fn commands_are_looked_for_before_resources() {
        assert_eq!(values("device1/seq", "NORMAL"), one("mode", "NORMAL"));
    }

    #[test]
    fn what_is_unknown_or_cannot_be_read_is_dropped() {
        for topic in ["device2/mode", "device1/Mode", "device1", "device1/mode/x", "device1/SetMode", "device1/key"] {
            assert!(values(topic, "NORMAL").is_err(), "{topic}");
        }
    }
}
