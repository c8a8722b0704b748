use shared_host::mqtt::Retained;
use shared_proto::dialect::lab::Observed;
use shared_proto::mode::Mode;
use shared_proto::policy::PolicyConfig;
use shared_proto::units::Ratio;

use super::*;
use crate::fleet::{Rule, Settings, Timing};
use crate::kubeedge::property::Property;

/// A fleet of one classroom client, which tells its mode and miss rate.
fn fleet(mode: Mode) -> Fleet {
    let timing = Timing::new(15_000, 500, 10_000).unwrap();
    let mut fleet = Fleet::new(Settings { rule: Rule::Decide(PolicyConfig::default()), timing, max_devices: 3 }, 0);
    let mut out = Vec::new();
    fleet.link_up(1, &mut out);
    let observed = Observed { miss_rate: Ratio::of(1, 50), mode: Some(mode) };
    fleet.lab(Moment::default(), &"pi-01".parse().unwrap(), &observed, &mut out).unwrap();
    fleet
}

fn twins(namespace: Option<&str>) -> MqttTwins {
    MqttTwins::new(&MqttSettings {
        namespace: namespace.map(|text| text.parse().unwrap()),
        properties: vec![Property::Mode, Property::MissRate],
        interval: std::time::Duration::from_secs(30),
    })
}

fn run(twins: &mut MqttTwins, fleet: &Fleet, from_ms: u64, to_ms: u64) -> Vec<(String, Value)> {
    let mut published = Vec::new();
    for ms in (from_ms..to_ms).step_by(500) {
        twins.tick(Moment::from_millis(ms), fleet, 7, |message| {
            published.push((message.topic, serde_json::from_slice(&message.payload).unwrap()));
            true
        });
    }
    published
}

#[test]
fn the_topics_and_payloads_are_those_that_edgecore_documents() {
    let mut twins = twins(Some("default"));
    let published = run(&mut twins, &fleet(Mode::Normal), 0, 20_000);
    let update = json!({
        "event_id": "", "timestamp": 7,
        "twin": { "mode": { "actual": { "value": "NORMAL" } }, "miss_rate": { "actual": { "value": "0.0200" } } },
    });
    let topic = |name: &str| format!("$hw/events/device/default/pi-01/{name}");
    let state = json!({ "event_id": "", "timestamp": 7, "state": "online" });
    let expected =
        [(topic("twin/update"), update.clone()), (topic("state/update"), state), (topic("twin/update"), update)];
    assert_eq!(published, expected);
    let filters: Vec<_> = twins.filters().into_iter().map(|filter| filter.topic).collect();
    assert_eq!(filters, ["$hw/events/device/+/+/twin/update/result", "$hw/events/device//twin/update/result"]);
}

#[test]
fn before_kubeedge_1_17_topics_have_no_namespace() {
    let mut twins = twins(None);
    let published = run(&mut twins, &fleet(Mode::Normal), 0, 1_000);
    assert_eq!(published[0].0, "$hw/events/device/pi-01/twin/update");
    assert_eq!(twins.filters()[0].topic, "$hw/events/device/+/twin/update/result");
}

#[test]
fn a_device_that_is_not_declared_is_left_alone_for_a_while() {
    let mut twins = twins(Some("default"));
    let fleet = fleet(Mode::Normal);
    run(&mut twins, &fleet, 0, 1_000);
    let topic = "$hw/events/device/default/pi-01/twin/update/result".to_owned();
    let payload = br#"{"event_id":"","timestamp":1,"code":404,"reason":"update rejected"}"#.to_vec();
    let answer = Received { topic, payload, retained: Retained::Live };
    twins.take(&answer, Moment::from_millis(1_000), &mut Refusals::default());
    assert_eq!(run(&mut twins, &fleet, 1_000, 600_000), []);
    assert_ne!(run(&mut twins, &fleet, 601_000, 602_000), []);
}

#[test]
fn what_was_not_published_is_published_later() {
    let mut twins = twins(Some("default"));
    let fleet = fleet(Mode::Degraded);
    twins.tick(Moment::from_millis(0), &fleet, 0, |_| false);
    assert_eq!(run(&mut twins, &fleet, 1_000, 10_000).len(), 3);
}
