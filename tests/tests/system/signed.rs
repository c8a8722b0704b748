//! Agent and controller share a key: the loop runs, and a stranger who may publish everything moves nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;
use shared_host::json;
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::sign::{Key, OVERHEAD, sign, verify};
use shared_proto::wire::{Fresh, Outcome, SetMode};

use crate::harness::{Agent, Controller, DEVICE, Probe, Site, controller, degraded, eventually, run};

const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const TOPIC: &str = "edge/device1/command";
const REPORT: &str = "edge/device1/report";

fn key_file(directory: &Path, device: &str) -> PathBuf {
    let file = directory.join(format!("{device}.key"));
    fs::write(&file, format!("{HEX}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    file
}

fn signed(topic: &str, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0; payload.len() + OVERHEAD];
    let length = sign(&Key::from_hex(HEX).unwrap(), topic, payload, &mut out).unwrap();
    out.truncate(length);
    out
}

fn encoded(command: &SetMode) -> Vec<u8> {
    json::encode(command, 1024).unwrap()
}

#[test]
fn a_stranger_who_hears_and_says_everything_moves_nothing() {
    let site = Site::mosquitto();
    let keys = site.home("keys");
    let file = key_file(&keys, DEVICE);
    let mut probe = Probe::connect(&site.broker.url());
    let mut agent = Agent::start(
        &site,
        DEVICE,
        &[
            ("security.key_file", file.to_str().unwrap()),
            ("security.require_signed_commands", "true"),
            ("security.sign_reports", "true"),
        ],
    );
    let secured = [("security.keys_dir", keys.to_str().unwrap()), ("security.require_signed_reports", "true")];
    let gateway = Controller::start(&site, "controller", &secured);
    let led = probe.report(DEVICE, "led by the gateway", |report| report.mode_source == ModeSource::Gateway);
    assert_eq!(led.mode, Mode::Normal);
    let command = probe.wait_for(TOPIC, "a signed command", |message| Some(message.clone()));
    assert!(verify(&Key::from_hex(HEX).unwrap(), TOPIC, &command.payload).is_ok());

    // Unsigned; signed by another key; altered; meant for another device; the recorded one once more; signed without a limit.
    let before = agent.status().commands;
    let mut altered = command.payload.clone();
    let place = altered.windows(6).position(|text| text == b"NORMAL").unwrap();
    altered.splice(place..place + 6, *b"DEGRADED");
    let other_key = {
        let mut out = vec![0; 1024];
        let length = sign(&Key::from_bytes(&[9; 32]).unwrap(), TOPIC, &encoded(&degraded("x1")), &mut out).unwrap();
        out.truncate(length);
        out
    };
    for payload in [
        encoded(&degraded("x0")),
        other_key,
        altered,
        signed("edge/device2/command", &encoded(&degraded("x2"))),
        command.payload.clone(),
        signed(TOPIC, &encoded(&degraded("x3"))),
    ] {
        probe.publish(TOPIC, payload);
    }
    let status = agent.status_where("all six judged", |status| status.commands.arrived() >= before.arrived() + 6);
    let (now, then) = (status.commands, before);
    assert_eq!((now.unsigned - then.unsigned, now.forged - then.forged), (2, 3));
    assert_eq!(now.duplicate - then.duplicate, 1);
    assert_eq!((status.mode, now.expired), (Mode::Normal, 0));
    assert!(agent.log().contains("command refused"), "{}", agent.log());

    // A recorded report with a worse miss rate, and one of the stranger's own, move the controller as little.
    let report = probe.wait_for(REPORT, "a report", |message| Some(message.clone()));
    let worse = String::from_utf8(report.payload).unwrap().replace("\"miss_rate\":0.0", "\"miss_rate\":0.9");
    assert!(worse.contains("\"miss_rate\":0.9"), "{worse}");
    probe.publish(REPORT, &worse);
    probe.publish("edge/device2/report", worse.replace("device1", "device2"));
    gateway.log_line("a forged report", |line| line.contains("wrong signature"));
    assert!(gateway.events("decision").is_empty(), "{:?}", gateway.events("decision"));

    assert!(gateway.events("report").iter().all(|event| event["device"] == DEVICE));

    // A person at the command line has the keys as well, and learns the device's time from its report.
    let mut by_hand = controller(["set-mode", DEVICE, "degraded", "--broker", &site.broker.url(), "--lease", "2s"]);
    by_hand.env("GATEWAY_SECURITY__KEYS_DIR", &keys);
    run(by_hand).success();
    // The controller wants NORMAL, and may have it again at once.
    let is_change = |event: &&Value| event["from"] == "NORMAL" && event["to"] == "DEGRADED";
    eventually("DEGRADED by hand", || gateway.events("device_mode").iter().find(is_change).map(|_| ()));
    assert_eq!(agent.status().commands.unsigned, now.unsigned);

    // After a restart what was recorded before is worth nothing.
    agent.kill();
    agent.restart();
    probe.skip_to_now();
    probe.status(DEVICE, "back", |status| status.online && status.boot != led.boot);
    probe.publish(TOPIC, &command.payload);
    let id = json::decode_command(&command.payload).unwrap().id;
    assert_eq!(probe.ack(DEVICE, id.as_str()).result, Outcome::Expired);
}

#[test]
fn what_was_held_up_on_its_way_changes_nothing() {
    let site = Site::mosquitto();
    let mut probe = Probe::connect(&site.broker.url());
    let mut agent = Agent::start(&site, DEVICE, &[]);
    let report = probe.report(DEVICE, "some time later", |report| report.up_ms >= 300);
    let fresh = Fresh { boot: report.boot, up_ms: report.up_ms - 200, ttl_ms: 100 };
    probe.send(DEVICE, &SetMode { fresh: Some(fresh), ..degraded("late") });
    let ack = probe.ack(DEVICE, "late");
    assert_eq!((ack.result, ack.mode), (Outcome::Expired, Mode::Normal));
    let fresh = Fresh { ttl_ms: 60_000, ..fresh };
    probe.send(DEVICE, &SetMode { fresh: Some(fresh), ..degraded("timely") });
    assert_eq!(probe.ack(DEVICE, "timely").result, Outcome::Applied);
    assert_eq!(agent.status().commands.expired, 1);
}

#[test]
fn a_key_that_others_can_read_is_refused_at_the_start() {
    let site = Site::mosquitto();
    let file = key_file(&site.home("keys"), DEVICE);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let mut check = crate::harness::agent(["check-config"]);
    check.env("AGENT_SECURITY__KEY_FILE", &file);
    let error = run(check).failure(2);
    assert!(error.contains("security.key_file") && error.contains("allowed: mode 0600"), "{error}");
}
