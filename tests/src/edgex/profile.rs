//! Profiles and devices, as core-metadata keeps them.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::values::ValueType;

/// A device profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// Name.
    pub name: String,
    /// Maker of the devices.
    #[serde(default)]
    pub manufacturer: String,
    /// Their model.
    #[serde(default)]
    pub model: String,
    /// Words to find it by.
    #[serde(default)]
    pub labels: Vec<String>,
    /// What can be read or written.
    #[serde(default)]
    pub device_resources: Vec<Resource>,
    /// Several resources by one name.
    #[serde(default)]
    pub device_commands: Vec<Command>,
}

/// A resource of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// Name.
    pub name: String,
    /// Whether core-command leaves it out of its lists.
    #[serde(default)]
    pub is_hidden: bool,
    /// What it is.
    pub properties: Properties,
}

/// What a resource is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Properties {
    /// Its type.
    pub value_type: ValueType,
    /// Who may do what.
    pub read_write: Access,
    /// Unit.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub units: String,
    /// Taken when a set does not name it; empty: none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub default_value: String,
}

/// What may be done with a resource or command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Access {
    /// Read.
    R,
    /// Write.
    W,
    /// Both.
    RW,
    /// Both, in another order.
    WR,
}

impl Access {
    /// Whether it may be read.
    #[must_use]
    pub fn reads(self) -> bool {
        self != Self::W
    }

    /// Whether it may be written.
    #[must_use]
    pub fn writes(self) -> bool {
        self != Self::R
    }
}

/// A device command of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Command {
    /// Name.
    pub name: String,
    /// Whether core-command leaves it out of its lists.
    #[serde(default)]
    pub is_hidden: bool,
    /// Who may do what.
    pub read_write: Access,
    /// Its resources, in order.
    pub resource_operations: Vec<Operation>,
}

/// A resource of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// Name of the resource.
    pub device_resource: String,
    /// Taken when a set does not name it, before the resource's own; empty: none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub default_value: String,
}

impl Profile {
    pub(super) fn resource(&self, name: &str) -> Option<&Resource> {
        self.device_resources.iter().find(|resource| resource.name == name)
    }

    pub(super) fn command(&self, name: &str) -> Option<&Command> {
        self.device_commands.iter().find(|command| command.name == name)
    }

    /// # Errors
    /// What core-metadata would not take.
    pub(super) fn check(&self) -> Result<(), String> {
        check_name("profile", &self.name)?;
        let mut names = HashSet::new();
        for resource in &self.device_resources {
            check_name("device resource", &resource.name)?;
            if !names.insert(&resource.name) {
                return Err(format!("device resource {} is duplicated", resource.name));
            }
        }
        names.clear();
        for command in &self.device_commands {
            check_name("device command", &command.name)?;
            if !names.insert(&command.name) {
                return Err(format!("device command {} is duplicated", command.name));
            }
            self.check_command(command)?;
        }
        Ok(())
    }

    fn check_command(&self, command: &Command) -> Result<(), String> {
        for operation in &command.resource_operations {
            let name = &operation.device_resource;
            let resource = self
                .resource(name)
                .ok_or_else(|| format!("device command's resource {name} doesn't match any device resource"))?;
            let access = resource.properties.read_write;
            let both = access.reads() && access.writes();
            if !both && access != command.read_write {
                return Err(format!("device command {}'s readWrite does not fit resource {name}'s", command.name));
            }
        }
        Ok(())
    }
}

fn check_name(what: &str, name: &str) -> Result<(), String> {
    if name.trim().is_empty() {
        return Err(format!("name of {what} is empty"));
    }
    // What 4.x forbids; 3.x forbids more.
    if name.contains(['/', '#', '+', '$']) {
        return Err(format!("name of {what} `{name}` contains one of / # + $"));
    }
    Ok(())
}

/// Whether somebody has locked a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum AdminState {
    /// No.
    #[default]
    Unlocked,
    /// Yes: commands are refused.
    Locked,
}

/// Whether a device works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum OperatingState {
    /// Yes.
    #[default]
    Up,
    /// No: commands are refused.
    Down,
}

/// Properties of one protocol of a device.
pub type Protocol = BTreeMap<String, Json>;

/// A device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// Name.
    pub name: String,
    /// Whether it is locked.
    pub admin_state: AdminState,
    /// Whether it works.
    pub operating_state: OperatingState,
    /// The service that speaks with it.
    pub service_name: String,
    /// Its profile.
    pub profile_name: String,
    /// How it is reached, by protocol.
    pub protocols: BTreeMap<String, Protocol>,
    /// Words to find it by.
    #[serde(default)]
    pub labels: Vec<String>,
}

impl Device {
    /// A device of device-mqtt that hears below `command/{name}`.
    #[must_use]
    pub fn over_mqtt(name: &str, profile: &str) -> Self {
        let topic = Protocol::from([("CommandTopic".to_owned(), Json::from(format!("command/{name}")))]);
        Self {
            name: name.to_owned(),
            admin_state: AdminState::Unlocked,
            operating_state: OperatingState::Up,
            service_name: super::SERVICE.to_owned(),
            profile_name: profile.to_owned(),
            protocols: BTreeMap::from([("mqtt".to_owned(), topic)]),
            labels: Vec::new(),
        }
    }

    /// The topic below which it hears commands: `protocols.mqtt.CommandTopic`.
    pub(super) fn command_topic(&self) -> Option<&str> {
        self.protocols.get("mqtt")?.get("CommandTopic")?.as_str()
    }

    /// # Errors
    /// What core-metadata would not take.
    pub(super) fn check(&self) -> Result<(), String> {
        check_name("device", &self.name)?;
        if self.protocols.is_empty() {
            return Err(format!("device {} has no protocols", self.name));
        }
        Ok(())
    }
}

/// What a PATCH changes of a device.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Change {
    pub(super) name: String,
    admin_state: Option<AdminState>,
    operating_state: Option<OperatingState>,
    service_name: Option<String>,
    profile_name: Option<String>,
    protocols: Option<BTreeMap<String, Protocol>>,
    labels: Option<Vec<String>>,
}

impl Change {
    pub(super) fn apply(self, device: &mut Device) {
        fn put<T>(new: Option<T>, place: &mut T) {
            if let Some(new) = new {
                *place = new;
            }
        }
        put(self.admin_state, &mut device.admin_state);
        put(self.operating_state, &mut device.operating_state);
        put(self.service_name, &mut device.service_name);
        put(self.profile_name, &mut device.profile_name);
        put(self.protocols, &mut device.protocols);
        put(self.labels, &mut device.labels);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn profile(resource: &str, command: &str) -> Profile {
        serde_json::from_value(json!({
            "name": "p",
            "deviceResources": [{"name": "mode", "properties": {"valueType": "String", "readWrite": resource}}],
            "deviceCommands": [{"name": "c", "readWrite": command, "resourceOperations": [{"deviceResource": "mode"}]}],
        }))
        .unwrap()
    }

    #[test]
    fn a_command_may_do_what_all_its_resources_may() {
        for (resource, command) in [("RW", "W"), ("RW", "R"), ("WR", "RW"), ("R", "R"), ("W", "W")] {
            assert_eq!(profile(resource, command).check(), Ok(()), "{command} on {resource}");
        }
        for (resource, command) in [("R", "W"), ("R", "RW"), ("W", "R")] {
            assert!(profile(resource, command).check().is_err(), "{command} on {resource}");
        }
    }

    #[test]
    fn names_and_references_are_checked() {
        let mut wrong = profile("RW", "W");
        wrong.name = "a/b".to_owned();
        assert!(wrong.check().is_err());
        let mut wrong = profile("RW", "W");
        wrong.device_commands[0].resource_operations[0].device_resource = "speed".to_owned();
        assert!(wrong.check().unwrap_err().contains("speed"));
    }

    #[test]
    fn a_type_that_is_not_known_keeps_its_name() {
        let other: ValueType = serde_json::from_value(json!("Binary")).unwrap();
        assert_eq!(other, ValueType::Other("Binary".to_owned()));
        assert_eq!(serde_json::to_value(other).unwrap(), json!("Binary"));
    }
}
