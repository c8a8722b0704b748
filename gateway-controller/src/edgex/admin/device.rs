//! A device as core-metadata has it.

use serde_json::{Value, json};
use shared_proto::dialect::edgex::SERVICE;
use shared_proto::ids::DeviceId;

/// The body of a request that registers the device. The topic of commands is the one that the agent listens to.
pub(super) fn request(device: &DeviceId, profile: &str) -> Value {
    json!([{"apiVersion": "v3", "device": {
        "name": device, "description": "A Raspberry Pi with device-agent.",
        "adminState": "UNLOCKED", "operatingState": "UP", "labels": ["rt"],
        "serviceName": SERVICE, "profileName": profile, "protocols": protocols(device),
    }}])
}

/// The body of a request that changes a device that is there.
pub(super) fn update(device: &DeviceId, profile: &str) -> Value {
    json!([{"apiVersion": "v3", "device": {
        "name": device, "adminState": "UNLOCKED", "serviceName": SERVICE, "profileName": profile, "protocols": protocols(device),
    }}])
}

fn protocols(device: &DeviceId) -> Value {
    json!({"mqtt": {"CommandTopic": format!("command/{device}")}})
}

/// In what a registered device is not as wanted.
pub(super) fn differences(device: &DeviceId, profile: &str, found: &Value) -> Vec<String> {
    let text = |pointer: &str| found.pointer(pointer).and_then(Value::as_str).unwrap_or("not set").to_owned();
    let wanted = [
        ("profileName", "/profileName", profile.to_owned()),
        ("serviceName", "/serviceName", SERVICE.to_owned()),
        ("adminState", "/adminState", "UNLOCKED".to_owned()),
        ("CommandTopic", "/protocols/mqtt/CommandTopic", format!("command/{device}")),
    ];
    let differs = |(name, pointer, wanted): (&str, &str, String)| {
        let found = text(pointer);
        (found != wanted).then(|| format!("{name} is {found}, wanted is {wanted}"))
    };
    wanted.into_iter().filter_map(differs).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_compared_by_what_matters() {
        let device: DeviceId = "pi-1".parse().unwrap();
        let wanted = request(&device, "rt-agent-profile");
        let mut found = wanted[0]["device"].clone();
        found["operatingState"] = json!("DOWN");
        found["id"] = json!("0d3f");
        assert_eq!(differences(&device, "rt-agent-profile", &found), [""; 0]);
        found["adminState"] = json!("LOCKED");
        found["protocols"] = json!({"mqtt": {"Broker": "x"}});
        assert_eq!(
            differences(&device, "rt-agent-profile", &found),
            ["adminState is LOCKED, wanted is UNLOCKED", "CommandTopic is not set, wanted is command/pi-1"]
        );
    }
}
