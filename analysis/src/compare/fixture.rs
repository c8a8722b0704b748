//! Runs for tests.

use std::sync::atomic::{AtomicU64, Ordering};

use shared_proto::wire::Schedule;

use crate::Source;
use crate::run::{Distribution, Recorder, Run, RunFile, Settings, Task};

/// Factors of five runs, as they vary from run to run.
pub(super) const QUIET: [f64; 5] = [1.0, 1.01, 0.99, 1.02, 0.985];
/// The same, with as much noise as there is on a busy machine.
pub(super) const NOISY: [f64; 5] = [1.0, 1.5, 0.7, 1.2, 0.9];

/// Wake-ups with a median of about 10 us, p99 of about 30 us and p99.9 of about 100 us, times `factor`. The least one is
/// different each time, so that no two runs are copies.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive and far below 2^53")]
pub(super) fn wakeups(samples: u32, factor: f64) -> Distribution {
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    let mut recorder = Recorder::default();
    recorder.record(SERIAL.fetch_add(1, Ordering::Relaxed));
    for i in 1..samples {
        let base_us = match i % 1000 {
            0..=2 => 100.0,
            3..=19 => 30.0,
            i => 8.0 + f64::from(i % 9) / 2.0,
        };
        recorder.record((base_us * factor * 1000.0) as u64);
    }
    recorder.distribution()
}

/// One run of 10,000 releases at 1 ms.
pub(super) fn run(scenario: &str, factor: f64, misses: u64) -> Run {
    Run {
        scenario: scenario.to_owned(),
        repetition: 1,
        task: Task { period_us: 1000.0, deadline_us: 1000.0, ..Task::default() },
        elapsed_ms: 10_000.0,
        releases: 10_000,
        run: 10_000,
        misses,
        epochs: 1,
        wakeup_us: wakeups(4000, factor),
        response_us: wakeups(4000, factor * 4.0),
        cpu: Some(0.05 * factor),
        settings: Settings { schedule: Some(Schedule::Fifo), priority: 80, locked: true, ..Settings::default() },
        ..Run::default()
    }
}

/// One run for each factor, without misses.
pub(super) fn runs(scenario: &str, factors: &[f64], times: f64) -> Vec<Run> {
    factors.iter().map(|factor| run(scenario, factor * times, 0)).collect()
}

/// The runs of one file.
pub(super) fn source(name: &str, runs: &[Run]) -> Source {
    Source::in_memory(name, RunFile { runs: runs.to_vec(), ..RunFile::default() })
}
