//! The agent's command line.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::harness::{Agent, DEVICE, Site, agent, run};

#[test]
fn a_configuration_is_written_checked_and_refused_with_reasons() {
    let site = Site::embedded();
    let home = site.home("files");
    let file = text(&home.join("agent.toml"));
    run(agent(["init", "--output", &file, "--device", "pi-7"])).success();
    let refusal = run(agent(["init", "--output", &file])).failure(1);
    assert!(refusal.contains(&file) && refusal.contains("--force"), "{refusal}");
    run(agent(["init", "--output", &file, "--device", "pi-8", "--force"])).success();
    assert!(run(agent(["init", "--device", "pi/8"])).failure(2).contains("1 to 32"));
    assert!(run(agent(["init", "--device", "pi-8", "--broker", "http://x"])).failure(2).contains("mqtt://"));

    let init = |options: &[&str]| {
        let mut command = agent(["init", "--force", "--output", &file, "--device", "pi-8"]);
        command.args(options);
        run(command)
    };
    let told = init(&["--broker", "mqtt://gateway.local"]).success_with_words();
    assert!(told.contains("put right") && told.contains("mqtts://") && told.contains("mqtt.insecure"), "{told}");
    assert!(run(agent(["check-config", &file])).failure(2).contains("mqtt.insecure"));
    for silent in [&["--broker", "mqtt://gateway.local", "--insecure"][..], &[]] {
        assert_eq!(init(silent).success_with_words(), "");
        run(agent(["check-config", &file])).success();
    }

    let mut check = agent(["check-config", &file]);
    check.env("AGENT_TASK__PERIOD_MS", "15");
    let values = run(check).success();
    let line = |key: &str| values.lines().find(|line| line.starts_with(key)).unwrap_or_default();
    assert!(line("device.name").contains("pi-8") && line("device.name").contains(&file), "{values}");
    assert!(line("task.period_ms").contains("15") && line("task.period_ms").contains("AGENT_TASK__PERIOD_MS"));

    for (content, complaint) in [
        ("[mqtt]\nurll = \"mqtt://x\"", "did you mean mqtt.url?"),
        ("[mqt]\nurl = \"mqtt://x\"", "did you mean mqtt?"),
        ("[task]\nperiod_ms = 0", "0.1 to 60000"),
        ("[task\n", "not valid TOML"),
    ] {
        let wrong = text(&home.join("wrong.toml"));
        fs::write(&wrong, content).unwrap();
        for command in [agent(["check-config", &wrong]), agent(["run", "--config", &wrong])] {
            let refusal = run(command).failure(2);
            assert!(refusal.contains(&wrong) && refusal.contains(complaint), "{refusal}");
        }
    }
    let missing = text(&home.join("missing.toml"));
    assert!(run(agent(["run", "--config", &missing])).failure(2).contains(&missing));
    let mut misspelt = agent(["run", "--config", &file]);
    misspelt.env("AGENT_MQTT__URLL", "mqtt://x");
    assert!(run(misspelt).failure(2).contains("AGENT_MQTT__URL?"));
}

#[test]
fn usage_errors_are_told_from_failures() {
    let site = Site::embedded();
    run(agent(["--help"])).success();
    assert!(run(agent(["--version"])).success().contains("device-agent"));
    for wrong in [vec![], vec!["dance"], vec!["run", "now"], vec!["hold"], vec!["hold", "sideways"]] {
        let mut command = agent([]);
        command.args(&wrong);
        assert!(!run(command).failure(2).is_empty(), "{wrong:?}");
    }
    let nobody = text(&site.home("nobody").join("control.sock"));
    assert!(run(agent(["status", "--socket", &nobody])).failure(1).contains("is the program running"));
    assert!(run(agent(["hold", "normal", "--socket", &nobody])).failure(1).contains(&nobody));
}

#[test]
fn a_running_agent_is_asked_and_held() {
    let site = Site::embedded();
    let mut running = Agent::start(&site, DEVICE, &[]);
    running.status_where("the first jobs", |status| status.total.jobs > 0 && status.link.up);
    let socket = text(&running.socket());
    let status =
        || -> Value { serde_json::from_str(&run(agent(["status", "--json", "--socket", &socket])).success()).unwrap() };
    let table = run(agent(["status", "--socket", &socket])).success();
    for word in [DEVICE, "NORMAL by default", "spin, period 10000 us", "connected", "line 17 (sim)"] {
        assert!(table.contains(word), "{word}: {table}");
    }

    assert!(run(agent(["hold", "degraded", "--socket", &socket])).success().contains("DEGRADED is held"));
    running.wait_for_lines([("17", "low"), ("27", "high")]);
    let held = status();
    assert_eq!((&held["mode"], &held["mode_source"]), (&"DEGRADED".into(), &"operator".into()));
    run(agent(["hold", "release", "--socket", &socket])).success();
    running.wait_for_lines([("17", "high"), ("27", "low")]);
    assert_eq!(status()["mode_source"], "default");

    let mut second = agent(["run"]);
    second.env("AGENT_DEVICE__NAME", "second").env("AGENT_CONTROL__SOCKET", &socket);
    let refusal = run(second).failure(1);
    assert!(refusal.contains(&socket), "{refusal}");
    assert_eq!(status()["device"], DEVICE, "the first agent still answers");
    assert_eq!(running.terminate().code, Some(0));
    assert!(!running.socket().exists());
}

fn text(path: &Path) -> String {
    path.to_str().expect("a path in UTF-8").to_owned()
}
