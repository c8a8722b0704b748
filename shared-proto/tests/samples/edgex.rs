use shared_proto::dialect::edgex::{Metrics, Reading, machine};
use shared_proto::histogram::Latency;
use shared_proto::ids::BootId;
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::units::Ratio;
use shared_proto::wire::Host;

use super::BOOT;

/// A second of a task of 100 Hz.
pub(crate) fn metrics() -> Metrics {
    Metrics {
        miss_rate: Ratio::of(1, 80),
        jitter_p99_ns: 83_500,
        jitter_max_ns: 120_250,
        response_p99_ns: 7_100_000,
        response_max_ns: 8_200_001,
        jobs: 100,
        misses: 2,
        skipped: 1,
        total_jobs: 12_345,
        total_misses: 17,
        period_us: 10_000,
        deadline_us: 8_000,
        workload: Ratio::of(6, 10),
        seq: 42,
        boot: BOOT,
        dev_time_ns: 1_763_690_000_123_000_000,
        up_ms: 123_450,
        mode: Mode::Degraded,
        mode_source: ModeSource::Gateway,
    }
}

/// Before the first job.
pub(crate) fn empty_window() -> Metrics {
    let none = Latency::default();
    let first = Metrics { seq: 1, period_us: 10_000, deadline_us: 8_000, ..Metrics::first(BOOT) };
    first.with_latencies(&none, &none)
}

/// The greatest values there can be.
pub(crate) fn extremes() -> Metrics {
    Metrics {
        miss_rate: Ratio::ONE,
        jitter_p99_ns: 1_000_000_000_000_000,
        jitter_max_ns: 1_000_000_000_000_000,
        response_p99_ns: 1_000_000_000_000_000,
        response_max_ns: 1_000_000_000_000_000,
        jobs: u64::MAX,
        misses: u64::MAX,
        skipped: u64::MAX,
        total_jobs: u64::MAX,
        total_misses: u64::MAX,
        period_us: u32::MAX,
        deadline_us: u32::MAX,
        workload: Ratio::ONE,
        seq: u64::MAX,
        boot: BootId(u64::MAX),
        dev_time_ns: i64::MAX,
        up_ms: u64::MAX,
        mode: Mode::Normal,
        mode_source: ModeSource::Operator,
    }
}

pub(crate) fn temperature() -> Reading {
    let [_, temp_c, _] = machine(&Host { temp_c: Some(48.2), ..Host::default() });
    temp_c.expect("the temperature")
}
