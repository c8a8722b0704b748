//! `device-agent doctor` against real brokers: what it says, its exit codes, and that it takes nothing from an agent that runs.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use device_agent::config::SCHEMA;
use serde_json::Value;
use shared_proto::mode::ModeSource;

use crate::harness::{
    Agent, Authority, Controller, DEVICE, Probe, Purpose, Secured, Site, Validity, agent, borrowed, run,
};

/// No rights needed, no line driven, nobody's control socket.
const ALIKE: [(&str, &str); 5] = [
    ("device.name", DEVICE),
    ("gpio.backend", "sim"),
    ("realtime.scheduler", "other"),
    ("realtime.lock_memory", "false"),
    ("realtime.no_deep_sleep", "false"),
];

/// What the doctor says.
struct Report {
    json: Value,
}

impl Report {
    fn of(&self, check: &str) -> &Value {
        let findings = self.json["findings"].as_array().unwrap();
        findings.iter().find(|finding| finding["check"] == check).unwrap_or_else(|| panic!("{check}: {}", self.json))
    }

    fn is(&self, check: &str, outcome: &str, found: &str) {
        let finding = self.of(check);
        let told = finding["found"].as_str().unwrap();
        assert!(finding["outcome"] == outcome && told.contains(found), "{check} {outcome} {found}: {}", self.json);
        // What is wrong comes with what mends it.
        assert!(!matches!(outcome, "failure" | "warning") || finding["mend"].is_string(), "{finding}");
    }

    fn mends(&self, check: &str, command: &str) {
        let mend = self.of(check)["mend"].as_str().unwrap_or_default();
        assert!(mend.contains(command), "{check}: {mend}");
    }
}

/// Runs the doctor, which tells of these failures, as far as it is about configuration, lines and broker.
fn doctor(home: &Path, keys: &[(&str, &str)], failures: &[&str]) -> Report {
    let socket = home.join("control.sock");
    let mut command = agent(["doctor", "--json"]);
    for (key, value) in ALIKE.iter().chain(&[("control.socket", socket.to_str().unwrap())]).chain(keys) {
        command.env(SCHEMA.variable(key), value);
    }
    let (code, text) = run(command).ended();
    let json: Value = serde_json::from_str(&text).unwrap();
    // The machine may have failures of its own.
    assert_eq!(code, Some(i32::from(json["outcome"] == "failure")), "{json}");
    let of_broker = |finding: &&Value| {
        let check = finding["check"].as_str().unwrap();
        ["broker.", "rights.", "config.", "gpio."].iter().any(|area| check.starts_with(area))
    };
    let found: Vec<&str> = (json["findings"].as_array().unwrap().iter().filter(of_broker))
        .filter(|finding| finding["outcome"] == "failure")
        .map(|finding| finding["check"].as_str().unwrap())
        .collect();
    assert_eq!(found, failures, "{json}");
    Report { json }
}

#[test]
fn a_good_place_is_good_and_the_json_has_stable_names() {
    let site = Site::mosquitto();
    let mut hearer = Probe::connect(&site.broker.url());
    let report = doctor(&site.home(DEVICE), &[("mqtt.url", &site.broker.url())], &[]);
    for check in [
        "broker.name",
        "broker.port",
        "broker.session",
        "rights.command",
        "rights.report",
        "rights.status",
        "rights.ack",
    ] {
        report.is(check, "ok", "");
    }
    report.is("broker.tls", "skipped", "not encrypted");
    report.is("gpio.lines", "ok", "simulated");
    assert_eq!((&report.json["doctor"], &report.json["device"]), (&1.into(), &DEVICE.into()));
    for finding in report.json["findings"].as_array().unwrap() {
        let mut names: Vec<&str> = finding.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["check", "found", "mend", "outcome"]);
    }
    // Whoever listens hears three messages without content, and none that is kept.
    for topic in ["report", "status", "ack"] {
        hearer.wait_for(&format!("edge/{DEVICE}/{topic}"), "an empty message", |message| {
            message.payload.is_empty().then_some(())
        });
    }
    assert_eq!(hearer.all().len(), 3);
}

#[test]
fn a_broker_without_mqtt_5_is_used_as_far_as_it_tells() {
    let site = Site::embedded();
    let report = doctor(&site.home(DEVICE), &[("mqtt.url", &site.broker.url())], &[]);
    for check in ["broker.session", "rights.command"] {
        report.is(check, "ok", "");
    }
    report.is("rights.report", "skipped", "does not tell");
}

#[test]
fn the_step_that_fails_is_named_with_what_mends_it() {
    let mut site = Site::mosquitto();
    let home = site.home(DEVICE);
    let url = site.broker.url();
    site.broker.kill();
    let report = doctor(&home, &[("mqtt.url", &url)], &["broker.port"]);
    report.is("broker.port", "failure", "refused");
    report.mends("broker.port", "systemctl start mosquitto");
    report.is("broker.session", "skipped", "not reached: broker.port");
    let report = doctor(&home, &[("mqtt.url", "mqtt://nobody.invalid"), ("mqtt.insecure", "true")], &["broker.name"]);
    report.mends("broker.name", "getent hosts nobody.invalid");
    let report = doctor(
        &home,
        &[("mqtt.url", &url), ("gpio.backend", "chardev"), ("gpio.chip", "/dev/null")],
        &["gpio.lines", "broker.port"],
    );
    report.is("gpio.lines", "failure", "is not a GPIO character device");
    report.mends("gpio.lines", "usermod -aG gpio");
}

#[test]
fn certificates_passwords_and_rights_are_tried() {
    let place = Secured::new();
    let home = place.site.home(DEVICE);
    let own = place.keys("devices/device1");
    let report = doctor(&home, &borrowed(&own), &[]);
    for check in ["broker.tls", "broker.session", "rights.report", "rights.status", "rights.ack", "config.files"] {
        report.is(check, "ok", "");
    }
    report.is("broker.certificate", "ok", "good for");
    report.is("broker.authority", "ok", "good for");

    // A name that the certificate does not speak for: Mosquitto takes the subscription, and drops what is published.
    let mut foreign = borrowed(&own);
    foreign.push(("device.name", "device2"));
    let report = doctor(&home, &foreign, &["rights.report", "rights.status", "rights.ack"]);
    report.mends("rights.report", "pattern write edge/%u/report");
    place.broker_says(&["Denied PUBLISH from device1", "edge/device2/report"]);

    let other = Authority::new();
    let with = |key: &'static str, file: String| -> Vec<(&'static str, String)> {
        own.iter().map(|(name, value)| (*name, if *name == key { file.clone() } else { value.clone() })).collect()
    };
    let keys = with("mqtt.ca_file", other.file("ca.crt"));
    let report = doctor(&home, &borrowed(&keys), &["broker.tls"]);
    report.is("broker.tls", "failure", "signed by no authority in");
    report.mends("broker.tls", "openssl s_client");

    let expired = "devices/expired.crt";
    place.authority.sign("devices/device1/client.key", expired, Purpose::Client("device1"), Validity::Past);
    let keys = with("mqtt.cert_file", place.authority.file(expired));
    let report = doctor(&home, &borrowed(&keys), &["broker.certificate", "broker.session"]);
    report.is("broker.certificate", "failure", "it has expired");
    report.is("broker.session", "failure", "expired.crt: it has expired");

    let url = place.site.broker.url();
    let file = place.authority.path("password");
    fs::write(&file, "wrong").unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    let keys =
        [("mqtt.url", url.as_str()), ("mqtt.username", "gateway"), ("mqtt.password_file", file.to_str().unwrap())];
    let report = doctor(&home, &keys, &["broker.session"]);
    report.is("broker.session", "failure", "not authorized");
    report.mends("broker.session", "mosquitto_passwd /etc/mosquitto/passwd gateway");
    assert!(!report.json.to_string().contains("wrong"));
}

#[test]
fn an_agent_that_runs_keeps_what_it_has() {
    let place = Secured::new();
    let keys = place.keys("devices/device1");
    let _gateway = Controller::start(&place.site, "controller", &borrowed(&place.keys("gateway")));
    let mut running = Agent::start_at(&place.site, &place.url(), DEVICE, &borrowed(&keys));
    running.status_where("the gateway leads", |status| status.mode_source == ModeSource::Gateway && status.link.up);
    let report = doctor(&place.site.home(DEVICE), &borrowed(&keys), &[]);
    report.is("broker.tls", "ok", "");
    report.is("broker.session", "ok", "the running agent is connected (attempt 1)");
    report.is("gpio.lines", "ok", "the running agent has them");
    report.is("rights.report", "ok", "the gateway leads this device");
    report.is("rights.ack", "skipped", "could throw out the running agent");
    report.mends("rights.ack", "systemctl stop device-agent");
    let status = running.status();
    // This broker takes the user's name for the client identifier: a second connection would have been the end of the first.
    assert_eq!((status.link.conn, status.link.up), (1, true));
    assert_eq!(running.terminate().code, Some(0));
}

#[test]
fn a_wrong_configuration_is_a_finding_of_its_own() {
    let site = Site::embedded();
    let file = site.home("wrong").join("agent.toml");
    fs::write(&file, "[mqtt]\nurll = \"mqtt://x\"\n").unwrap();
    let file = file.to_str().unwrap();
    let (code, text) = run(agent(["doctor", "--json", "--config", file])).ended();
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(code, Some(2), "{json}");
    let first = &json["findings"][0];
    assert_eq!(
        (&first["check"], &first["outcome"], &json["device"]),
        (&"config.file".into(), &"failure".into(), &Value::Null)
    );
    assert!(first["found"].as_str().unwrap().contains("did you mean mqtt.url?"), "{json}");
    assert!(json["findings"].as_array().unwrap().iter().any(|finding| finding["check"] == "clock.set"), "{json}");
    let (code, table) = run(agent(["doctor", "--config", file])).ended();
    assert_eq!(code, Some(2));
    assert!(table.contains("config.file") && table.contains("clock.set") && !table.contains('\u{1b}'), "{table}");
    assert!(!run(agent(["doctor", "now"])).failure(2).is_empty());
}
