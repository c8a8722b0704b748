use std::format;
use std::string::ToString;
use std::vec::Vec;

use super::*;
use crate::mode::Mode;
use crate::wire::Host;

fn device() -> DeviceId {
    "device1".parse().unwrap()
}

const UUID: &str = "0d3f8c1e-7c1e-4b6e-9d2a-5f0c3b1a2e4d";

#[test]
fn topics_are_edgexs() {
    assert_eq!(metrics_topic(&device()).as_str(), "incoming/data/device1/metrics");
    assert_eq!(data_topic(&device(), "temp_c").as_str(), "incoming/data/device1/temp_c");
    assert_eq!(command_filter(&device()).as_str(), "command/device1/#");
    assert_eq!(response_topic(UUID).unwrap().as_str(), format!("command/response/{UUID}"));
    let longest: DeviceId = "d".repeat(32).parse().unwrap();
    for resource in RESOURCES {
        assert!(data_topic(&longest, resource.name).ends_with(resource.name), "{}", resource.name);
    }
    assert!(response_topic(&"a".repeat(MAX_UUID)).unwrap().ends_with('a'));
}

#[test]
fn a_command_topic_is_read_whole() {
    let topic = format!("command/device1/mode/set/{UUID}");
    let request = parse_command(&device(), &topic).unwrap();
    assert_eq!((request.resource, request.method, request.uuid), ("mode", Method::Set, UUID));
    for resource in RESOURCES {
        let topic = format!("command/device1/{}/get/1", resource.name);
        let request = parse_command(&device(), &topic).unwrap();
        assert_eq!((request.resource, request.method), (resource.name, Method::Get));
    }
}

#[test]
fn other_topics_are_no_commands() {
    for other in [
        "command/device1",
        "command/device1/mode/set",
        "command/device1/mode/set/",
        "command/device1/mode/set/a/b",
        "command/device1/mode/put/a",
        "command/device1/mode/Set/a",
        "command/device1/mo de/set/a",
        "command/device2/mode/set/a",
        "command/device1/mode/set/a b",
        "command/device1/mode/set/#",
        "/command/device1/mode/set/a",
        "commands/device1/mode/set/a",
        "",
    ] {
        assert_eq!(parse_command(&device(), other), None, "{other}");
    }
    let long = format!("command/device1/mode/set/{}", "a".repeat(MAX_UUID + 1));
    assert_eq!(parse_command(&device(), &long), None);
    for bad in ["", "a/b", "+", "ä", &"a".repeat(MAX_UUID + 1)] {
        assert_eq!(response_topic(bad), None, "{bad}");
    }
}

#[test]
fn readings_are_those_of_the_table_with_its_types() {
    let host = Host { cpu: Some(crate::units::Ratio::ONE), temp_c: Some(-3.5), throttled: Some(1), ..Host::default() };
    let mut readings = Vec::new();
    sample().each(&mut |reading| readings.push(reading));
    let of_metrics = readings.len();
    readings.extend(machine(&host).into_iter().flatten());
    let of_table = RESOURCES.iter().map(|resource| (resource.name, resource.value_type));
    assert!(readings.iter().map(|reading| (reading.name, reading.value.value_type())).eq(of_table));
    let members = RESOURCES.iter().filter(|resource| resource.in_metrics == Membership::Metrics).count();
    assert_eq!(members, of_metrics);
    assert!(readings.iter().all(|reading| {
        let alone = MACHINE.contains(&reading.name);
        alone == sample().reading(reading.name).is_none()
    }));
}

#[test]
fn names_are_plain_and_only_the_mode_is_written() {
    for resource in RESOURCES {
        assert!(resource.name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'), "{}", resource.name);
        assert_eq!(super::resource(resource.name), Some(resource), "each name once");
        assert_eq!(resource.access == Access::ReadWrite, resource.name == MODE);
    }
}

#[test]
fn values_are_written_as_device_mqtt_reads_them() {
    for (value, text) in [
        (Value::Float64(0.5), "0.5"),
        (Value::Float64(1e-7), "0.0000001"),
        (Value::Float64(f64::NAN), "0"),
        (Value::Float64(f64::INFINITY), "0"),
        (Value::Uint32(7), "7"),
        (Value::Uint64(u64::MAX), "\"18446744073709551615\""),
        (Value::Int64(-1), "\"-1\""),
        (Value::Word("NORMAL"), "\"NORMAL\""),
    ] {
        assert_eq!(value.to_string(), text);
    }
    let temperature = |celsius| machine(&Host { temp_c: Some(celsius), ..Host::default() })[1].unwrap().to_string();
    assert_eq!(temperature(48.2), r#"{"temp_c":48.2}"#);
    assert_eq!(temperature(-0.125), r#"{"temp_c":-0.125}"#);
    assert_eq!(machine(&Host::default()), [None; 3], "what the machine does not tell is not said");
}

#[test]
fn device_names_with_a_dot_are_not_edgexs() {
    assert!(can_be_named(&"Pi_01-b".parse().unwrap()));
    assert!(!can_be_named(&"pi.01".parse().unwrap()));
    assert!(!can_be_named(&"response".parse().unwrap()));
}

#[test]
fn a_set_has_one_key() {
    assert_eq!(serde_json::from_str(r#"{"mode":"NORMAL"}"#).ok(), Some(Written { mode: Mode::Normal }));
    assert!(serde_json::from_str::<Written>(r#"{"mode":"NORMAL","jobs":"1"}"#).is_err());
}

fn sample() -> Metrics {
    Metrics::first(crate::ids::BootId(0))
}
