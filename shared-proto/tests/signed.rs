//! Signatures: those that Python computed, and what no change of a signed message gets past.

#![expect(clippy::expect_used, reason = "helpers of tests fail by panicking")]

use proptest::collection::{hash_map, vec};
use proptest::prelude::*;
use proptest::sample::Index;
use serde::Deserialize;
use shared_proto::sign::{Key, NotSigned, OVERHEAD, Refusal, sign, verify};
use shared_proto::wire::{Ack, Report, SetMode, Status};

/// One of `vectors/signed/native.json`, which `sign.py` beside it wrote.
#[derive(Deserialize)]
struct Case {
    name: String,
    key_file: String,
    topic: String,
    payload: String,
    signed: String,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../vectors/signed/native.json")).expect("vectors")
}

fn signed(key: &Key, topic: &str, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0; payload.len() + OVERHEAD];
    let length = sign(key, topic, payload, &mut out).expect("a message that can be signed");
    assert_eq!(length, out.len());
    out
}

#[test]
fn signatures_are_those_of_other_implementations() {
    for Case { name, key_file, topic, payload, signed: expected } in cases() {
        let key = Key::from_hex(&key_file).expect(&name);
        assert_eq!(String::from_utf8(signed(&key, &topic, payload.as_bytes())).expect(&name), expected, "{name}");
        assert_eq!(verify(&key, &topic, expected.as_bytes()).expect(&name).payload(), expected.as_bytes(), "{name}");
    }
}

#[test]
fn a_signed_message_reads_as_the_message_itself() {
    fn same<T: serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(case: &Case) {
        let mut unescaped = [0; 256];
        let message: T = serde_json::from_str(&case.payload).expect(&case.name);
        assert_eq!(serde_json::from_str::<T>(&case.signed).expect(&case.name), message, "{}", case.name);
        let (core, _) = serde_json_core::from_str_escaped::<T>(&case.signed, &mut unescaped).expect(&case.name);
        assert_eq!(core, message, "{}", case.name);
    }
    for case in &cases() {
        match case.topic.rsplit('/').next() {
            Some("command") => same::<SetMode>(case),
            Some("report") => same::<Report>(case),
            Some("status") => same::<Status>(case),
            Some("ack") => same::<Ack>(case),
            other => panic!("{}: {other:?}", case.name),
        }
    }
}

/// Objects of texts under names: what they mean is all the same.
fn payload() -> impl Strategy<Value = Vec<u8>> {
    hash_map(".{1,8}", ".{0,60}", 1..6).prop_map(|members| serde_json::to_vec(&members).expect("JSON"))
}

fn topic() -> impl Strategy<Value = String> {
    "[!-~]{1,20}(/[a-zé]{1,10}){0,3}"
}

fn key() -> impl Strategy<Value = Key> {
    vec(any::<u8>(), 32..=64).prop_map(|bytes| Key::from_bytes(&bytes).expect("a key"))
}

proptest! {
    #[test]
    fn any_flipped_bit_is_refused(key in key(), topic in topic(), payload in payload(), bit in any::<Index>()) {
        let good = signed(&key, &topic, &payload);
        prop_assert!(verify(&key, &topic, &good).is_ok());
        let bit = bit.index(good.len() * 8);
        let mut bad = good;
        bad[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(verify(&key, &topic, &bad).is_err());
    }

    #[test]
    fn any_other_topic_is_refused(key in key(), topic in topic(), other in topic(), payload in payload()) {
        prop_assume!(topic != other);
        let signed = signed(&key, &topic, &payload);
        prop_assert_eq!(verify(&key, &other, &signed), Err(Refusal::Wrong));
    }

    #[test]
    fn any_other_key_is_refused(key in key(), other in vec(any::<u8>(), 32..=64), topic in topic(), payload in payload()) {
        let other = Key::from_bytes(&other).expect("a key");
        let signed = signed(&key, &topic, &payload);
        prop_assert_eq!(verify(&other, &topic, &signed), Err(Refusal::Wrong));
    }

    #[test]
    fn any_cut_or_addition_is_refused(key in key(), topic in topic(), payload in payload(), at in any::<Index>(), more in vec(any::<u8>(), 1..4)) {
        let good = signed(&key, &topic, &payload);
        let at = at.index(good.len());
        prop_assert!(verify(&key, &topic, &good[..at]).is_err());
        let mut longer = good;
        longer.splice(at..at, more);
        prop_assert!(verify(&key, &topic, &longer).is_err());
    }

    #[test]
    fn nothing_makes_it_panic(key in key(), topic in ".{0,20}", bytes in vec(any::<u8>(), 0..200), room in 0..300_usize) {
        prop_assert!(verify(&key, &topic, &bytes).is_err());
        let mut out = vec![0; room];
        match sign(&key, &topic, &bytes, &mut out) {
            Ok(length) => prop_assert!(verify(&key, &topic, &out[..length]).is_ok()),
            Err(NotSigned::NoRoom { needed, .. }) => prop_assert!(needed > room),
            Err(NotSigned::NotAnObject) => {
                let object = bytes.starts_with(b"{") && bytes.ends_with(b"}") && bytes.len() > 2;
                prop_assert!(!object || bytes[1..bytes.len() - 1].iter().all(u8::is_ascii_whitespace));
            }
            Err(NotSigned::Topic) => prop_assert!(topic.contains('\0')),
        }
    }
}

/// Every bit of one message, not only those that chance picks.
#[test]
fn every_single_flipped_bit_of_a_command_is_refused() {
    let case = cases().into_iter().next().expect("a vector");
    let key = Key::from_hex(&case.key_file).expect("a key");
    let mut payload = case.signed.into_bytes();
    for bit in 0..payload.len() * 8 {
        payload[bit / 8] ^= 1 << (bit % 8);
        assert!(verify(&key, &case.topic, &payload).is_err(), "bit {bit}");
        payload[bit / 8] ^= 1 << (bit % 8);
    }
    assert!(verify(&key, &case.topic, &payload).is_ok());
}
