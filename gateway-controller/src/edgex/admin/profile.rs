//! The device profile: made from the dialect's own table, read from a file, and compared with what EdgeX has.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use shared_proto::dialect::edgex::{Access, MODE, Membership, RESOURCES, SOURCE};
use thiserror::Error;

/// Largest file with a profile in bytes.
const LARGEST: u64 = 1024 * 1024;

/// A profile as core-metadata takes it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Profile {
    name: String,
    content: Value,
}

/// A file that holds no profile.
#[derive(Debug, Error)]
pub(crate) enum ProfileError {
    #[error("{}: cannot read it: {why}", file.display())]
    Unreadable { file: PathBuf, why: std::io::Error },
    #[error("{}: it is too large; allowed: up to {LARGEST} bytes", file.display())]
    TooLarge { file: PathBuf },
    #[error("{}: it is not JSON: {why}; a profile in YAML goes to EdgeX as it is: POST /api/v3/deviceprofile/uploadfile", file.display())]
    NotJson { file: PathBuf, why: serde_json::Error },
    #[error("{}: `name` is missing; needed is the JSON object of a profile: name, deviceResources, deviceCommands", file.display())]
    NoName { file: PathBuf },
}

impl Profile {
    /// The agent's, under this name. `set_mode` is the command that sets the mode.
    pub(crate) fn of_the_agent(name: &str, set_mode: &str) -> Self {
        let resources: Vec<_> = RESOURCES
            .iter()
            .map(|resource| {
                let mut properties =
                    json!({"valueType": resource.value_type.as_str(), "readWrite": resource.access.as_str()});
                if let (Some(units), Some(object)) = (resource.units, properties.as_object_mut()) {
                    object.insert("units".to_owned(), units.into());
                }
                // No defaultValue: EdgeX would send it in place of a mode that a command lacks.
                json!({"name": resource.name, "description": resource.doc, "isHidden": false, "properties": properties})
            })
            .collect();
        let members = RESOURCES.iter().filter(|resource| resource.in_metrics == Membership::Metrics);
        let members: Vec<_> = members.map(|resource| json!({"deviceResource": resource.name})).collect();
        let content = json!({
            "name": name, "manufacturer": "device-agent", "model": "periodic real-time task", "labels": ["rt"],
            "description": "A periodic real-time task, and how well it keeps its deadlines.",
            "deviceResources": resources,
            "deviceCommands": [
                {"name": SOURCE, "isHidden": false, "readWrite": Access::Read.as_str(), "resourceOperations": members},
                // Write only: a readable one makes EdgeX publish an event that holds the mode alone.
                {"name": set_mode, "isHidden": false, "readWrite": "W", "resourceOperations": [{"deviceResource": MODE}]},
            ],
        });
        Self { name: name.to_owned(), content }
    }

    /// From a JSON file.
    pub(crate) fn read(file: &Path) -> Result<Self, ProfileError> {
        let unreadable = |why| ProfileError::Unreadable { file: file.to_owned(), why };
        if std::fs::metadata(file).map_err(unreadable)?.len() > LARGEST {
            return Err(ProfileError::TooLarge { file: file.to_owned() });
        }
        let text = std::fs::read(file).map_err(unreadable)?;
        let content: Value =
            serde_json::from_slice(&text).map_err(|why| ProfileError::NotJson { file: file.to_owned(), why })?;
        match content.get("name").and_then(Value::as_str) {
            Some(name) if super::metadata::is_path_segment(name) => Ok(Self { name: name.to_owned(), content }),
            _ => Err(ProfileError::NoName { file: file.to_owned() }),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The body of a request that adds or updates it.
    pub(super) fn request(&self) -> Value {
        json!([{"apiVersion": "v3", "profile": self.content}])
    }

    /// What this profile has and `found` has not, or has otherwise; what `found` has besides does no harm.
    pub(super) fn differences(&self, found: &Value) -> Vec<String> {
        let found = outline(found);
        let wanted = outline(&self.content);
        let differs = |(what, wanted): (&String, &String)| match found.get(what) {
            None => Some(format!("{what} is missing")),
            Some(found) if found != wanted => Some(format!("{what} is {found}, wanted is {wanted}")),
            Some(_) => None,
        };
        wanted.iter().filter_map(differs).collect()
    }
}

/// What matters of a profile, in words.
fn outline(profile: &Value) -> BTreeMap<String, String> {
    let list = |key: &str| profile.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let resources = list("deviceResources").iter().map(|resource| {
        let properties = resource.get("properties").unwrap_or(&Value::Null);
        let default = text(properties, "defaultValue");
        let default = if default.is_empty() { default } else { format!(" with defaultValue {default}") };
        let words = format!("{} {}{default}", text(properties, "valueType"), text(properties, "readWrite"));
        (format!("resource {}", text(resource, "name")), words)
    });
    let commands = list("deviceCommands").iter().map(|command| {
        let operations = command.get("resourceOperations").and_then(Value::as_array);
        let operations: Vec<_> =
            operations.into_iter().flatten().map(|operation| text(operation, "deviceResource")).collect();
        let words = format!("{} of {}", text(command, "readWrite"), operations.join(" "));
        (format!("command {}", text(command, "name")), words)
    });
    resources.chain(commands).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile() -> Profile {
        Profile::of_the_agent("rt-agent-profile", "SetMode")
    }

    #[test]
    fn the_agents_profile_avoids_edgexs_traps() {
        let content = profile().content;
        assert!(!content.to_string().contains("defaultValue"));
        let commands = content["deviceCommands"].as_array().unwrap();
        assert_eq!(
            commands[1],
            json!({"name": "SetMode", "isHidden": false, "readWrite": "W", "resourceOperations": [{"deviceResource": "mode"}]})
        );
        let members = commands[0]["resourceOperations"].as_array().unwrap().len();
        assert!((10..RESOURCES.len()).contains(&members), "{members}");
        for resource in content["deviceResources"].as_array().unwrap() {
            assert!(resource["properties"]["readWrite"].as_str().unwrap().starts_with('R'), "{resource}");
        }
    }

    #[test]
    fn what_differs_is_named_and_what_is_more_is_not() {
        assert_eq!(profile().differences(&profile().content), [""; 0]);
        let mut found = profile().content;
        found["deviceResources"].as_array_mut().unwrap().push(json!({"name": "more", "properties": {}}));
        found["labels"] = json!(["other"]);
        assert_eq!(profile().differences(&found), [""; 0]);
        let mode = found["deviceResources"].as_array_mut().unwrap().iter_mut().find(|r| r["name"] == "mode").unwrap();
        mode["properties"]["defaultValue"] = json!("NORMAL");
        found["deviceCommands"][1]["readWrite"] = json!("RW");
        found["deviceResources"].as_array_mut().unwrap().retain(|resource| resource["name"] != "seq");
        assert_eq!(
            profile().differences(&found),
            [
                "command SetMode is RW of mode, wanted is W of mode",
                "resource mode is String RW with defaultValue NORMAL, wanted is String RW",
                "resource seq is missing",
            ]
        );
        assert!(profile().differences(&Value::Null).len() > RESOURCES.len());
    }

    #[test]
    fn a_file_is_read_or_refused_with_its_name() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("profile.json");
        let write = |text: &str| std::fs::write(&file, text).unwrap();
        assert!(Profile::read(&file).unwrap_err().to_string().contains("profile.json: cannot read it"));
        write("name: x");
        assert!(Profile::read(&file).unwrap_err().to_string().contains("uploadfile"));
        write("{}");
        assert!(Profile::read(&file).unwrap_err().to_string().contains("`name` is missing"));
        write(&profile().content.to_string());
        assert_eq!(Profile::read(&file).unwrap(), profile());
    }
}
