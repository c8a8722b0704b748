//! What a report costs the gateway, from the bytes that came to the decision: with ten thousand devices, whose state is in no cache.

#![expect(clippy::unwrap_used, reason = "the golden vectors are valid")]

use std::time::Duration;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use gateway_controller::config::Config;
use gateway_controller::fleet::{Action, Fleet, Moment};
use gateway_controller::link::Topics;
use shared_host::json::{decode_report, encode};
use shared_host::mqtt::{Received, Retained};
use shared_proto::limits::MAX_REPORT;
use shared_proto::units::Ratio;
use shared_proto::wire::Report;

const REPORT: &str = include_str!("../../shared-proto/vectors/native/report-full.json");
const DEVICES: u64 = 10_000;

fn main() {
    // Long enough for a median that comes again on a busy machine; the command line may say otherwise.
    divan::Divan::default().min_time(Duration::from_millis(1_000)).config_with_args().main();
}

/// All devices in turn, a window a second each.
struct Source {
    template: Report,
    number: u64,
}

impl Source {
    fn new() -> Self {
        let mut template = decode_report(REPORT.as_bytes()).unwrap();
        template.merged = 1;
        Self { template, number: 0 }
    }

    /// The next report: one of two hundred is above the threshold.
    fn next(&mut self) -> (Moment, Received) {
        let (turn, device) = (self.number / DEVICES + 1, self.number % DEVICES);
        self.number += 1;
        let mut report = self.template.clone();
        report.device = format!("pi-{device:05}").parse().unwrap();
        report.seq = turn;
        report.up_ms = 1_000 * turn;
        report.total.jobs = report.jobs * turn;
        report.total.misses = report.misses * turn;
        report.total.skipped = report.skipped * turn;
        report.miss_rate = if self.number.is_multiple_of(200) { Ratio::of(1, 10) } else { Ratio::ZERO };
        let payload = encode(&report, MAX_REPORT).unwrap();
        let received = Received { topic: format!("edge/{}/report", report.device), payload, retained: Retained::Live };
        (Moment::from_millis(1_000 * turn + device / 10), received)
    }
}

/// Decoding, every check, presence, counts, policy, and the commands that follow, encoded.
#[divan::bench]
fn report_to_decision(bencher: Bencher) {
    let config = Config::embedded("mqtt://localhost".parse().unwrap()).unwrap();
    let mut topics = Topics::new(config.root, config.dialects);
    let mut fleet = Fleet::new(config.fleet, 7);
    let mut out = Vec::new();
    fleet.link_up(1, &mut out);
    let mut source = Source::new();
    let mut take = |(now, received): (Moment, Received)| {
        topics.try_take(&mut fleet, now, &received, &mut out).unwrap();
        for action in out.drain(..) {
            if let Action::Send(command) = action {
                black_box(topics.message(&command));
            }
        }
    };
    // Every device is known before.
    (0..2 * DEVICES).for_each(|_| take(source.next()));
    bencher.counter(ItemsCount::new(1u32)).with_inputs(|| source.next()).bench_local_values(&mut take);
}

/// The same bytes read into a tree by `serde_json`, and nothing done with them: what a controller without types would begin with.
#[divan::bench]
fn peer_serde_json_value(bencher: Bencher) {
    let mut source = Source::new();
    bencher.counter(ItemsCount::new(1u32)).with_inputs(|| source.next()).bench_local_values(|(_, received)| {
        serde_json::from_slice::<serde_json::Value>(black_box(&received.payload)).unwrap()
    });
}

/// Of [`report_to_decision`], the decoding with its checks.
#[divan::bench]
fn decode_alone(bencher: Bencher) {
    let mut source = Source::new();
    bencher
        .counter(ItemsCount::new(1u32))
        .with_inputs(|| source.next())
        .bench_local_values(|(_, received)| decode_report(black_box(&received.payload)).unwrap());
}
