//! EdgeX' wire: a real agent and a real broker, and the probe in the place of device-mqtt.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use shared_host::mqtt::Retained;
use shared_proto::dialect::edgex::{Membership, RESOURCES, ValueType};
use shared_proto::mode::{Mode, ModeSource};

use crate::harness::{Agent, DEVICE, Probe, Site};

const METRICS: &str = "incoming/data/device1/metrics";
const REPORT_MS: u64 = 200;
const BOTH: &[(&str, &str)] = &[("topics.dialects", r#"["native","edgex"]"#), ("edgex.report_ms", "200")];

#[test]
fn what_edgex_hears_adds_up_to_what_the_device_counted() {
    let site = Site::mosquitto();
    let mut probe = Probe::connect(&site.broker.url());
    let mut agent = Agent::start(&site, DEVICE, BOTH);
    for _ in 0..5 {
        probe.wait_for(METRICS, "a message", |_| Some(()));
    }
    let farewell = agent.terminate();
    probe.wait_for(METRICS, "the last message", |message| {
        let total: u64 = number(&read(&message.payload), "total_jobs");
        (total == farewell.total.jobs).then_some(())
    });

    let messages: Vec<_> = probe.heard(METRICS).map(|message| read(&message.payload)).collect();
    for metrics in &messages {
        has_every_reading(metrics);
    }
    let sum = |name: &str| messages.iter().map(|metrics| number(metrics, name)).sum::<u64>();
    let told = (sum("jobs"), sum("misses"), sum("skipped"));
    assert_eq!(told, (farewell.total.jobs, farewell.total.misses, farewell.total.skipped));
    let numbers: Vec<_> = messages.iter().map(|metrics| number(metrics, "seq")).collect();
    assert!(numbers.iter().copied().eq(1..=numbers.len() as u64), "{numbers:?}");
    // Late ones come on the grid again; the last one comes when the device goes.
    let span_ms = number(&messages[messages.len() - 1], "up_ms") - number(&messages[0], "up_ms");
    assert!(messages.len() as u64 <= span_ms / REPORT_MS + 3, "{} in {span_ms} ms", messages.len());

    // The native wire told the same on the same connection.
    let reports: Vec<_> = probe.heard("edge/device1/report").map(|message| read(&message.payload)).collect();
    let jobs: u64 = reports.iter().filter_map(|report| report["jobs"].as_u64()).sum();
    assert_eq!(jobs, farewell.total.jobs);
    let status = probe.heard("edge/device1/status").map(|message| read(&message.payload)).last().unwrap();
    assert_eq!((&status["conn"], &status["dialects"]), (&json!(1), &json!(["native", "edgex"])));
    let mut late = Probe::connect(&site.broker.url());
    late.wait_for("edge/device1/status", "what the broker keeps", |message| {
        (message.retained == Retained::Retained).then_some(())
    });
    let kept: Vec<_> = late.all().iter().map(|message| message.topic.as_str()).collect();
    assert_eq!(kept, ["edge/device1/status"], "nothing of EdgeX is retained");
}

#[test]
fn a_device_that_speaks_to_edgex_alone_ends_in_good_order() {
    let site = Site::mosquitto();
    let mut probe = Probe::connect(&site.broker.url());
    let alone = &[("topics.dialects", r#"["edgex"]"#), ("edgex.report_ms", "200")];
    let mut agent = Agent::start(&site, DEVICE, alone);
    probe.wait_for(METRICS, "a message", |_| Some(()));
    let farewell = agent.terminate();
    probe.wait_for(METRICS, "the last message", |message| {
        (number(&read(&message.payload), "total_jobs") == farewell.total.jobs).then_some(())
    });
    let jobs: u64 = probe.heard(METRICS).map(|message| number(&read(&message.payload), "jobs")).sum();
    assert_eq!(jobs, farewell.total.jobs);
    assert!(!agent.log().contains("did not take the good-bye"), "{}", agent.log());
}

#[test]
fn every_question_is_answered_and_every_right_command_obeyed_once() {
    let site = Site::mosquitto();
    let mut probe = Probe::connect(&site.broker.url());
    let mut agent = Agent::start(&site, DEVICE, BOTH);
    probe.wait_for(METRICS, "a message", |_| Some(()));

    // The system's thermometer and the flags of a Raspberry Pi are not everywhere: those are answered if they are told.
    let always = RESOURCES.iter().filter(|resource| resource.in_metrics == Membership::Metrics);
    for (resource, payload) in always.zip(["", "{}", "garbage"].into_iter().cycle()) {
        let uuid = format!("get-{}", resource.name.replace('_', "-"));
        probe.publish(&format!("command/device1/{}/get/{uuid}", resource.name), payload);
        let answer = answer(&mut probe, &uuid);
        assert_eq!(answer.as_object().unwrap().len(), 1, "{answer}");
        has_type(&answer[resource.name], resource.value_type);
    }

    probe.publish("command/device1/mode/set/one", r#"{"mode":"DEGRADED"}"#);
    assert_eq!(answer(&mut probe, "one"), json!({}));
    let status = agent.status_where("DEGRADED", |status| status.mode == Mode::Degraded);
    assert_eq!(status.mode_source, ModeSource::Gateway);
    probe.wait_for(METRICS, "the new mode", |message| (read(&message.payload)["mode"] == "DEGRADED").then_some(()));
    probe.publish("command/device1/mode/set/two", r#"{"mode":"NORMAL"}"#);
    assert_eq!(answer(&mut probe, "two"), json!({}));
    agent.status_where("NORMAL", |status| status.mode == Mode::Normal);
    probe.publish("command/device1/mode/set/one", r#"{"mode":"DEGRADED"}"#);
    assert_eq!(answer(&mut probe, "one"), json!({}));
    let status = agent.status();
    assert_eq!((status.mode, status.commands.accepted, status.commands.duplicate), (Mode::Normal, 2, 1));

    // The native wire goes on beside it.
    probe.publish("edge/device1/command", r#"{"v":1,"id":"c1","mode":"DEGRADED","lease_ms":60000}"#);
    agent.status_where("the native command", |status| status.mode == Mode::Degraded);
    assert_eq!(agent.status().link.conn, 1);
}

#[test]
fn what_cannot_be_done_is_met_with_silence_and_the_real_mode() {
    let site = Site::mosquitto();
    let mut probe = Probe::connect(&site.broker.url());
    let keys = [("topics.dialects", r#"["edgex"]"#), ("edgex.report_ms", "60000")];
    let mut agent = Agent::start(&site, DEVICE, &keys);
    probe.wait_for(METRICS, "the first message", |_| Some(()));
    agent.status_where("the link is up", |status| status.link.up);

    let longest = "x".repeat(2_000);
    let bad = [
        ("mode/set/bad", r#"{"mode":"degraded"}"#),
        ("mode/set/bad", r#"{"mode":"DEGRADED","lease_ms":1}"#),
        ("mode/set/bad", "\u{0}"),
        ("mode/set/bad", &longest),
        ("jobs/set/bad", r#"{"jobs":"1"}"#),
        ("nothing/get/bad", ""),
        ("SetMode/set/bad", r#"{"mode":"DEGRADED"}"#),
        ("mode/set/b$d", r#"{"mode":"DEGRADED"}"#),
        ("mode/set", r#"{"mode":"DEGRADED"}"#),
    ];
    for (rest, payload) in bad {
        probe.publish(&format!("command/device1/{rest}"), payload);
    }
    // The next message would be due in a minute: this one is because of what was refused.
    let mode = probe.wait_for(METRICS, "the real mode", |message| Some(read(&message.payload)["mode"].clone()));
    assert_eq!(mode, "NORMAL");
    let status = agent.status_where("all of them are counted", |status| status.commands.arrived() == bad.len() as u64);
    assert_eq!((status.commands.accepted, status.commands.oversize), (0, 1));
    probe.publish("command/device1/mode/get/after", "");
    assert_eq!(answer(&mut probe, "after"), json!({"mode": "NORMAL"}));
    assert_eq!(probe.heard("command/response/bad").count(), 0);
    let told = agent.log().lines().filter(|line| line.contains("command refused")).count();
    assert_eq!(told, 1, "a flood of commands is no flood of lines");
}

fn read(payload: &[u8]) -> Value {
    serde_json::from_slice(payload).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(payload)))
}

fn answer(probe: &mut Probe, uuid: &str) -> Value {
    probe.wait_for(&format!("command/response/{uuid}"), "an answer", |message| Some(read(&message.payload)))
}

fn number(metrics: &Value, name: &str) -> u64 {
    metrics[name].as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{name} in {metrics}"))
}

/// As device-mqtt wants it: every reading of the command, each of the type that the profile says.
fn has_every_reading(metrics: &Value) {
    let members: BTreeMap<_, _> = RESOURCES
        .iter()
        .filter(|resource| resource.in_metrics == Membership::Metrics)
        .map(|resource| (resource.name, resource.value_type))
        .collect();
    let metrics = metrics.as_object().unwrap();
    assert!(metrics.keys().map(String::as_str).eq(members.keys().copied()), "{metrics:?}");
    for (name, value) in metrics {
        has_type(value, members[name.as_str()]);
    }
}

fn has_type(value: &Value, value_type: ValueType) {
    let fits = match value_type {
        ValueType::Bool => value.is_boolean(),
        ValueType::String => value.as_str().is_some_and(|text| !text.is_empty()),
        ValueType::Uint32 => value.as_u64().is_some_and(|number| u32::try_from(number).is_ok()),
        ValueType::Uint64 => value.as_str().is_some_and(|text| text.parse::<u64>().is_ok()),
        ValueType::Int64 => value.as_str().is_some_and(|text| text.parse::<i64>().is_ok()),
        ValueType::Float64 => value.is_number(),
    };
    assert!(fits, "{value} is no {}", value_type.as_str());
}
