//! The periodic loop on a clock that obeys, with jobs whose lengths are chosen.

use std::cell::Cell;
use std::rc::Rc;

use proptest::prelude::*;
use shared_proto::mode::Mode;
use shared_proto::wire::{OverrunPolicy, Totals};

use super::balance::Balance;
use super::clock::Clock;
use super::job::{Job, Ran, Workload};
use super::periodic::{Periodic, Timing};
use super::record::JobRecord;
use super::word::ModeWord;
use crate::gpio::{Level, Lines};
use crate::time::MonoTime;

const MS: u64 = 1_000_000;

#[derive(Clone, Default)]
struct FakeClock {
    now: Rc<Cell<u64>>,
    naps: Rc<Cell<u64>>,
    late_ns: u64,
    /// Stalls still to come: each look at the clock takes one of them.
    stalls: Vec<u64>,
}

impl Clock for FakeClock {
    fn now(&mut self) -> MonoTime {
        // As if the thread lost its CPU just before it looked.
        self.now.set(self.now.get() + self.stalls.pop().unwrap_or(0));
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
    ended_at: MonoTime,
    records: Vec<JobRecord>,
    total: Totals,
    lines: Log,
    naps: u64,
}

fn run(timing: Timing, durations: Vec<u64>, orders: Vec<(u64, Mode)>, late_ns: u64) -> Outcome {
    run_on(FakeClock { late_ns, ..FakeClock::default() }, timing, durations, orders)
}

fn run_on(clock: FakeClock, timing: Timing, durations: Vec<u64>, orders: Vec<(u64, Mode)>) -> Outcome {
    let word = ModeWord::default();
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
    let (naps, now) = (Rc::clone(&clock.naps), Rc::clone(&clock.now));
    let total = Periodic::new(clock, timing).run(&word, &mut lines, &mut script, |record| records.push(record));
    assert_eq!(lines.modes.first(), Some(&Mode::Normal), "the lines show the mode from the start");
    lines.modes.remove(0);
    assert_eq!(lines.modes, script.modes, "GPIO and workload see the same modes");
    Outcome { ended_at: MonoTime::from_nanos(now.get()), records, total, lines, naps: naps.get() }
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

/// Mostly nothing, sometimes a few microseconds, sometimes many periods.
fn stall() -> impl Strategy<Value = u64> {
    prop_oneof![6 => Just(0), 2 => 0..50_000u64, 1 => 0..25 * MS, 1 => 0..400 * MS]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// The first invariant of the project: in every epoch the releases run and those skipped are exactly those of the grid,
    /// however the clock, the jobs and the orders behave.
    #[test]
    fn run_plus_skipped_is_released_in_every_epoch(
        durations in prop::collection::vec(0u64..150 * MS, 1..200),
        orders in prop::collection::vec((0u64..200, any::<bool>()), 0..10),
        stalls in prop::collection::vec(stall(), 0..400),
        late_ns in 0u64..90 * MS,
        catch_up: bool,
    ) {
        let overrun = if catch_up { OverrunPolicy::CatchUp } else { OverrunPolicy::SkipNext };
        let timing = Timing { degraded_period_ns: 60 * MS, overrun, ..timing() };
        let mut orders: Vec<_> =
            orders.into_iter().map(|(job, slow)| (job, if slow { Mode::Degraded } else { Mode::Normal })).collect();
        orders.sort_by_key(|&(job, _)| job);
        let jobs = durations.len();
        let clock = FakeClock { late_ns, stalls, ..FakeClock::default() };
        let outcome = run_on(clock, timing, durations, orders);
        let records = &outcome.records;
        prop_assert_eq!(records.len(), jobs, "every job that ran has its record");
        // What passed between the last job and the stop has no record.
        let (Some(last), deadline_ns) = (records.last(), timing.deadline_at(records[jobs - 1].period_ns)) else { unreachable!() };
        let at_end = outcome.total.skipped - last.total.skipped;
        let skipped: u64 = at_end + records.iter().map(|r| r.skipped).sum::<u64>();
        prop_assert_eq!(outcome.total.jobs, records.len() as u64 + skipped);
        prop_assert_eq!(outcome.total.skipped, skipped);
        prop_assert_eq!(outcome.total.misses, skipped + records.iter().filter(|r| r.missed).count() as u64);
        let mut balance = Balance::default();
        for record in records {
            prop_assert_eq!(balance.see(record), Ok(()));
            prop_assert!(record.start >= record.release);
            prop_assert!(record.end >= record.start);
        }
        for pair in records.windows(2) {
            prop_assert_eq!(pair[1].job, pair[0].job + 1 + pair[0].skipped);
            if pair[0].epoch == pair[1].epoch {
                prop_assert_eq!(pair[0].epoch_base, pair[1].epoch_base);
            } else {
                prop_assert_eq!(pair[0].total, pair[1].epoch_base);
            }
        }
        // Nothing is left over: of the releases that were not counted the first still had time, and the one before it had not.
        let uncounted = last.release.plus_nanos((last.skipped + at_end + 1) * last.period_ns);
        prop_assert!(outcome.ended_at.nanos_since(uncounted) <= deadline_ns);
        if at_end > 0 {
            let counted = uncounted.as_nanos() - last.period_ns;
            prop_assert!(outcome.ended_at.as_nanos() - counted > deadline_ns);
        }
    }
}
