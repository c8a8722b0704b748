//! The controller with EdgeX: readings from core-data or the message bus, commands through core-command, and every trap of it.

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use gateway_controller::fleet::{DialectView, PresenceView};
use serde_json::{Value, json};
use shared_host::secret::Secret;
use shared_proto::mode::{Mode, ModeSource};
use system_tests::edgex::{Answer, Device, DeviceService, Edgex, Options, Profile, Reach, Service, Version};

use crate::harness::{
    Agent, Authority, Controller, DECIDES, DEVICE, Probe, Process, Ran, Site, controller, eventually, run, tool,
};

/// A task that misses its deadlines in NORMAL and keeps them in DEGRADED, on an idle machine and on a busy one.
const TOO_MUCH: [(&str, &str); 5] = [
    ("topics.dialects", r#"["native","edgex"]"#),
    ("edgex.report_ms", "200"),
    ("spin.normal_ratio", "0.6"),
    ("task.deadline_ms", "4"),
    ("report.interval_ms", "200"),
];

/// EdgeX and its broker.
struct Stage {
    edgex: Edgex,
    site: Site,
}

impl Stage {
    /// Nothing is registered.
    fn empty(version: Version, options: Options) -> Self {
        let site = Site::mosquitto();
        let edgex = Edgex::start(version, &site.broker.url().parse().unwrap(), options).unwrap();
        Self { edgex, site }
    }

    /// With the agent's profile and device.
    fn new(version: Version) -> Self {
        let stage = Self::empty(version, Options::default());
        stage.edgexs("provision", &["--device", DEVICE]).success();
        stage
    }

    fn keys<'a>(urls: &'a [String; 3], source: &'a str) -> Vec<(&'a str, &'a str)> {
        vec![
            ("gateway.source", source),
            ("edgex.core_metadata_url", &urls[0]),
            ("edgex.core_data_url", &urls[1]),
            ("edgex.core_command_url", &urls[2]),
            ("edgex.poll_ms", "200"),
        ]
    }

    fn urls(&self) -> [String; 3] {
        [self.edgex.metadata_url(), self.edgex.data_url(), self.edgex.command_url()]
    }

    fn controller(&self, source: &str, more: &[(&str, &str)]) -> Controller {
        let urls = self.urls();
        let sink = if source == "mqtt" { "edgex-command" } else { "" };
        // The written file has no sink, and the environment none that is empty.
        let sink = [("gateway.sink", sink)].into_iter().filter(|(_, sink)| !sink.is_empty());
        let keys: Vec<_> =
            Self::keys(&urls, source).into_iter().chain(DECIDES).chain(sink).chain(more.iter().copied()).collect();
        Controller::start(&self.site, "controller", &keys)
    }

    /// `gateway-controller edgex ACTION ...`.
    fn edgexs(&self, action: &str, args: &[&str]) -> Ran {
        let urls = self.urls();
        let mut command = controller(["edgex", action]);
        command.args(args);
        for (key, value) in Self::keys(&urls, "edgex-rest") {
            command.env(gateway_controller::config::SCHEMA.variable(key), value);
        }
        run(command)
    }

    /// A device publishes.
    fn publish(&self, seq: u64, mode: &str, miss_rate: f64) {
        self.edgex.inject(DEVICE, "metrics", &metrics(seq, mode, miss_rate)).unwrap();
    }

    fn puts(&self) -> usize {
        self.edgex
            .requests()
            .iter()
            .filter(|request| request.method == "PUT" && request.service == Service::Command)
            .count()
    }
}

fn metrics(seq: u64, mode: &str, miss_rate: f64) -> String {
    let mut all = serde_json::Map::new();
    for resource in shared_proto::dialect::edgex::RESOURCES {
        all.insert(resource.name.to_owned(), json!(0));
    }
    for (name, value) in [
        ("miss_rate", json!(miss_rate)),
        ("jobs", json!("25")),
        ("seq", json!(seq.to_string())),
        ("boot", json!("00000000000000aa")),
        ("mode", json!(mode)),
        ("mode_source", json!("default")),
    ] {
        all.insert(name.to_owned(), value);
    }
    Value::Object(all).to_string()
}

/// A device that hears its commands, and answers when it is told to.
struct Ear {
    probe: Probe,
    heard: usize,
}

impl Ear {
    fn new(stage: &Stage) -> Self {
        Self { probe: Probe::connect(&stage.site.broker.url()), heard: 0 }
    }

    /// Answers the next command to this resource; its content.
    fn obey(&mut self, resource: &str) -> String {
        let begin = format!("command/device1/{resource}/set/");
        let (uuid, payload) = eventually("a set of the mode", || {
            let next = self.probe.all().iter().enumerate().skip(self.heard);
            let (at, message) = next.clone().find(|(_, message)| message.topic.starts_with(&begin))?;
            let found =
                (message.topic.strip_prefix(&begin)?.to_owned(), String::from_utf8(message.payload.clone()).unwrap());
            self.heard = at + 1;
            Some(found)
        });
        self.probe.publish(&format!("command/response/{uuid}"), "{}");
        payload
    }
}

#[test]
fn the_whole_loop_through_edgex_degrades_a_device_that_misses_its_deadlines() {
    for (version, source) in [(Version::V4, "edgex-rest"), (Version::V3, "edgex-bus"), (Version::V4, "edgex-bus")] {
        let stage = Stage::new(version);
        let mut agent = Agent::start(&stage.site, DEVICE, &TOO_MUCH);
        // The native wire is not listened to: this one has to do.
        let lab = ("topics.dialects", r#"["lab"]"#);
        let mut controller = stage.controller(source, &[lab, ("policy.dwell_ms", "60000")]);
        let decision = controller.event("decision", "to degrade", |event| event["to"] == "DEGRADED");
        assert!(decision["seq"].as_u64() > Some(0) && decision["boot"].is_string(), "{decision}");
        let status = agent.status_where("DEGRADED", |status| status.mode == Mode::Degraded);
        assert_eq!(status.mode_source, ModeSource::Gateway);
        let told = controller.event("commanded", "done", |event| event["result"] == "done");
        assert_eq!((&told["mode"], &told["status"]), (&json!("DEGRADED"), &json!(200)));
        assert!(
            told["put_ms"].as_f64() > Some(0.0) && told["round_trip_ms"].as_f64() >= told["put_ms"].as_f64(),
            "{told}"
        );
        let view = controller.view(DEVICE, "the new mode", |view| view.mode == Some(Mode::Degraded));
        assert_eq!((view.dialect, view.presence), (DialectView::Edgex, PresenceView::Online));
        stage.edgexs("check", &["--device", DEVICE]).success();
        assert_eq!(stage.edgex.peak_sets_of(DEVICE), 1);
        assert_eq!(controller.terminate(), Some(0));
    }
}

#[test]
fn native_reports_decide_and_commands_go_through_edgex() {
    let stage = Stage::new(Version::V4);
    let mut agent = Agent::start(&stage.site, DEVICE, &TOO_MUCH);
    let mut controller = stage.controller("mqtt", &[("policy.dwell_ms", "60000")]);
    controller.event("decision", "to degrade", |event| event["to"] == "DEGRADED");
    agent.status_where("DEGRADED", |status| status.mode == Mode::Degraded);
    let view = controller.view(DEVICE, "the new mode", |view| view.mode == Some(Mode::Degraded));
    assert_eq!(view.dialect, DialectView::Native);
    assert!(stage.puts() >= 1);
}

#[test]
fn the_newest_event_may_be_of_a_command_out_of_order_null_or_cut_in_half() {
    for source in ["edgex-rest", "edgex-bus"] {
        let stage = Stage::new(Version::V4);
        let mut ear = Ear::new(&stage);
        let mut controller = stage.controller(source, &[("edgex.devices", r#"["device1"]"#)]);
        let faults = stage.edgex.faults();
        faults.echo(Some("mode"));
        stage.publish(1, "NORMAL", 0.0);
        controller.view(DEVICE, "a device", |view| view.presence == PresenceView::Online);
        faults.echo(None);
        // What cannot be used is passed over: a null, and half a message on the bus.
        faults.null_readings("miss_rate", 1);
        stage.publish(2, "NORMAL", 0.9);
        faults.cut_on_bus(1);
        stage.publish(3, "NORMAL", 0.1);
        controller.view(DEVICE, "what is whole", |view| view.miss_rate.is_some_and(|rate| rate.get() == 0.1));
        assert_eq!(controller.events("decision").len(), 0);
        if source == "edgex-bus" {
            controller.log_line("a line on what could not be used", |line| line.contains("event of EdgeX refused"));
        }
        // The later of two is the one that EdgeX received later, whatever the order of their events.
        faults.swap_pairs(1);
        stage.publish(4, "NORMAL", 0.2);
        stage.publish(5, "NORMAL", 0.9);
        assert_eq!(ear.obey("mode"), r#"{"mode":"DEGRADED"}"#);
        stage.publish(6, "DEGRADED", 0.2);
        let view = controller.view(DEVICE, "obedience", |view| view.mode == Some(Mode::Degraded));
        assert_eq!(view.wanted, Some(Mode::Degraded));
        assert_eq!(controller.events("decision").len(), 1, "each reading is judged once");
    }
}

#[test]
fn stale_readings_decide_nothing_and_are_told_once() {
    let stage = Stage::new(Version::V4);
    let mut controller =
        stage.controller("edgex-rest", &[("edgex.max_age_ms", "500"), ("edgex.devices", r#"["device1","device2"]"#)]);
    stage.publish(1, "NORMAL", 0.0);
    controller.view(DEVICE, "a device", |view| view.presence == PresenceView::Online);
    controller.view(DEVICE, "silence", |view| view.presence == PresenceView::Unknown);
    controller.log_line("what is wrong with it", |line| line.contains("too old to decide by") && line.contains(DEVICE));
    controller.log_line("a device that is not registered", |line| {
        line.contains("EdgeX has no miss rate") && line.contains("device2")
    });
    let polled = || stage.edgex.requests().iter().filter(|request| request.path.contains("device1")).count();
    let before = polled();
    eventually("more polls", || (polled() > before + 5).then_some(()));
    let told = |words: &str, device: &str| {
        controller.log().lines().filter(|line| line.contains(words) && line.contains(device)).count()
    };
    assert_eq!((told("too old to decide by", DEVICE), told("EdgeX has no miss rate", "device2")), (1, 1));
    stage.publish(2, "NORMAL", 0.0);
    controller.log_line("readings again", |line| line.contains("readings come from EdgeX again"));
}

#[test]
fn services_that_fail_are_told_once_and_used_again() {
    let stage = Stage::new(Version::V4);
    let mut controller = stage.controller("edgex-rest", &[("edgex.timeout_ms", "1000")]);
    let faults = stage.edgex.faults();
    for (what, begin) in [
        ("refused", Box::new(|| faults.reach(Service::Data, Reach::Refused).unwrap()) as Box<dyn Fn()>),
        ("HTML", Box::new(|| faults.answer(Service::Data, 4, Answer::Html503))),
        ("a status", Box::new(|| faults.answer(Service::Data, 4, Answer::Status(500)))),
        ("silence", Box::new(|| faults.answer(Service::Data, 1, Answer::Hang))),
    ] {
        begin();
        controller.event("link", what, |event| event["state"] == "down");
        faults.reach(Service::Data, Reach::Listening).unwrap();
        controller.event("link", what, |event| event["state"] == "up");
    }
    let log = controller.log();
    assert_eq!(log.matches("EdgeX does not answer as it should").count(), 4, "{log}");
    assert_eq!(log.matches("EdgeX answers again").count(), 4, "{log}");
    stage.publish(1, "NORMAL", 0.0);
    controller.view(DEVICE, "a device", |view| view.presence == PresenceView::Online);
}

#[test]
fn a_command_that_fails_is_sent_again_one_at_a_time() {
    let stage = Stage::new(Version::V4);
    let mut ear = Ear::new(&stage);
    let mut controller =
        stage.controller("edgex-rest", &[("edgex.devices", r#"["device1"]"#), ("command.retry_ms", "50")]);
    let faults = stage.edgex.faults();
    faults.answer(Service::Command, 1, Answer::Status(500));
    faults.answer(Service::Command, 1, Answer::Html503);
    let mut seq = 0;
    eventually("a command that gets through", || {
        seq += 1;
        stage.publish(seq, "NORMAL", 0.9);
        ear.probe.all().iter().any(|message| message.topic.contains("/mode/set/")).then_some(())
    });
    for (result, status) in [("no-answer", 500), ("unavailable", 503)] {
        let told = controller.event("commanded", result, |_| true);
        assert_eq!((&told["result"], &told["status"]), (&json!(result), &json!(status)));
    }
    assert_eq!(ear.obey("mode"), r#"{"mode":"DEGRADED"}"#);
    controller.event("commanded", "done", |event| event["result"] == "done");
    assert_eq!(stage.edgex.peak_sets_of(DEVICE), 1);
    controller
        .log_line("advice", |line| line.contains("EdgeX did not send the command") && line.contains("dialect edgex"));
    controller.log_line("all is well", |line| line.contains("EdgeX sends commands to the device again"));
}

#[test]
fn what_is_wrongly_registered_is_told_with_what_mends_it() {
    for (status, result, advice) in [
        (404, "misfit", "edgex check"),
        (405, "misfit", "can be written"),
        (400, "misfit", "takes `mode`"),
        (423, "locked", "adminState"),
    ] {
        let stage = Stage::new(Version::V4);
        let mut controller =
            stage.controller("edgex-rest", &[("edgex.devices", r#"["device1"]"#), ("command.retry_ms", "50")]);
        stage.edgex.faults().answer(Service::Command, 1, Answer::Status(status));
        stage.publish(1, "NORMAL", 0.9);
        let told = controller.event("commanded", "a refusal", |_| true);
        assert_eq!((&told["result"], &told["status"]), (&json!(result), &json!(status)));
        controller.log_line("advice", |line| line.contains("EdgeX did not send the command") && line.contains(advice));
        for seq in 2..6 {
            stage.publish(seq, "NORMAL", 0.9);
            controller.view(DEVICE, "the next reading", |view| view.age_ms < 200);
        }
        assert_eq!(stage.puts(), 1, "no hurry with what cannot work");
    }
}

#[test]
fn a_token_that_is_renewed_is_read_again() {
    let stage = Stage::new(Version::V4);
    stage.edgex.set_token(Some(Secret::new("first-token")));
    let file = stage.site.home("token").join("token");
    let write = |token: &str| {
        let _ = fs::remove_file(&file);
        let mut options = fs::OpenOptions::new();
        std::io::Write::write_all(
            &mut options.write(true).create_new(true).mode(0o600).open(&file).unwrap(),
            token.as_bytes(),
        )
        .unwrap();
    };
    write("first-token\n");
    let mut controller = stage.controller("edgex-rest", &[("edgex.token_file", file.to_str().unwrap())]);
    stage.publish(1, "NORMAL", 0.0);
    controller.view(DEVICE, "a device", |view| view.presence == PresenceView::Online);
    stage.edgex.set_token(Some(Secret::new("second-token")));
    controller.event("link", "a refusal", |event| {
        event["state"] == "down"
            && event["reason"]
                .as_str()
                .is_some_and(|reason| reason.contains("401") && reason.contains("edgex.token_file"))
    });
    write("second-token\n");
    controller.event("link", "the new token", |event| event["state"] == "up");
    let log = controller.log();
    assert!(!log.contains("first-token") && !log.contains("second-token"), "{log}");
}

#[test]
fn the_classrooms_variables_and_profile_do() {
    let stage = Stage::empty(Version::V3, Options::default());
    let profile: Profile = serde_json::from_value(json!({
        "name": "device-mode-profile",
        "deviceResources": [
            {"name": "Mode", "properties": {"valueType": "String", "readWrite": "RW", "defaultValue": "NORMAL"}},
            {"name": "MissRate", "properties": {"valueType": "Float64", "readWrite": "R"}},
        ],
        "deviceCommands": [{"name": "SetMode", "readWrite": "W", "resourceOperations": [{"deviceResource": "Mode"}]}],
    }))
    .unwrap();
    stage.edgex.add_profile(profile).unwrap();
    stage.edgex.add_device(Device::over_mqtt(DEVICE, "device-mode-profile")).unwrap();
    let mut ear = Ear::new(&stage);
    let (data, command) =
        (format!("{}/api/v2", stage.edgex.data_url()), format!("{}/api/v2", stage.edgex.command_url()));
    let variables = [
        ("EDGEX_COREDATA", data.as_str()),
        ("EDGEX_CORECMD", &command),
        ("DEVICE_NAME", DEVICE),
        ("COMMAND_NAME", "SetMode"),
        ("MISS_RATE_THRESHOLD", "0.05"),
        ("POLL_PERIOD_S", "0.2"),
        ("MAX_AGE_MS", "5000"),
        ("MODE_OK", "NORMAL"),
        ("MODE_HIGH", "DEGRADED"),
    ];
    let mut controller = Controller::start_bare(&stage.site, "controller", &variables);
    controller
        .log_line("the version that is not used", |line| line.contains("/api/v2") && line.contains("passed over"));
    stage.edgex.inject(DEVICE, "MissRate", "0.01").unwrap();
    assert_eq!(ear.obey("Mode"), r#"{"Mode":"NORMAL"}"#);
    controller.view(DEVICE, "what was confirmed", |view| view.mode == Some(Mode::Normal));
    stage.edgex.inject(DEVICE, "MissRate", "0.2").unwrap();
    assert_eq!(ear.obey("Mode"), r#"{"Mode":"DEGRADED"}"#);
    controller.view(DEVICE, "what was confirmed", |view| view.mode == Some(Mode::Degraded));
}

#[test]
fn provisioning_twice_changes_nothing_and_what_differs_is_told() {
    let stage = Stage::empty(Version::V4, Options::default());
    let both = ["--device", DEVICE, "--device", "device2"];
    let dry = stage.edgexs("provision", &[&both[..], &["--dry-run"]].concat()).success();
    assert_eq!((dry.matches("POST ").count(), dry.matches("defaultValue").count()), (3, 0), "{dry}");
    assert_eq!(stage.edgex.requests().len(), 0);

    assert_eq!(stage.edgexs("provision", &both).success().matches(": added").count(), 3);
    assert_eq!(stage.edgexs("provision", &both).success().matches("is there, as wanted").count(), 3);

    let other = stage.site.home("profile").join("profile.json");
    let body = dry.split_once('\n').unwrap().1.split("\nPOST").next().unwrap();
    let mut profile: Value = serde_json::from_str(body).unwrap();
    let mut profile = profile[0]["profile"].take();
    profile["deviceCommands"][1]["readWrite"] = json!("RW");
    fs::write(&other, profile.to_string()).unwrap();
    let file = ["--profile", other.to_str().unwrap()];
    let failure = stage.edgexs("provision", &[&both[..], &file].concat()).failure(1);
    assert!(failure.contains("1 of the above"), "{failure}");
    let updated = stage.edgexs("provision", &[&both[..], &file, &["--update"]].concat()).success();
    assert!(updated.contains("updated, because command SetMode is W of mode, wanted is RW of mode"), "{updated}");
    let failure = stage.edgexs("check", &both).failure(1);
    assert!(failure.contains("of the above"), "{failure}");
    stage.edgexs("provision", &[&both[..], &["--update"]].concat()).success();
}

#[test]
fn provisioning_says_what_is_not_there() {
    let options = Options { request_timeout: Duration::from_millis(200), ..Options::default() };
    let stage = Stage::empty(Version::V4, options);
    let faults = stage.edgex.faults();
    assert!(stage.edgexs("provision", &[]).failure(2).contains("--device"));
    assert!(stage.edgexs("provision", &["--device", "pi.1"]).failure(2).contains("pi.1"));
    faults.device_service(DeviceService::Down).unwrap();
    stage.edgexs("provision", &["--device", DEVICE]).failure(1);
    faults.device_service(DeviceService::Up).unwrap();
    faults.reach(Service::Metadata, Reach::Refused).unwrap();
    let failure = stage.edgexs("provision", &["--device", DEVICE]).failure(1);
    assert!(failure.contains("core-metadata: no connection to"), "{failure}");
    stage.edgexs("check", &["--device", DEVICE]).failure(1);
}

#[test]
fn https_is_verified() {
    let site = Site::mosquitto();
    let (authority, stranger) = (Authority::new(), Authority::new());
    let port = demo::broker::free_port().unwrap();
    let accept = format!("127.0.0.1:{port}");
    let (certificate, key) = (authority.file("broker/server.crt"), authority.file("broker/server.key"));
    // It answers every request with a page of its own.
    let server =
        tool("openssl", ["s_server", "-quiet", "-www", "-accept", &accept, "-cert", &certificate, "-key", &key]);
    let _server = Process::start_with_stderr("s_server", server, &site.home("s_server"), std::process::Stdio::null());
    eventually("its port", || std::net::TcpStream::connect(&accept).ok());
    let url = format!("https://localhost:{port}/core-data");
    for (ca, reason) in [(&authority, "HTML"), (&stranger, "invalid peer certificate")] {
        let ca = ca.file("ca.crt");
        let variables = [
            ("GATEWAY_GATEWAY__SOURCE", "edgex-rest"),
            ("GATEWAY_EDGEX__CORE_DATA_URL", url.as_str()),
            ("GATEWAY_EDGEX__CA_FILE", &ca),
            ("GATEWAY_EDGEX__DEVICES", r#"["device1"]"#),
            ("GATEWAY_EDGEX__POLL_MS", "100"),
            ("GATEWAY_LOG__FORMAT", "json"),
        ];
        let controller = Controller::start_bare(&site, reason, &variables);
        controller
            .log_line(reason, |line| line.contains("EdgeX does not answer as it should") && line.contains(reason));
    }
}
