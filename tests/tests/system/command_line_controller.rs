//! The controller's command line.

use std::fs;
use std::path::Path;

use serde_json::Value;
use shared_proto::mode::Mode;

use crate::harness::{Agent, Controller, DEVICE, Probe, Site, controller, run};

#[test]
fn a_configuration_is_written_checked_and_refused_with_reasons() {
    let site = Site::embedded();
    let home = site.home("files");
    let file = text(&home.join("gateway.toml"));
    run(controller(["init", "--output", &file])).success();
    assert!(run(controller(["init", "--output", &file])).failure(1).contains("--force"));
    run(controller(["init", "--output", &file, "--force"])).success();
    assert!(run(controller(["check-config", &file])).success().contains("policy.degrade_above = 0.05"));
    let exposed = ["init", "--broker", "mqtt://gateway.local"];
    let told = run(controller(exposed)).success_with_words();
    assert!(told.contains("put right") && told.contains("mqtts://") && told.contains("mqtt.insecure"), "{told}");
    let written = run(controller(["init", "--broker", "mqtt://gateway.local", "--insecure"]));
    assert_eq!(written.success_with_words(), "");
    let direct = ["devices", "--broker", "mqtt://gateway.local"];
    assert!(run(controller(direct)).failure(2).contains("mqtt.insecure"));

    for (content, complaint) in [
        ("[policy]\ndegrade_abov = 0.1", "did you mean policy.degrade_above?"),
        ("[policy]\nrecover_below = 0.5", "policy.degrade_above"),
        ("[command]\nlease_ms = 99", "100 to 86400000"),
        ("[topics]\ndialects = []", "lab"),
    ] {
        let wrong = text(&home.join("wrong.toml"));
        fs::write(&wrong, content).unwrap();
        for command in [controller(["check-config", &wrong]), controller(["run", "--config", &wrong])] {
            let refusal = run(command).failure(2);
            assert!(refusal.contains(&wrong) && refusal.contains(complaint), "{refusal}");
        }
    }
    let missing = text(&home.join("missing.toml"));
    assert!(run(controller(["run", "--config", &missing])).failure(2).contains(&missing));
    run(controller(["--help"])).success();
    for wrong in [vec![], vec!["dance"], vec!["set-mode", "pi-1"], vec!["set-mode", "pi/1", "normal"]] {
        let mut command = controller([]);
        command.args(&wrong);
        assert!(!run(command).failure(2).is_empty(), "{wrong:?}");
    }
    let nobody = text(&home.join("control.sock"));
    for question in ["devices", "health"] {
        assert!(run(controller([question, "--socket", &nobody])).failure(1).contains("is the program running"));
    }
}

#[test]
fn devices_are_shown_and_set_through_the_controller() {
    let site = Site::embedded();
    let mut gateway = Controller::start(&site, "controller", &[]);
    let mut agent = Agent::start(&site, DEVICE, &[]);
    gateway.event("online", "the device", |event| event["device"] == DEVICE);
    let socket = text(gateway.socket());
    gateway.view(DEVICE, "reports", |view| view.jobs > 0);

    let table = run(controller(["devices", "--socket", &socket])).success();
    let row = table.lines().find(|line| line.starts_with(DEVICE)).unwrap_or_default();
    assert!(table.starts_with("DEVICE") && row.contains("online") && row.contains("NORMAL"), "{table}");
    assert!(
        run(controller(["health", "--connected", "--socket", &socket]))
            .success()
            .starts_with("well, connected to mqtt://")
    );
    let json = run(controller(["devices", "--json", "--socket", &socket])).success();
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["devices"][0]["device"], &json["devices"][0]["missing_jobs"]), (&DEVICE.into(), &0.into()));

    let set = |mode: &str| run(controller(["set-mode", DEVICE, mode, "--wait", "60s", "--socket", &socket]));
    assert_eq!(set("degraded").success(), format!("{DEVICE}: DEGRADED\n"));
    assert_eq!(agent.status().mode, Mode::Degraded);
    let decision = gateway.event("decision", "the wish", |event| event["to"] == "DEGRADED");
    assert_eq!(decision["source"], "set-mode");
    let row = run(controller(["devices", "--socket", &socket])).success();
    assert!(row.contains("DEGRADED (set-mode)"), "{row}");
    set("auto").success();
    gateway.event("decision", "back to the policy", |event| event["source"] == "set-mode" && event["to"] == "NORMAL");
    agent.status_where("NORMAL", |status| status.mode == Mode::Normal);
    set("release").success();
    agent.status_where("the device is let go", |status| status.mode_source.as_str() != "gateway");

    let stranger = run(controller(["set-mode", "stranger", "normal", "--socket", &socket])).failure(1);
    assert!(stranger.contains("stranger"), "{stranger}");
    let mut second = controller(["run"]);
    second.env("GATEWAY_CONTROL__SOCKET", &socket);
    assert!(run(second).failure(1).contains(&socket));
    assert_eq!(gateway.terminate(), Some(0));
}

#[test]
fn a_device_that_is_gone_is_forgotten_for_good() {
    let site = Site::mosquitto();
    let mut gateway = Controller::start(&site, "controller", &[]);
    let mut agent = Agent::start(&site, DEVICE, &[]);
    gateway.view(DEVICE, "reports", |view| view.jobs > 0);
    let socket = text(gateway.socket());
    let forget = || run(controller(["forget", DEVICE, "--socket", &socket]));
    assert!(forget().failure(1).contains("online"));
    agent.terminate();
    gateway.event("offline", "the device", |_| true);
    assert_eq!(forget().success(), format!("{DEVICE}: forgotten\n"));
    assert_eq!(gateway.event("forgotten", "the device", |_| true)["why"], "operator");
    assert!(forget().failure(1).contains("nothing was heard"));
    assert_eq!(run(controller(["devices", "--socket", &socket])).success(), "no devices\n");

    // Whoever comes now finds nothing either; what the broker keeps would come before what is new.
    let mut probe = Probe::connect(&site.broker.url());
    probe.publish("edge/end/status", "");
    assert_eq!(probe.heard("edge/device1/status").count(), 0);
}

#[test]
fn devices_are_shown_and_set_without_a_controller() {
    let site = Site::mosquitto();
    let url = site.broker.url();
    let mut probe = Probe::connect(&url);
    let mut agent = Agent::start(&site, DEVICE, &[]);
    probe.status(DEVICE, "its birth", |status| status.online);

    let table = run(controller(["devices", "--broker", &url, "--listen", "1s"])).success();
    assert!(table.contains(DEVICE), "{table}");
    let set = |device: &str, mode: &str, wait: &str| {
        run(controller(["set-mode", device, mode, "--broker", &url, "--lease", "10m", "--wait", wait]))
    };
    assert_eq!(set(DEVICE, "degraded", "60s").success(), format!("{DEVICE}: DEGRADED for 600 s\n"));
    assert_eq!((agent.status().mode, agent.status().commands.accepted), (Mode::Degraded, 1));
    assert_eq!(set(DEVICE, "release", "60s").success(), format!("{DEVICE}: released, now NORMAL\n"));
    assert!(set("stranger", "normal", "100ms").failure(1).contains("stranger"));
    assert!(set(DEVICE, "auto", "60s").failure(2).contains("controller"));

    let held = agent.socket();
    run(crate::harness::agent(["hold", "normal", "--socket", &text(&held)])).success();
    assert!(set(DEVICE, "degraded", "60s").failure(1).contains("operator"));
}

fn text(path: &Path) -> String {
    path.to_str().expect("a path in UTF-8").to_owned()
}
