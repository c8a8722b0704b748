//! The classroom's wire: with Debian's own MQTT clients, and with a hand-made classroom client.

use serde_json::{Value, json};
use shared_proto::mode::{Mode, ModeSource};

use crate::harness::{Agent, Controller, DECIDES, DEVICE, Probe, Site, mosquitto_client, run};

#[test]
fn an_agent_obeys_and_answers_the_classrooms_tools() {
    let site = Site::mosquitto();
    let port = site.broker.port().to_string();
    let mut agent = Agent::start(&site, DEVICE, &[("topics.dialects", r#"["native","lab"]"#)]);
    agent.status_where("the link is up", |status| status.link.up);
    let command = |payload: &str| {
        let args = ["-h", "127.0.0.1", "-p", &port, "-t", "tp/device1/cmd", "-m", payload];
        run(mosquitto_client("mosquitto_pub", args)).success();
    };

    for bad in ["{\"Mode\":", r#"{"Mode":"degraded"}"#, r#"{"mode":"DEGRADED"}"#] {
        command(bad);
    }
    let status = agent.status_where("the bad commands are counted", |status| status.commands.malformed == 3);
    assert_eq!((status.mode, status.commands.accepted), (Mode::Normal, 0));

    command(r#"{"Mode":"DEGRADED"}"#);
    let status = agent.status_where("DEGRADED", |status| status.mode == Mode::Degraded);
    assert_eq!((status.mode_source, status.commands.accepted), (ModeSource::Gateway, 1));
    agent.wait_for_lines([("17", "low"), ("27", "high")]);

    let args = ["-h", "127.0.0.1", "-p", &port, "-C", "1", "-W", "60", "-t", "tp/device1/metrics"];
    let metrics = run(mosquitto_client("mosquitto_sub", args)).success();
    let metrics: Value = serde_json::from_str(&metrics).unwrap();
    let fields: Vec<_> = metrics.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["jitter_max", "jitter_mean", "miss_rate", "mode", "timestamp", "workload"]);
    assert_eq!((&metrics["mode"], &metrics["workload"]), (&json!("DEGRADED"), &json!(0.05)));
    assert!(metrics["timestamp"].as_f64() > Some(1.7e9), "{metrics}");
    assert!((0.0..=1.0).contains(&metrics["miss_rate"].as_f64().unwrap()), "{metrics}");
    let jitter = (metrics["jitter_mean"].as_f64().unwrap(), metrics["jitter_max"].as_f64().unwrap());
    assert!(0.0 <= jitter.0 && jitter.0 <= jitter.1, "{metrics}");

    command(r#"{"Mode":"NORMAL"}"#);
    agent.status_where("NORMAL", |status| status.mode == Mode::Normal);
}

#[test]
fn a_controller_drives_a_classroom_client() {
    let site = Site::mosquitto();
    let mut probe = Probe::connect(&site.broker.url());
    let rules = [&DECIDES[..], &[("topics.dialects", r#"["lab"]"#), ("policy.dwell_ms", "0")]].concat();
    let mut controller = Controller::start(&site, "controller", &rules);
    let metrics = |mode: &str, miss_rate: f64| {
        json!({
            "timestamp": 1_767_225_600.25, "mode": mode, "jitter_mean": 0.8, "jitter_max": 9.5,
            "miss_rate": miss_rate, "workload": 0.7
        })
        .to_string()
    };
    let command = |probe: &mut Probe| -> Value {
        probe.wait_for("tp/device2/cmd", "a command", |message| serde_json::from_slice(&message.payload).ok())
    };

    probe.publish("tp/device2/metrics", "{\"miss_rate\":2}");
    probe.publish("tp/device2/metrics", metrics("NORMAL", 0.5));
    assert_eq!(command(&mut probe), json!({"Mode": "DEGRADED"}));
    let decision = controller.event("decision", "about the client", |event| event["device"] == "device2");
    assert_eq!((&decision["to"], &decision["source"]), (&json!("DEGRADED"), &json!("policy")));

    for _ in 0..5 {
        probe.publish("tp/device2/metrics", metrics("DEGRADED", 0.0));
    }
    assert_eq!(command(&mut probe), json!({"Mode": "NORMAL"}));
}
