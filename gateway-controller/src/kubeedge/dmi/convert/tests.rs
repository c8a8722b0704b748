use prost::Message;
use prost_types::Any;
use shared_proto::mode::Mode;

use super::*;
use crate::kubeedge::dmi::wire::{CustomizedValue, DeviceProperty, DeviceSpec, ProtocolConfig};

fn property(name: &str, desired: Option<&str>, report_to_cloud: bool) -> DeviceProperty {
    let desired = desired.map(|value| TwinProperty { value: value.to_owned(), ..Default::default() });
    DeviceProperty { name: name.to_owned(), desired, report_to_cloud }
}

fn device(name: &str, device_id: Option<Any>, properties: Vec<DeviceProperty>) -> Device {
    let data = device_id.map(|value| (DEVICE_ID.to_owned(), value)).into_iter().collect();
    let protocol = ProtocolConfig { protocol_name: "rtmqtt".to_owned(), config_data: Some(CustomizedValue { data }) };
    let spec = DeviceSpec { protocol: Some(protocol), properties, ..Default::default() };
    Device { name: name.to_owned(), namespace: "edge".to_owned(), spec: Some(spec) }
}

fn string(text: &str) -> Any {
    let type_url = "type.googleapis.com/google.protobuf.StringValue".to_owned();
    Any { type_url, value: text.to_owned().encode_to_vec() }
}

#[test]
fn a_declaration_is_read_with_what_it_wants_reported() {
    let properties = vec![
        property("mode", Some("DEGRADED"), true),
        property("miss_rate", None, true),
        property("seq", None, false),
        property("colour", Some("red"), true),
    ];
    let declared = declaration(device("pi-01", None, properties)).unwrap();
    assert_eq!(declared.id.to_string(), "edge/pi-01");
    assert_eq!(declared.device.as_str(), "pi-01");
    assert_eq!(declared.desired, Desired::Mode(Mode::Degraded));
    assert_eq!(declared.desired_text.as_str(), "DEGRADED");
    assert_eq!(declared.properties, [Property::Mode, Property::MissRate]);
}

#[test]
fn its_data_can_name_the_device_and_must_do_it_rightly() {
    let named = |value| declaration(device("a.long.name.of.a.custom.resource.in.the.cloud", value, vec![]));
    assert_eq!(named(Some(string("PI_7"))).unwrap().device.as_str(), "PI_7");
    let refused = named(None).unwrap_err();
    assert!(refused.reason.to_string().contains("1 to 32"), "{refused:?}");
    named(Some(string("two words"))).unwrap_err();
    let unreadable = Any { type_url: "x".to_owned(), value: vec![] };
    assert!(
        declaration(device("pi-01", Some(unreadable), vec![])).is_err(),
        "a name that cannot be read is not guessed"
    );
}

/// EdgeCore ends when one of the two is missing.
#[test]
fn every_twin_on_the_wire_has_both_values() {
    let id = ResourceId { namespace: "edge".to_owned(), name: "pi-01".to_owned() };
    let twin = value::Twin { observed_desired: TwinValue::default(), reported: TwinValue::of("0.02") };
    let request = twins(&id, &[(Property::MissRate, twin)], 1_700_000_000_123);
    let bytes = request.encode_to_vec();
    let read = ReportDeviceStatusRequest::decode(bytes.as_slice()).unwrap();
    let twin = &read.reported_device.unwrap().twins[0];
    assert_eq!(twin.property_name, "miss_rate");
    assert_eq!(twin.observed_desired.as_ref().unwrap().value, "");
    let reported = twin.reported.as_ref().unwrap();
    assert_eq!((reported.value.as_str(), reported.metadata["timestamp"].as_str()), ("0.02", "1700000000123"));
    assert_eq!(reported.metadata["type"], "double");
}

/// Bytes put together by hand from the published numbers, with fields that we do not know between those that we do.
#[test]
fn fields_of_other_versions_are_passed_over() {
    let mut bytes = b"\x0a\x02p1".to_vec(); // name = 1
    bytes.extend(b"\x12\x18"); // spec = 2, 24 bytes
    bytes.extend(b"\x1a\x12\x0a\x04mode\x12\x08\x0a\x06NORMAL"); // properties = 3: name = 1, desired = 2: value = 1
    bytes.extend(b"\x28\x05"); // collectCycle = 5
    bytes.extend(b"\x22\x02\x0a\x00"); // methods = 4 (since 1.19)
    bytes.extend(b"\x1a\x02\x10\x01"); // status = 3
    bytes.extend(b"\x22\x02ns"); // namespace = 4
    let declared = declaration(Device::decode(bytes.as_slice()).unwrap()).unwrap();
    assert_eq!(declared.id.to_string(), "ns/p1");
    assert_eq!(declared.desired, Desired::Mode(Mode::Normal));
    assert_eq!(declared.properties, [], "reportToCloud is not set");
}
