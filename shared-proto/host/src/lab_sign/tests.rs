use std::collections::HashMap;

use serde::Deserialize;
use serde_json::json;
use shared_proto::mode::Mode;
use shared_proto::units::Ratio;

use super::*;

const DIGITS: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn key() -> LabKey {
    LabKey::from_text(DIGITS).unwrap()
}

fn device() -> DeviceId {
    "device1".parse().unwrap()
}

fn signed(message: &serde_json::Value) -> String {
    String::from_utf8(sign(&key(), message).unwrap()).unwrap()
}

fn stamped(rest: serde_json::Value) -> serde_json::Value {
    let mut message = json!({"device_id": "device1", "ts_ms": 1_730_000_000_000_u64, "nonce": "b3f1a9c2"});
    message.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    message
}

/// One of `vectors/signed/lab.json`, which `sign.py` beside it wrote.
#[derive(Deserialize)]
struct Case {
    name: String,
    key_file: String,
    canonical: String,
    signed: String,
}

fn cases() -> HashMap<String, Case> {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../../../vectors/signed/lab.json")).unwrap();
    cases.into_iter().map(|case| (case.name.clone(), case)).collect()
}

#[test]
fn messages_that_python_signed_are_verified() {
    for (name, case) in cases() {
        let key = LabKey::from_text(&case.key_file).unwrap();
        let message = verify(&key, &device(), case.signed.as_bytes()).expect(&name);
        let stamp = Stamp { ts_ms: 1_730_000_000_000, nonce: Nonce(0xb3f1_a9c2) };
        assert_eq!(message.stamp(), stamp, "{name}");

        let mut unsigned = canonical::read_object(case.signed.as_bytes()).unwrap();
        unsigned.remove(HMAC);
        assert_eq!(print_members(&unsigned).unwrap(), case.canonical, "{name}");

        // Signed here from the same values, it carries the same signature.
        let again = String::from_utf8(sign(&key, &unsigned).unwrap()).unwrap();
        let tag = &case.signed[case.signed.find("hmac").unwrap()..][8..72];
        assert!(again.contains(tag.trim_matches([' ', '"'])), "{name}: {again}");
    }
}

#[test]
fn metrics_and_commands_are_read_at_the_top_and_in_data() {
    let cases = cases();
    let read = |name: &str| verify(&key(), &device(), cases[name].signed.as_bytes()).unwrap();
    let observed = read("metrics").observed().unwrap();
    assert_eq!((observed.mode, observed.miss_rate), (None, Ratio::of(1, 100)));
    assert_eq!(read("command at the top").command().unwrap().mode, Mode::Degraded);
    assert_eq!(read("command in data").command().unwrap().mode, Mode::Normal);
    for (rest, expected) in [
        (json!({"mode": "DEGRADED"}), Some(Mode::Degraded)),
        (json!({"data": {"Mode": "DEGRADED"}}), Some(Mode::Degraded)),
        (json!({"Mode": "NORMAL", "mode": "NORMAL", "data": null}), Some(Mode::Normal)),
        (json!({"Mode": "NORMAL", "data": {"mode": "DEGRADED"}}), None),
        (json!({"Mode": "normal"}), None),
        (json!({"Mode": null}), None),
        (json!({"data": {}}), None),
    ] {
        let text = signed(&stamped(rest));
        let command = verify(&key(), &device(), text.as_bytes()).unwrap().command();
        assert_eq!(command.as_ref().map(|command| command.mode).ok(), expected, "{text}: {command:?}");
    }
}

#[test]
fn what_this_side_signs_it_verifies() {
    let (ts_ms, nonce) = (1_780_000_000_123, Nonce(0x0000_00ff));
    let data = Data { jitter_ms: 1e-7, miss_rate: Ratio::of(1, 3), workload: Ratio::ONE, mode: Mode::Degraded };
    let metrics = sign(&key(), &MetricsMessage { device_id: device(), ts_ms, nonce, data }).unwrap();
    let message = verify(&key(), &device(), &metrics).unwrap();
    assert_eq!(message.stamp(), Stamp { ts_ms, nonce });
    let observed = message.observed().unwrap();
    assert_eq!((observed.mode, observed.miss_rate), (Some(Mode::Degraded), Ratio::of(1, 3)));

    let command = CommandMessage { device_id: device(), ts_ms, nonce, mode: Mode::Normal };
    let command = sign(&key(), &command).unwrap();
    assert_eq!(verify(&key(), &device(), &command).unwrap().command().unwrap().mode, Mode::Normal);
    // Who knows no signatures reads it as ever.
    assert_eq!(crate::json::decode_lab_command(&command).unwrap().mode, Mode::Normal);
}

#[test]
fn everything_else_is_refused_with_its_reason() {
    let good = signed(&stamped(json!({"Mode": "DEGRADED"})));
    let hex = good.find("hmac").unwrap() + 7;
    let refusal = |text: &str| verify(&key(), &device(), text.as_bytes()).unwrap_err();
    assert!(verify(&key(), &device(), good.as_bytes()).is_ok());

    assert_eq!(refusal(r#"{"Mode":"DEGRADED"}"#), Refusal::Unsigned);
    assert_eq!(refusal(r#"{"Mode":"DEGRADED","hmac":null}"#), Refusal::BadSignature);
    assert_eq!(
        refusal(&good.replace(&good[hex..hex + 64], &good[hex..hex + 64].to_uppercase())),
        Refusal::BadSignature
    );
    assert_eq!(refusal(&good.replace("DEGRADED", "NORMAL")), Refusal::Wrong);
    assert_eq!(refusal(&good.replace('}', r#","x":1}"#)), Refusal::Wrong);
    assert_eq!(refusal(&"[".repeat(1000)), refusal("["));
    for no_object in ["", "null", "[]", "{", "{}}", "{\"a\":NaN}", "\u{feff}{}"] {
        assert!(matches!(refusal(no_object), Refusal::Malformed(_)), "{no_object}");
    }
    assert_eq!(refusal(&format!("{good}{}", " ".repeat(MAX_SIGNED))), Refusal::Oversize(good.len() + MAX_SIGNED));
    let other_device = "device2".parse().unwrap();
    assert_eq!(verify(&key(), &other_device, good.as_bytes()).unwrap_err(), Refusal::OtherDevice);
    let other_key = LabKey::from_text(&DIGITS.replace('0', "1")).unwrap();
    assert_eq!(verify(&other_key, &device(), good.as_bytes()).unwrap_err(), Refusal::Wrong);
}

#[test]
fn a_rightly_signed_message_still_needs_its_members() {
    for (change, expected) in [
        (json!({"nonce": "b3f1a9c"}), "nonce: allowed are 8 hexadecimal digits"),
        (json!({"nonce": 7}), "nonce: allowed: 8 hexadecimal digits"),
        (json!({"ts_ms": -1}), "ts_ms: allowed: milliseconds since 1970"),
        (json!({"ts_ms": 1e300}), "ts_ms: allowed: milliseconds since 1970"),
        (json!({"ts_ms": "1730000000000"}), "ts_ms: allowed: milliseconds since 1970"),
        (json!({"device_id": 1}), "device_id: allowed: a device name"),
        (json!({"data": [1]}), "data: allowed: an object"),
    ] {
        let text = signed(&stamped(change));
        let error = verify(&key(), &device(), text.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{text}: {error}");
    }
    for name in ["device_id", "ts_ms", "nonce"] {
        let mut message = stamped(json!({}));
        message.as_object_mut().unwrap().remove(name);
        let error = verify(&key(), &device(), signed(&message).as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{name}: missing")), "{error}");
    }
    let decimals = signed(&stamped(json!({"ts_ms": 1_730_000_000_000.75})));
    assert_eq!(verify(&key(), &device(), decimals.as_bytes()).unwrap().stamp().ts_ms, 1_730_000_000_000);
}

#[test]
fn the_depth_is_bounded() {
    let lists = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    let objects = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    assert_eq!(canonical(lists(MAX_DEPTH - 1).as_bytes()).unwrap(), lists(MAX_DEPTH - 1));
    assert_eq!(canonical(objects(MAX_DEPTH).as_bytes()).unwrap(), objects(MAX_DEPTH));
    for deep in [lists(MAX_DEPTH), objects(MAX_DEPTH + 1), lists(8_000), objects(2_500)] {
        assert_eq!(canonical(deep.as_bytes()), Err(Refusal::TooDeep));
    }
}

#[test]
fn the_last_of_two_members_of_one_name_counts() {
    assert_eq!(canonical(br#"{"a":1,"b":[ 2 , {"c":0,"\u0063":3} ],"a":{}}"#).unwrap(), r#"{"a":{},"b":[2,{"c":3}]}"#);
}

#[test]
fn an_empty_object_can_be_signed() {
    let text = signed(&json!({}));
    assert!(text.starts_with("{\"hmac\":\""), "{text}");
    assert!(matches!(verify(&key(), &device(), text.as_bytes()), Err(Refusal::Member { name: "device_id", .. })));
    assert_eq!(
        sign(&key(), &7),
        Err(Refusal::Malformed("invalid type: integer `7`, expected a map at line 1 column 1".to_owned()))
    );
}
