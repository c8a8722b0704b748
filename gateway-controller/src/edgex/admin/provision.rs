//! Registers the profile and the devices. Done twice it changes nothing; what is there and differs is told, or updated.

use serde_json::Value;
use shared_proto::ids::DeviceId;

use super::metadata::{Entry, Metadata};
use super::{Finding, Profile, device};
use crate::edgex::EdgexConfig;
use crate::edgex::http::{Method, Service};

/// What to do with what is there and differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Differing {
    Tell,
    Update,
}

/// The requests, as they would be sent first.
pub(crate) fn requests(config: &EdgexConfig, profile: &Profile, devices: &[DeviceId]) -> Vec<String> {
    let show = |path: &str, body: &Value| format!("POST {}/api/v3{path}\n{body:#}\n", config.core_metadata);
    let profiles = std::iter::once(show("/deviceprofile", &profile.request()));
    profiles.chain(devices.iter().map(|id| show("/device", &device::request(id, profile.name())))).collect()
}

/// Registers the profile, then the devices; each finding is told at once.
///
/// # Errors
/// Core-metadata does not answer, or not as it should.
pub(crate) async fn provision(
    config: &EdgexConfig,
    profile: &Profile,
    devices: &[DeviceId],
    differing: Differing,
    mut tell: impl FnMut(Finding),
) -> Result<(), String> {
    let metadata = Metadata::new(config.single_client(Service::Metadata), config.timeout);
    let name = profile.name();
    let thing = Thing {
        title: format!("profile {name}"),
        add: ("/deviceprofile", profile.request()),
        update: (Method::PUT, "/deviceprofile", profile.request()),
        find: (format!("/deviceprofile/name/{name}"), "profile"),
    };
    tell(thing.register(&metadata, differing, |found| profile.differences(found)).await?);
    for id in devices {
        let thing = Thing {
            title: format!("device {id}"),
            add: ("/device", device::request(id, name)),
            update: (Method::PATCH, "/device", device::update(id, name)),
            find: (format!("/device/name/{id}"), "device"),
        };
        tell(thing.register(&metadata, differing, |found| device::differences(id, name, found)).await?);
    }
    Ok(())
}

/// Something to register.
struct Thing {
    title: String,
    add: (&'static str, Value),
    update: (Method, &'static str, Value),
    /// Path, and its member in the answer.
    find: (String, &'static str),
}

impl Thing {
    async fn register(
        self,
        metadata: &Metadata,
        differing: Differing,
        differences: impl Fn(&Value) -> Vec<String>,
    ) -> Result<Finding, String> {
        let title = &self.title;
        match metadata.send(Method::POST, self.add.0, &self.add.1).await? {
            Entry::Done => return Ok(Finding::good(format!("{title}: added"))),
            Entry::Refused(why) => return Ok(Finding::bad(format!("{title}: {why}"))),
            Entry::Duplicate => {}
        }
        let Some(found) = metadata.find(&self.find.0, self.find.1).await? else {
            return Ok(Finding::bad(format!(
                "{title}: it is there, and cannot be found by its name; see the log of core-metadata"
            )));
        };
        let differences = differences(&found);
        if differences.is_empty() {
            return Ok(Finding::good(format!("{title}: is there, as wanted")));
        }
        let list = differences.join("; ");
        if differing == Differing::Tell {
            return Ok(Finding::bad(format!("{title}: is there, but differs: {list}. --update changes it")));
        }
        let (method, path, body) = self.update;
        Ok(match metadata.send(method, path, &body).await? {
            Entry::Done => Finding::good(format!("{title}: updated, because {list}")),
            Entry::Duplicate => Finding::bad(format!("{title}: differs ({list}), and another one has its name")),
            Entry::Refused(why) => {
                Finding::bad(format!("{title}: differs ({list}), and the update was refused: {why}"))
            }
        })
    }
}
