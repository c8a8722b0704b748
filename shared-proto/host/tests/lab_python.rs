//! The classroom's signatures against the Python that they come from, in both directions.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests: a failure is the test's failure"
)]

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use shared_host::lab_sign::{LabKey, Message, Refusal, canonical, sign, verify};
use shared_proto::ids::DeviceId;

const DIGITS: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// Answers a line of JSON with a line of JSON. `text` comes as it crosses the wire.
const SCRIPT: &str = r#"
import hashlib, hmac, json, sys

def canonical(message):
    return json.dumps(message, sort_keys=True, separators=(",", ":"))

def code(key, message):
    return hmac.new(key, canonical(message).encode(), hashlib.sha256).hexdigest()

STYLES = [{}, {"separators": (",", ":")}, {"indent": 3}, {"ensure_ascii": False}, {"sort_keys": True}]

for line in sys.stdin.buffer:
    request = json.loads(line)
    key = request["key"].encode()
    message = json.loads(request["text"])
    if request["do"] == "print":
        answer = canonical(message)
    elif request["do"] == "sign":
        message.pop("hmac", None)
        message["hmac"] = code(key, message)
        answer = json.dumps(message, **STYLES[request["style"]])
    else:
        tag = message.pop("hmac")
        answer = hmac.compare_digest(code(key, message), tag)
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
    sys.stdout.buffer.flush()
"#;

/// A Python that answers until it is dropped.
struct Python {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Python {
    fn start() -> RefCell<Self> {
        let mut command = Command::new("python3");
        command.args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("python3, which tests/all installs");
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        RefCell::new(Self { child, to, from })
    }

    fn ask(&mut self, request: &Value) -> Value {
        writeln!(self.to, "{request}").unwrap();
        let mut answer = String::new();
        self.from.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error} in {answer:?} to {request}"))
    }

    fn print(&mut self, text: &str) -> String {
        self.ask(&json!({"do": "print", "key": "", "text": text})).as_str().unwrap().to_owned()
    }

    fn sign(&mut self, text: &str, style: usize) -> String {
        let request = json!({"do": "sign", "key": DIGITS, "text": text, "style": style});
        self.ask(&request).as_str().unwrap().to_owned()
    }

    fn confirms(&mut self, text: &str) -> bool {
        self.ask(&json!({"do": "verify", "key": DIGITS, "text": text})).as_bool().unwrap()
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn key() -> LabKey {
    LabKey::from_text(DIGITS).unwrap()
}

fn check(payload: &str) -> Result<Message<'_>, Refusal> {
    let device: DeviceId = "device1".parse().unwrap();
    verify(&key(), &device, payload.as_bytes())
}

/// Numbers as texts, in every spelling that JSON has.
fn number() -> impl Strategy<Value = String> {
    let bits = any::<u64>().prop_map(f64::from_bits).prop_filter("finite", |number| number.is_finite());
    let spelt = (bits, 0..4_u8).prop_map(|(number, style)| match style {
        0 => format!("{number:e}"),
        1 => format!("{number:E}").replace("E", "E+").replace("E+-", "E-"),
        2 => serde_json::to_string(&number).unwrap(),
        _ => format!("{number:?}"),
    });
    prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        "-?[1-9][0-9]{0,60}",
        "-?(0|[1-9][0-9]{0,3})\\.[0-9]{1,6}",
        "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,20})?[eE][+-]?[0-2]?[0-9]{1,2}",
        // Where Python turns to exponents, and back.
        "[1-9]\\.?[0-9]{1,17}e(-6|-5|-4|-3|14|15|16|17)",
        "0\\.000[0-9]{1,18}",
        "[0-9]{0}[1-9][0-9]{13,18}\\.[0-9]",
        spelt,
        select(vec!["0", "-0", "-0.0", "0e9", "5e-324", "1e16", "1e15", "1e-4", "1e-5"]).prop_map(str::to_owned),
    ]
}

/// Texts as JSON, with and without escapes.
fn text() -> impl Strategy<Value = String> {
    let plain =
        prop_oneof![".{0,12}", "[\\x00-\\x7f]{0,8}", "[\u{7f}-\u{a0}\u{2028}\u{d7ff}\u{e000}\u{fffd}-\u{10010}]{0,4}"];
    (plain, any::<bool>()).prop_map(|(text, escaped)| {
        let written = serde_json::to_string(&text).unwrap();
        if !escaped {
            return written;
        }
        let units = text.encode_utf16().map(|unit| format!("\\u{unit:04X}"));
        format!("\"{}\"", units.collect::<String>())
    })
}

fn blank() -> impl Strategy<Value = &'static str> {
    select(vec!["", "", "", " ", "\n\t", "\r "])
}

fn object(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    // Few names, so that some come twice.
    let name = prop_oneof![2 => "[a-zA-Z_]".prop_map(|name| format!("\"{name}\"")), 1 => text()];
    vec((blank(), name, blank(), value), 0..6).prop_map(|members| {
        let members: Vec<String> = members
            .into_iter()
            .map(|(before, name, after, value)| format!("{before}{name}{after}:{before}{value}{after}"))
            .collect();
        format!("{{{}}}", members.join(","))
    })
}

fn value() -> impl Strategy<Value = String> {
    let word = select(vec!["null", "true", "false"]).prop_map(str::to_owned);
    let leaf = prop_oneof![4 => number(), 3 => text(), 1 => word];
    leaf.prop_recursive(4, 24, 5, |inner| {
        let list = (vec(inner.clone(), 0..5), blank())
            .prop_map(|(values, blank)| format!("[{blank}{}]", values.join(&format!("{blank},"))));
        prop_oneof![list, object(inner)]
    })
}

fn any_object() -> impl Strategy<Value = String> {
    object(value())
}

/// A message with all that a verified one needs.
fn message() -> impl Strategy<Value = String> {
    (any_object(), 0..1_u64 << 50, "[0-9a-f]{8}", any_object()).prop_map(|(data, ts_ms, nonce, more)| {
        format!(r#"{{"device_id": "device1", "more": {more}, "ts_ms": {ts_ms}, "nonce": "{nonce}", "data": {data}}}"#)
    })
}

fn run<S: Strategy>(cases: u32, strategy: &S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config).run(strategy, test).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn an_object_is_printed_as_python_prints_it() {
    let python = Python::start();
    run(1_000, &any_object(), |text| {
        let own = canonical(text.as_bytes());
        // Beyond the range Python says Infinity, which is not JSON.
        let theirs = python.borrow_mut().print(&text);
        if own.is_err() && theirs.contains("Infinity") {
            return Ok(());
        }
        prop_assert_eq!(own.unwrap(), theirs);
        Ok(())
    });
}

#[test]
fn numbers_are_printed_as_python_prints_them() {
    let python = Python::start();
    let same = |numbers: &[String]| {
        let text = format!("{{\"n\":[{}]}}", numbers.join(","));
        prop_assert_eq!(canonical(text.as_bytes()).unwrap(), python.borrow_mut().print(&text));
        Ok(())
    };
    // At powers of two the neighbours below are nearer than those above.
    let powers = (0..2_047_u64).map(|exponent| f64::from_bits(exponent << 52));
    let near = powers.flat_map(|power| [power.next_down(), power, power.next_up()]).map(|number| format!("{number:e}"));
    for numbers in near.collect::<Vec<_>>().chunks(200) {
        same(numbers).unwrap();
    }
    let printable = |text: &String| !text.contains(['.', 'e', 'E']) || text.parse::<f64>().is_ok_and(f64::is_finite);
    run(150, &vec(number(), 100), |mut numbers| {
        numbers.retain(printable);
        same(&numbers)
    });
}

#[test]
fn what_python_signs_is_verified_and_what_changes_is_not() {
    let python = Python::start();
    run(500, &(message(), 0..5_usize, any::<Index>(), any::<u8>()), |(text, style, place, byte)| {
        let signed = python.borrow_mut().sign(&text, style);
        match check(&signed) {
            Ok(_) => {}
            Err(Refusal::Malformed(why)) if signed.contains("Infinity") => return Err(TestCaseError::reject(why)),
            Err(refusal) => return Err(TestCaseError::fail(format!("{refusal}: {signed}"))),
        }
        // Another byte at any place: refused, unless it is another spelling of the same values; Python is asked which.
        let mut changed = signed.clone().into_bytes();
        let place = place.index(changed.len());
        changed[place] = byte;
        if let Ok(changed) = String::from_utf8(changed)
            && check(&changed).is_ok()
        {
            prop_assert!(python.borrow_mut().confirms(&changed), "{changed}");
        }
        Ok(())
    });
}

#[test]
fn what_this_side_signs_python_verifies() {
    let python = Python::start();
    let json = message().prop_filter_map("a number beyond the range", |text| serde_json::from_str::<Value>(&text).ok());
    run(500, &json, |message| {
        let signed = String::from_utf8(sign(&key(), &message).unwrap()).unwrap();
        prop_assert!(python.borrow_mut().confirms(&signed), "{signed}");
        let forged = signed.replace("\"device1\"", "\"device2\"");
        prop_assert!(!python.borrow_mut().confirms(&forged), "{forged}");
        Ok(())
    });
}

/// The golden vectors are what Python computes today.
#[test]
fn the_vectors_are_those_that_python_writes() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../vectors/signed/sign.py");
    let status = Command::new("python3").args([script, "--check"]).status().expect("python3, which tests/all installs");
    assert!(status.success());
}
