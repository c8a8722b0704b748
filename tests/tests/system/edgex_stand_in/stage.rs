//! One device by hand, its EdgeX, and an ear at the broker.

use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Value, json};
use system_tests::edgex::client::{Reply, request};
use system_tests::edgex::{Device, Edgex, Options, Profile, Service, Version};

use crate::harness::{Probe, Site, eventually};

/// Of stories in which nobody answers: they need not wait long for that. Where somebody does, there are two seconds for it.
pub(super) const SHORT: Duration = Duration::from_millis(20);
const NEVER: Duration = Duration::from_secs(600);
pub(super) const METRICS: &str =
    r#"{"miss_rate":0.0125,"seq":"42","dev_time_ns":1763690000123456789,"mode":"NORMAL","extra":1}"#;

/// One device, its EdgeX, and an ear at the broker.
pub(super) struct Stage {
    pub(super) edgex: Edgex,
    pub(super) probe: Probe,
    /// Messages before this one are done with, as far as commands are concerned.
    commands_from: usize,
    _site: Site,
}

pub(super) fn profile() -> Value {
    let resource = |name: &str, kind: &str, access: &str| json!({"name": name, "properties": {"valueType": kind, "readWrite": access}});
    let of = |names: &[&str]| names.iter().map(|name| json!({"deviceResource": name})).collect::<Vec<_>>();
    let mut miss_rate = resource("miss_rate", "Float64", "R");
    miss_rate["properties"]["units"] = json!("ratio");
    let mut level = resource("level", "String", "RW");
    level["properties"]["defaultValue"] = json!("low");
    let mut hidden = resource("hidden", "Bool", "R");
    hidden["isHidden"] = json!(true);
    json!({
        "name": "p",
        "deviceResources": [
            miss_rate, level, hidden, resource("seq", "Uint64", "R"), resource("dev_time_ns", "Int64", "R"),
            resource("mode", "String", "RW"), resource("period_us", "Uint32", "RW"), resource("key", "String", "W"),
        ],
        "deviceCommands": [
            {"name": "metrics", "readWrite": "R", "resourceOperations": of(&["miss_rate", "seq", "dev_time_ns", "mode"])},
            {"name": "SetMode", "readWrite": "W", "resourceOperations": of(&["mode"])},
            {"name": "both", "readWrite": "RW", "resourceOperations": of(&["mode", "period_us"])},
        ],
    })
}

impl Stage {
    pub(super) fn new(version: Version) -> Self {
        Self::with(version, Options { request_timeout: NEVER, ..Options::default() })
    }

    pub(super) fn without_answers(version: Version) -> Self {
        Self::with(version, Options { interval: SHORT, request_timeout: NEVER, ..Options::default() })
    }

    pub(super) fn with(version: Version, options: Options) -> Self {
        let site = Site::mosquitto();
        let edgex = Edgex::start(version, &site.broker.url().parse().unwrap(), options).unwrap();
        let profile: Profile = serde_json::from_value(profile()).unwrap();
        edgex.add_profile(profile).unwrap();
        edgex.add_device(Device::over_mqtt("device1", "p")).unwrap();
        Self { edgex, probe: Probe::connect(&site.broker.url()), commands_from: 0, _site: site }
    }

    pub(super) fn get(&self, service: Service, path: &str) -> Reply {
        call("GET", self.edgex.url(service), path, "")
    }

    pub(super) fn data(&self, path: &str) -> Value {
        let reply = self.get(Service::Data, path);
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        reply.json()
    }

    pub(super) fn metadata(&self, method: &str, path: &str, body: &Value) -> Reply {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        call(method, self.edgex.metadata_url(), path, &body)
    }

    pub(super) fn set(&self, command: &str, body: &str) -> Reply {
        call("PUT", self.edgex.command_url(), &format!("/device/name/device1/{command}"), body)
    }

    /// A command that is under way while the device answers.
    pub(super) fn start(&self, method: &'static str, command: &str, body: &str) -> JoinHandle<Reply> {
        let (url, path, body) = (self.edgex.command_url(), format!("/device/name/device1/{command}"), body.to_owned());
        thread::spawn(move || call(method, url, &path, &body))
    }

    /// The next command on the device's topics that begins so; its uuid and content.
    pub(super) fn command(&mut self, begin: &str) -> (String, String) {
        let topic = format!("command/device1/{begin}/");
        let from = self.commands_from;
        let (at, message) = eventually(&topic, || {
            let mut heard = self.probe.all().iter().enumerate().skip(from);
            heard.find(|(_, message)| message.topic.starts_with(&topic)).map(|(at, message)| (at, message.clone()))
        });
        self.commands_from = at + 1;
        let uuid = message.topic.strip_prefix(&topic).unwrap().to_owned();
        (uuid, String::from_utf8(message.payload).unwrap())
    }

    pub(super) fn respond(&mut self, uuid: &str, payload: &str) {
        self.probe.publish(&format!("command/response/{uuid}"), payload);
    }

    /// Publishes as the device, and waits for the event of it.
    pub(super) fn publish(&mut self, source: &str, payload: &str) {
        let before = self.edgex.events("device1").len();
        self.probe.publish(&format!("incoming/data/device1/{source}"), payload);
        eventually("an event", || (self.edgex.events("device1").len() > before).then_some(()));
    }

    /// The next message on the bus with such a content.
    pub(super) fn bus(&mut self, source: &str, fits: impl Fn(&str) -> bool) -> String {
        self.probe.wait_for(&format!("edgex/events/device/device-mqtt/p/device1/{source}"), "an event", |message| {
            Some(String::from_utf8(message.payload.clone()).unwrap()).filter(|text| fits(text))
        })
    }

    pub(super) fn newest_sources(&self) -> Vec<String> {
        self.edgex.events("device1").into_iter().map(|event| event.source).collect()
    }
}

pub(super) fn call(method: &str, url: String, path: &str, body: &str) -> Reply {
    request(method, &format!("{url}/api/v3{path}"), None, body).unwrap_or_else(|error| panic!("{error}"))
}
