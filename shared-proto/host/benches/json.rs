//! The JSON codec of the two programs, with the golden vectors.

#![expect(clippy::unwrap_used, reason = "the golden vectors are valid")]

use std::time::Duration;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use shared_host::json::{decode_command, decode_report, encode, encode_into};
use shared_host::lab_sign::{LabKey, verify};
use shared_proto::limits::MAX_REPORT;

const REPORT: &str = include_str!("../../vectors/native/report-full.json");
const COMMAND: &str = include_str!("../../vectors/native/command-full.json");
const SIGNED_LAB: &str = include_str!("../../vectors/signed/lab.json");

fn main() {
    // Long enough for a median that comes again on a busy machine; the command line may say otherwise.
    divan::Divan::default().min_time(Duration::from_millis(500)).config_with_args().main();
}

/// Into a buffer that is there already.
#[divan::bench]
fn encode_report_into_buffer(bencher: Bencher) {
    let report = decode_report(REPORT.as_bytes()).unwrap();
    let mut buffer = [0; MAX_REPORT];
    let length = encode_into(&report, &mut buffer).unwrap();
    bencher
        .counter(BytesCount::new(length))
        .bench_local(|| encode_into(black_box(&report), black_box(&mut buffer)).unwrap());
}

/// As the agent does for each report: into memory of its own.
#[divan::bench]
fn encode_report(bencher: Bencher) {
    let report = decode_report(REPORT.as_bytes()).unwrap();
    let length = encode(&report, MAX_REPORT).unwrap().len();
    bencher.counter(BytesCount::new(length)).bench_local(|| encode(black_box(&report), MAX_REPORT).unwrap());
}

/// As the gateway does, with all checks.
#[divan::bench]
fn decode_report_checked(bencher: Bencher) {
    bencher.counter(BytesCount::of_str(REPORT)).bench_local(|| decode_report(black_box(REPORT.as_bytes())).unwrap());
}

/// As the agent does: the version first, then the command.
#[divan::bench]
fn decode_command_checked(bencher: Bencher) {
    bencher.counter(BytesCount::of_str(COMMAND)).bench_local(|| decode_command(black_box(COMMAND.as_bytes())).unwrap());
}

/// A classroom message: printed again as Python does, then verified.
#[divan::bench]
fn verify_lab_metrics(bencher: Bencher) {
    let cases: serde_json::Value = serde_json::from_str(SIGNED_LAB).unwrap();
    let case = cases.get(0).unwrap();
    let text = |name: &str| case.get(name).and_then(serde_json::Value::as_str).unwrap();
    let key = LabKey::from_text(text("key_file")).unwrap();
    let (device, payload) = ("device1".parse().unwrap(), text("signed").as_bytes());
    bencher
        .counter(BytesCount::of_slice(payload))
        .bench_local(|| verify(&key, black_box(&device), black_box(payload)).unwrap().observed().unwrap());
}
