//! The periodic loop on a clock that obeys, with jobs whose lengths are chosen.

use std::cell::Cell;
use std::rc::Rc;

use proptest::prelude::*;
use shared_proto::mode::Mode;
use shared_proto::wire::{OverrunPolicy, Totals};

use super::periodic::{Periodic, Timing};
use super::record::JobRecord;
use super::time::{Clock, MonoTime};
use super::word::ModeWord;
use crate::gpio::{Level, Lines};
use crate::workload::{Job, Ran, Workload};

const MS: u64 = 1_000_000;

#[derive(Clone, Default)]
struct FakeClock {
    now: Rc<Cell<u64>>,
    naps: Rc<Cell<u64>>,
    late_ns: u64,
}

impl Clock for FakeClock {
    fn now(&mut self) -> MonoTime {
        MonoTime::from_nanos(self.now.get())
    }

    fn sleep_until(&mut self, instant: MonoTime) {
        self.naps.set(self.naps.get() + 1);
        if instant.as_nanos() > self.now.get() {
            self.now.set(instant.as_nanos() + self.late_ns);
        }
    }
}

/// Takes the given times, orders what the script says during a job, and stops after the last one.
struct Script<'a> {
    now: Rc<Cell<u64>>,
    word: &'a ModeWord,
    durations: std::vec::IntoIter<u64>,
    orders: Vec<(u64, Mode)>,
    job: u64,
    modes: Vec<Mode>,
}

impl Workload for Script<'_> {
    fn name(&self) -> &'static str {
        "script"
    }

    fn set_mode(&mut self, mode: Mode) {
        self.modes.push(mode);
    }

    fn run(&mut self, _: &mut Job<'_>) -> Ran {
        self.now.set(self.now.get() + self.durations.next().unwrap_or(0));
        for (change, &(job, mode)) in (1u64..).zip(&self.orders) {
            if job == self.job {
                self.word.order(mode, change);
            }
        }
        self.job += 1;
        if self.durations.len() == 0 {
            self.word.stop();
        }
        Ran::Whole
    }
}

#[derive(Default)]
struct Log {
    modes: Vec<Mode>,
    beats: u64,
}

impl Lines for Log {
    fn set_mode(&mut self, mode: Mode) {
        self.modes.push(mode);
    }
    fn heartbeat(&mut self) {
        self.beats += 1;
    }
    fn input(&mut self) -> Level {
        Level::Low
    }
    fn output(&mut self, _: Level) {}
    fn make_safe(&mut self) {}
}

struct Outcome {
    records: Vec<JobRecord>,
    total: Totals,
    lines: Log,
    naps: u64,
}

fn run(timing: Timing, durations: Vec<u64>, orders: Vec<(u64, Mode)>, late_ns: u64) -> Outcome {
    let word = ModeWord::default();
    let clock = FakeClock { late_ns, ..FakeClock::default() };
    let mut script = Script {
        now: Rc::clone(&clock.now),
        word: &word,
        durations: durations.into_iter(),
        orders,
        job: 0,
        modes: vec![],
    };
    let mut lines = Log::default();
    let mut records = Vec::new();
    let naps = Rc::clone(&clock.naps);
    let total = Periodic::new(clock, timing).run(&word, &mut lines, &mut script, |record| records.push(record));
    assert_eq!(lines.modes.first(), Some(&Mode::Normal), "the lines show the mode from the start");
    lines.modes.remove(0);
    assert_eq!(lines.modes, script.modes, "GPIO and workload see the same modes");
    Outcome { records, total, lines, naps: naps.get() }
}

fn timing() -> Timing {
    Timing {
        normal_period_ns: 20 * MS,
        degraded_period_ns: 20 * MS,
        deadline_ns: None,
        overrun: OverrunPolicy::SkipNext,
    }
}

#[test]
fn jobs_in_time_miss_nothing_and_cost_one_sleep_each() {
    let outcome = run(timing(), vec![5 * MS; 100], vec![], 60_000);
    assert_eq!(outcome.total, Totals { jobs: 100, misses: 0, skipped: 0 });
    assert_eq!(outcome.naps, 100);
    assert_eq!(outcome.lines.beats, 100);
    for record in &outcome.records {
        assert_eq!(record.start.nanos_since(record.release), 60_000);
    }
}

#[test]
fn the_grid_does_not_drift_with_late_wake_ups() {
    let outcome = run(timing(), vec![MS; 1000], vec![], 3 * MS);
    assert_eq!(outcome.records[999].release.nanos_since(outcome.records[0].release), 999 * 20 * MS);
}

#[test]
fn a_long_job_misses_once_for_itself_and_once_for_each_release_it_swallows() {
    let outcome = run(timing(), vec![MS, 65 * MS, MS], vec![], 0);
    let record = outcome.records[1];
    assert!(record.missed);
    assert_eq!((record.job, record.skipped), (1, 3));
    assert_eq!(outcome.total, Totals { jobs: 6, misses: 4, skipped: 3 });
    assert_eq!(outcome.records[2].job, 5);
}

#[test]
fn a_response_of_exactly_the_deadline_is_in_time() {
    let timing = Timing { deadline_ns: Some(5 * MS), ..timing() };
    let outcome = run(timing, vec![5 * MS, 5 * MS + 1], vec![], 0);
    assert!(!outcome.records[0].missed);
    assert!(outcome.records[1].missed);
}

#[test]
fn an_ordered_mode_takes_effect_at_the_next_release() {
    let outcome = run(timing(), vec![MS; 5], vec![(1, Mode::Degraded), (3, Mode::Normal)], 1000);
    assert_eq!(outcome.lines.modes, [Mode::Degraded, Mode::Normal]);
    let effects: Vec<_> = outcome.records.iter().map(|r| (r.effect.change, r.effect.mode, r.effect.job)).collect();
    assert_eq!(effects[1], (0, Mode::Normal, 0));
    assert_eq!(effects[2], (1, Mode::Degraded, 2));
    assert_eq!(effects[4], (2, Mode::Normal, 4));
    assert_eq!(outcome.records[2].effect.at, outcome.records[2].start);
}

#[test]
fn an_order_of_the_same_mode_is_confirmed_without_touching_the_lines() {
    let outcome = run(timing(), vec![MS; 3], vec![(0, Mode::Normal)], 0);
    assert_eq!(outcome.lines.modes, []);
    assert_eq!((outcome.records[1].effect.change, outcome.records[1].effect.job), (1, 1));
}

#[test]
fn another_period_begins_an_epoch_at_the_release_of_the_change() {
    let timing = Timing { degraded_period_ns: 40 * MS, ..timing() };
    let outcome = run(timing, vec![MS; 6], vec![(1, Mode::Degraded)], 0);
    let epochs: Vec<_> = outcome.records.iter().map(|r| (r.epoch, r.period_ns / MS)).collect();
    assert_eq!(epochs, [(0, 20), (0, 20), (1, 40), (1, 40), (1, 40), (1, 40)]);
    let first = outcome.records[2].release;
    assert_eq!(first.nanos_since(outcome.records[1].release), 20 * MS);
    assert_eq!(outcome.records[3].release.nanos_since(first), 40 * MS);
    // Without a deadline of its own the task has the period of the mode as deadline.
    let slow = run(timing, vec![MS, 30 * MS, 30 * MS], vec![(0, Mode::Degraded)], 0);
    assert_eq!(slow.total.misses, 0);
}

#[test]
fn a_long_period_still_hears_a_stop_between_naps() {
    let timing = Timing { normal_period_ns: 10_000 * MS, degraded_period_ns: 10_000 * MS, ..timing() };
    let outcome = run(timing, vec![MS; 2], vec![], 0);
    assert_eq!(outcome.naps, 2 * 20);
    assert_eq!(outcome.records[1].release.nanos_since(outcome.records[0].release), 10_000 * MS);
}

proptest! {
    /// The first invariant of the project, in every epoch.
    #[test]
    fn run_plus_skipped_is_released_in_every_epoch(
        durations in prop::collection::vec(0u64..150 * MS, 1..200),
        orders in prop::collection::vec((0u64..200, any::<bool>()), 0..10),
        late_ns in 0u64..90 * MS,
    ) {
        let timing = Timing { degraded_period_ns: 60 * MS, ..timing() };
        let mut orders: Vec<_> =
            orders.into_iter().map(|(job, slow)| (job, if slow { Mode::Degraded } else { Mode::Normal })).collect();
        orders.sort_by_key(|&(job, _)| job);
        let outcome = run(timing, durations, orders, late_ns);
        let records = &outcome.records;
        let skipped: u64 = records.iter().map(|r| r.skipped).sum();
        prop_assert_eq!(outcome.total.jobs, records.len() as u64 + skipped);
        prop_assert_eq!(outcome.total.skipped, skipped);
        prop_assert_eq!(outcome.total.misses, skipped + records.iter().filter(|r| r.missed).count() as u64);
        for pair in records.windows(2) {
            let (a, b) = (pair[0], pair[1]);
            prop_assert_eq!(b.job, a.job + 1 + a.skipped);
            // Across a change of epoch the first release is still one of the old grid.
            prop_assert_eq!(b.release.nanos_since(a.release), (1 + a.skipped) * a.period_ns);
            prop_assert!(b.start >= b.release);
        }
    }
}
