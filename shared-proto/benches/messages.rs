//! The parts that a microcontroller has too: histogram, policy, and the messages through a codec without an allocator.

#![expect(clippy::unwrap_used, reason = "the golden vectors are valid")]

use std::time::Duration;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use shared_proto::histogram::{BUCKETS, Histogram, Latency};
use shared_proto::limits::{MAX_COMMAND, MAX_REPORT};
use shared_proto::policy::{Observation, PolicyConfig, PolicyState};
use shared_proto::sign::{Key, OVERHEAD, sign, verify};
use shared_proto::units::Ratio;
use shared_proto::wire::{Report, SetMode};

const REPORT: &str = include_str!("../vectors/native/report-full.json");
const COMMAND: &str = include_str!("../vectors/native/command-full.json");
const TOPIC: &str = "edge/pi-01/report";

fn main() {
    // Long enough for a median that comes again on a busy machine; the command line may say otherwise.
    divan::Divan::default().min_time(Duration::from_millis(500)).config_with_args().main();
}

#[divan::bench]
fn histogram_record(bencher: Bencher) {
    let mut histogram = Histogram::default();
    let mut number = 0;
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| {
        histogram.record(black_box(latency_ns(number)));
        number += 1;
    });
}

/// Histogram and exact extremes.
#[divan::bench]
fn latency_record(bencher: Bencher) {
    let mut latency = Latency::default();
    let mut number = 0;
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| {
        latency.record(black_box(latency_ns(number)));
        number += 1;
    });
}

#[divan::bench]
fn latency_merge(bencher: Bencher) {
    let mut window = Latency::default();
    (0..1000).for_each(|number| window.record(latency_ns(number)));
    let mut sum = Latency::default();
    // A bucket holds 2^32 - 1: room for millions of windows; then the sum starts anew.
    bencher.counter(ItemsCount::new(BUCKETS)).bench_local(|| {
        if sum.merge(black_box(&window)).is_err() {
            sum = Latency::default();
        }
    });
}

#[divan::bench]
fn latency_p99(bencher: Bencher) {
    let mut window = Latency::default();
    (0..1000).for_each(|number| window.record(latency_ns(number)));
    bencher.bench_local(|| black_box(&window).quantile_ns(black_box(0.99)));
}

#[divan::bench]
fn policy_step(bencher: Bencher) {
    let config = PolicyConfig::default();
    let mut state = PolicyState::default();
    let seen = Observation { elapsed_ms: 200, jobs: 200, miss_rate: Ratio::of(3, 250), cpu: Some(Ratio::of(1, 3)) };
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| state.step(black_box(&config), black_box(&seen)));
}

#[divan::bench]
fn core_encode_report(bencher: Bencher) {
    let report: Report = serde_json::from_str(REPORT).unwrap();
    let mut buffer = [0; MAX_REPORT];
    let length = serde_json_core::to_slice(&report, &mut buffer).unwrap();
    bencher
        .counter(BytesCount::new(length))
        .bench_local(|| serde_json_core::to_slice(black_box(&report), black_box(&mut buffer)).unwrap());
}

#[divan::bench]
fn core_decode_command(bencher: Bencher) {
    bencher.counter(BytesCount::of_str(COMMAND)).bench_local(|| {
        let mut unescaped = [0; MAX_COMMAND];
        serde_json_core::from_str_escaped::<SetMode>(black_box(COMMAND), &mut unescaped).unwrap()
    });
}

#[divan::bench]
fn sign_command(bencher: Bencher) {
    bench_sign(bencher, COMMAND);
}

#[divan::bench]
fn sign_report(bencher: Bencher) {
    bench_sign(bencher, REPORT);
}

#[divan::bench]
fn verify_command(bencher: Bencher) {
    bench_verify(bencher, COMMAND);
}

#[divan::bench]
fn verify_report(bencher: Bencher) {
    bench_verify(bencher, REPORT);
}

fn bench_sign(bencher: Bencher, payload: &str) {
    let (key, payload) = (key(), payload.trim().as_bytes());
    let mut out = vec![0; payload.len() + OVERHEAD];
    bencher
        .counter(BytesCount::of_slice(payload))
        .bench_local(|| sign(&key, TOPIC, black_box(payload), black_box(&mut out)).unwrap());
}

fn bench_verify(bencher: Bencher, payload: &str) {
    let (key, payload) = (key(), payload.trim().as_bytes());
    let mut signed = vec![0; payload.len() + OVERHEAD];
    sign(&key, TOPIC, payload, &mut signed).unwrap();
    bencher.counter(BytesCount::of_slice(payload)).bench_local(|| verify(&key, TOPIC, black_box(&signed)).unwrap());
}

fn key() -> Key {
    Key::from_bytes(&[7; 32]).unwrap()
}

/// 3 to 67 us, scattered so that the next bucket cannot be guessed.
fn latency_ns(number: u64) -> u64 {
    3_000 + (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48)
}
