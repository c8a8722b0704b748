//! Seconds of a run put together to stretches that are long enough to tell quantiles from.

use super::recorded::{Recorded, Second};
use crate::run::samples_needed;
use crate::stats;

/// Lengths of a stretch that may be, in seconds.
const LENGTHS_S: [u64; 13] = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200];
/// Most stretches of a run.
const MOST: f64 = 120.0;
/// Fewest stretches that are still a course of time.
const FEWEST: f64 = 10.0;

/// A stretch of a run. What cannot be told is `NAN`, a gap in a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stretch {
    /// Its middle, in seconds since the start of the run.
    pub(super) at_s: f64,
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
    pub(super) max_us: f64,
    /// 0 to 1.
    pub(super) miss_rate: f64,
    /// Share of windows that closed in DEGRADED.
    pub(super) degraded: f64,
}

/// The shortest length with which the runs have enough jobs a stretch for a 99th percentile, and not too many stretches; in seconds.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive number of seconds")]
pub(super) fn stretch_s(runs: &[&Recorded]) -> u64 {
    let longest_s = runs.iter().map(|run| run.duration_ms / 1000.0).fold(0.0, f64::max);
    let jobs_a_second: Vec<f64> = runs
        .iter()
        .filter(|run| run.duration_ms > 0.0)
        .map(|run| run.run.run as f64 / run.duration_ms * 1000.0)
        .collect();
    let needed = samples_needed(0.99).unwrap_or(u64::MAX) as f64;
    let jobs = stats::median(&jobs_a_second).unwrap_or(0.0);
    let fits = |length: &u64| {
        let (length, count) = (*length as f64, longest_s / *length as f64);
        count <= MOST && (jobs * length >= needed || count / 2.0 < FEWEST)
    };
    LENGTHS_S.into_iter().find(fits).unwrap_or((longest_s / MOST).ceil() as u64)
}

/// The run in stretches of this length.
pub(super) fn stretches(run: &Recorded, length_s: u64) -> Vec<Stretch> {
    let length_s = length_s.max(1);
    let Some(last) = run.seconds.keys().next_back() else { return Vec::new() };
    (0..=last / length_s)
        .map(|number| {
            let from = number * length_s;
            let mut whole = Second::default();
            for second in run.seconds.range(from..from + length_s).map(|(_, second)| second) {
                whole.wakeup.merge(&second.wakeup);
                whole.jobs = whole.jobs.saturating_add(second.jobs);
                whole.misses = whole.misses.saturating_add(second.misses);
                whole.windows += second.windows;
                whole.degraded += second.degraded;
            }
            stretch(&whole, (from as f64) + length_s as f64 / 2.0)
        })
        .collect()
}

fn stretch(whole: &Second, at_s: f64) -> Stretch {
    let times = whole.wakeup.distribution();
    let share = |part: u64, all: u64| if all == 0 { f64::NAN } else { part as f64 / all as f64 };
    Stretch {
        at_s,
        p50_us: times.p50_us().unwrap_or(f64::NAN),
        p99_us: times.p99_us().unwrap_or(f64::NAN),
        max_us: times.max_us().unwrap_or(f64::NAN),
        miss_rate: share(whole.misses, whole.jobs),
        degraded: share(whole.degraded, whole.windows),
    }
}

/// Medians over runs of a figure, stretch by stretch, as long as most of the runs last.
pub(super) fn medians(runs: &[Vec<Stretch>], figure: fn(&Stretch) -> f64) -> Vec<(f64, f64)> {
    let longest = runs.iter().map(Vec::len).max().unwrap_or(0);
    (0..longest)
        .filter_map(|number| {
            let here: Vec<&Stretch> = runs.iter().filter_map(|run| run.get(number)).collect();
            let values: Vec<f64> = here.iter().map(|one| figure(one)).filter(|value| value.is_finite()).collect();
            let at_s = here.first()?.at_s;
            (here.len() * 2 > runs.len()).then(|| (at_s, stats::median(&values).unwrap_or(f64::NAN)))
        })
        .collect()
}

/// A figure of one run, stretch by stretch.
pub(super) fn line(run: &[Stretch], figure: fn(&Stretch) -> f64) -> Vec<(f64, f64)> {
    run.iter().map(|one| (one.at_s, figure(one))).collect()
}
