//! Twins by plain MQTT: what KubeEdge's EventBus hears at the broker.

use serde_json::{Value, json};
use shared_host::mqtt::{Filter, Options, Qos};
use shared_proto::mode::Mode;

use crate::harness::{Agent, Controller, DEVICE, Probe, Site, degraded};

const TWINS: &str = "$hw/events/device/plant/device1/twin/update";
const STATES: &str = "$hw/events/device/plant/device1/state/update";
const RESULTS: &str = "$hw/events/device/plant/device1/twin/update/result";
/// Where EdgeCore refuses what it cannot read.
const NAMELESS: &str = "$hw/events/device//twin/update/result";

#[test]
fn eventbus_hears_the_twins_and_its_refusals_are_logged() {
    let site = Site::mosquitto();
    // `#` alone does not cover topics that begin with `$`.
    let filters = vec![Filter { topic: "$hw/#".to_owned(), qos: Qos::AtLeastOnce }];
    let mut eventbus = Probe::connect_as(&site.broker.url(), |options| Options { filters, ..options });
    let mut probe = Probe::connect(&site.broker.url());
    let mut agent = Agent::start(&site, DEVICE, &[]);
    let keys = [("kubeedge.twins", "mqtt"), ("kubeedge.namespace", "plant"), ("policy.enabled", "false")];
    let controller = Controller::start(&site, "controller", &keys);

    let twin = |eventbus: &mut Probe, what: &str, fits: &dyn Fn(&Value) -> bool| {
        eventbus.wait_for(TWINS, what, |message| {
            let update: Value = serde_json::from_slice(&message.payload).expect("JSON");
            fits(&update["twin"]).then_some(update)
        })
    };
    for time in ["the first time", "the second time"] {
        let update = twin(&mut eventbus, time, &|twin| twin["miss_rate"]["actual"]["value"].is_string());
        assert_eq!(update["twin"]["mode"], json!({ "actual": { "value": "NORMAL" } }));
        assert!(update["timestamp"].as_u64().is_some_and(|ms| ms > 1_700_000_000_000), "{update}");
    }
    let online = |message: &shared_host::mqtt::Received| {
        serde_json::from_slice::<Value>(&message.payload).is_ok_and(|state| state["state"] == "online").then_some(())
    };
    eventbus.wait_for(STATES, "online", online);

    probe.send(DEVICE, &degraded("c-1"));
    twin(&mut eventbus, "DEGRADED", &|twin| twin["mode"]["actual"]["value"] == "DEGRADED");
    assert_eq!(agent.status().mode, Mode::Degraded);

    // A success, and an answer about somebody else's device, are no news.
    eventbus.publish(RESULTS, r#"{"event_id":"","timestamp":1,"twin":{}}"#);
    let others = RESULTS.replace("device1", "another");
    eventbus.publish(&others, r#"{"event_id":"","timestamp":1,"code":404,"reason":"not ours"}"#);
    eventbus.publish(NAMELESS, r#"{"event_id":"","timestamp":1,"code":400,"reason":"invalid value"}"#);
    controller.log_line("the refusal in the log", |line| line.contains("twin refused") && line.contains("400 invalid"));
    assert_eq!(controller.log().matches("twin refused").count(), 1, "{}", controller.log());
}
