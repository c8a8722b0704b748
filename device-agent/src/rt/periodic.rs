//! The periodic loop. Everything in this file runs in the real-time thread.

use shared_proto::mode::Mode;
use shared_proto::wire::{OverrunPolicy, Totals};

use super::clock::Clock;
use super::grid::Grid;
use super::job::{Job, Ran, Workload};
use super::record::{Effect, JobRecord};
use super::word::{ModeWord, Wanted};
use crate::gpio::Lines;
use crate::time::MonoTime;

/// Longest single sleep, so that a thread with a long period still hears a stop in time.
const LONGEST_NAP_NS: u64 = 500_000_000;

/// Period and deadline in each mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Period in NORMAL in nanoseconds.
    pub normal_period_ns: u64,
    /// Period in DEGRADED in nanoseconds.
    pub degraded_period_ns: u64,
    /// Relative deadline in nanoseconds; without one it is the period of the mode.
    pub deadline_ns: Option<u64>,
    /// What happens to releases that pass while a job runs.
    pub overrun: OverrunPolicy,
}

impl Timing {
    /// Period in a mode, in nanoseconds.
    #[must_use]
    pub fn period_ns(&self, mode: Mode) -> u64 {
        match mode {
            Mode::Normal => self.normal_period_ns,
            Mode::Degraded => self.degraded_period_ns,
        }
    }

    /// Relative deadline in an epoch of this period, in nanoseconds.
    #[must_use]
    pub fn deadline_at(&self, period_ns: u64) -> u64 {
        self.deadline_ns.unwrap_or(period_ns)
    }
}

/// The periodic task: what it runs, when, and where its counts stand.
pub struct Periodic<C> {
    clock: C,
    timing: Timing,
    grid: Grid,
    epoch: u32,
    epoch_base: Totals,
    total: Totals,
    effect: Effect,
}

impl<C: Clock> Periodic<C> {
    /// A task whose first release is one period from now, in NORMAL.
    pub fn new(mut clock: C, timing: Timing) -> Self {
        let period_ns = timing.period_ns(Mode::Normal);
        let now = clock.now();
        Self {
            grid: Grid::new(now.plus_nanos(period_ns), period_ns, timing.overrun),
            clock,
            timing,
            epoch: 0,
            epoch_base: Totals::default(),
            total: Totals::default(),
            effect: Effect { mode: Mode::Normal, change: 0, job: 0, at: now },
        }
    }

    /// Runs jobs until a stop is ordered; hands each record to `push`. Returns the final counts. Releases that passed without
    /// their job having run to its end, also one that the stop cut short, are skipped if their deadline has passed, else not
    /// counted.
    pub fn run(
        &mut self,
        word: &ModeWord,
        lines: &mut dyn Lines,
        workload: &mut dyn Workload,
        mut push: impl FnMut(JobRecord),
    ) -> Totals {
        lines.set_mode(self.effect.mode);
        while let Some(start) = self.await_release(word) {
            let Some(record) = self.job(start, word, lines, workload) else { break };
            push(record);
        }
        let deadline_ns = self.timing.deadline_at(self.grid.period_ns());
        let skipped = self.grid.ended(self.clock.now(), deadline_ns);
        self.total.jobs += skipped;
        self.total.skipped += skipped;
        self.total.misses += skipped;
        self.total
    }

    /// Sleeps until the next release; when it came, or `None` if a stop is ordered.
    fn await_release(&mut self, word: &ModeWord) -> Option<MonoTime> {
        let release = self.grid.next_release();
        let mut now = None;
        loop {
            if word.read() == Wanted::Stop {
                return None;
            }
            match now {
                Some(now) if now >= release => return Some(now),
                Some(now) => self.clock.sleep_until(release.min(now.plus_nanos(LONGEST_NAP_NS))),
                // The usual case: one sleep, straight to the release, without looking at the clock before.
                None if self.grid.period_ns() <= LONGEST_NAP_NS => self.clock.sleep_until(release),
                None => {}
            }
            now = Some(self.clock.now());
        }
    }

    /// One job, started at `start`; `None` if it was cut short.
    fn job(
        &mut self,
        start: MonoTime,
        word: &ModeWord,
        lines: &mut dyn Lines,
        workload: &mut dyn Workload,
    ) -> Option<JobRecord> {
        let release = self.grid.next_release();
        let job = self.total.jobs;
        self.take_mode(word, release, job, lines, workload);
        lines.heartbeat();
        if workload.run(&mut Job::new(lines, word)) == Ran::CutShort {
            return None;
        }
        let end = self.clock.now();

        let period_ns = self.grid.period_ns();
        let missed = end.nanos_since(release) > self.timing.deadline_at(period_ns);
        let skipped = self.grid.job_ended(end).skipped;
        self.total.jobs += 1 + skipped;
        self.total.skipped += skipped;
        self.total.misses += skipped + u64::from(missed);
        Some(JobRecord {
            job,
            epoch: self.epoch,
            epoch_base: self.epoch_base,
            period_ns,
            release,
            start,
            end,
            missed,
            skipped,
            total: self.total,
            effect: self.effect,
        })
    }

    /// Takes over a newly ordered mode: GPIO first, then the workload, then, if the period differs, a new epoch whose first
    /// release is this one.
    fn take_mode(
        &mut self,
        word: &ModeWord,
        release: MonoTime,
        job: u64,
        lines: &mut dyn Lines,
        workload: &mut dyn Workload,
    ) {
        let Wanted::Run { mode, change } = word.read() else { return };
        if change == self.effect.change {
            return;
        }
        if mode != self.effect.mode {
            lines.set_mode(mode);
            workload.set_mode(mode);
            let period_ns = self.timing.period_ns(mode);
            if period_ns != self.grid.period_ns() {
                self.grid = Grid::new(release, period_ns, self.timing.overrun);
                self.epoch += 1;
                self.epoch_base = self.total;
            }
        }
        self.effect = Effect { mode, change, job, at: self.clock.now() };
    }
}
