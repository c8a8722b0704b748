//! A model of the real-time thread: the product's own grid of releases, made-up durations, and the ring of records.

use std::collections::VecDeque;

use device_agent::agent::Order;
use device_agent::rt::{Effect, Grid, JobRecord, Timing};
use device_agent::time::MonoTime;
use shared_proto::mode::Mode;
use shared_proto::wire::Totals;

use super::dice::Dice;

/// How much too much there is to do, in percent of the jobs that miss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Load {
    pub(super) normal: u64,
    pub(super) degraded: u64,
}

#[derive(Debug)]
pub(super) struct Task {
    timing: Timing,
    grid: Grid,
    epoch: u32,
    epochs_told: u32,
    epoch_base: Totals,
    /// Up to and including the job under way.
    total: Totals,
    effect: Effect,
    wanted: (Mode, u64),
    under_way: Option<JobRecord>,
    finished: Totals,
    ring: VecDeque<JobRecord>,
    ring_capacity: usize,
    lost: u64,
    /// How long the next job hangs.
    hang_ns: u64,
}

impl Task {
    pub(super) fn new(timing: Timing, ring_capacity: usize, now: MonoTime) -> Self {
        let period_ns = timing.period_ns(Mode::Normal);
        Self {
            timing,
            grid: Grid::new(now.plus_nanos(period_ns), period_ns, timing.overrun),
            epoch: 0,
            epochs_told: 0,
            epoch_base: Totals::default(),
            total: Totals::default(),
            effect: Effect { mode: Mode::Normal, change: 0, job: 0, at: now },
            wanted: (Mode::Normal, 0),
            under_way: None,
            finished: Totals::default(),
            ring: VecDeque::new(),
            ring_capacity,
            lost: 0,
            hang_ns: 0,
        }
    }

    pub(super) fn order(&mut self, order: Order) {
        self.wanted = (order.mode, order.change);
    }

    pub(super) fn hang(&mut self, ns: u64) {
        self.hang_ns = ns;
    }

    pub(super) fn next_release(&self) -> MonoTime {
        self.grid.next_release()
    }

    /// Starts the job of the next release; when the one after it is due.
    pub(super) fn release(&mut self, load: Load, dice: &mut Dice) -> MonoTime {
        let release = self.grid.next_release();
        self.finish(release);
        let start = release.plus_nanos(dice.between(10_000..=200_000));
        let job = self.total.jobs;
        self.take_mode(release, start, job);
        let period_ns = self.grid.period_ns();
        let end = start.plus_nanos(self.duration_ns(period_ns, load, dice));
        let missed = end.nanos_since(release) > self.timing.deadline_at(period_ns);
        let skipped = self.grid.job_ended(end).skipped;
        self.total.jobs += 1 + skipped;
        self.total.skipped += skipped;
        self.total.misses += skipped + u64::from(missed);
        self.under_way = Some(JobRecord {
            job,
            epoch: self.epoch,
            period_ns,
            release,
            start,
            end,
            missed,
            skipped,
            epoch_base: self.epoch_base,
            total: self.total,
            effect: self.effect,
        });
        self.grid.next_release()
    }

    fn take_mode(&mut self, release: MonoTime, start: MonoTime, job: u64) {
        let (mode, change) = self.wanted;
        if change == self.effect.change {
            return;
        }
        let period_ns = self.timing.period_ns(mode);
        if mode != self.effect.mode && period_ns != self.grid.period_ns() {
            self.grid = Grid::new(release, period_ns, self.timing.overrun);
            self.epoch += 1;
            self.epoch_base = self.total;
        }
        self.effect = Effect { mode, change, job, at: start };
    }

    fn duration_ns(&mut self, period_ns: u64, load: Load, dice: &mut Dice) -> u64 {
        if self.hang_ns > 0 {
            return std::mem::take(&mut self.hang_ns);
        }
        let percent = match self.effect.mode {
            Mode::Normal => load.normal,
            Mode::Degraded => load.degraded,
        };
        // The deadline is at four fifths of the period.
        let share = if !dice.percent(percent) {
            dice.between(20..=70)
        } else if dice.percent(80) {
            dice.between(85..=98)
        } else {
            dice.between(110..=350)
        };
        period_ns / 100 * share
    }

    /// What has ended by `now` is in the ring, or lost if that is full.
    pub(super) fn finish(&mut self, now: MonoTime) {
        let Some(record) = self.under_way.take_if(|record| record.end <= now) else { return };
        self.finished = record.total;
        if self.ring.len() < self.ring_capacity {
            self.ring.push_back(record);
        } else {
            self.lost += 1;
        }
    }

    pub(super) fn take_record(&mut self) -> Option<JobRecord> {
        self.ring.pop_front()
    }

    /// The counters of the thread: what the device has counted.
    pub(super) fn counted(&self) -> Totals {
        self.finished
    }

    /// The same, by the time: with the job that has just ended.
    pub(super) fn counted_at(&self, now: MonoTime) -> Totals {
        self.under_way.filter(|record| record.end <= now).map_or(self.finished, |record| record.total)
    }

    /// Changes of the period since the last call.
    pub(super) fn take_epochs(&mut self) -> u32 {
        self.epoch - std::mem::replace(&mut self.epochs_told, self.epoch)
    }

    /// Records lost since the last call.
    pub(super) fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    /// The end in good order: the job under way does not count, releases past their deadline do. The final counts.
    pub(super) fn stop(&mut self, now: MonoTime) -> Totals {
        self.finish(now);
        if let Some(cut_short) = self.under_way.take() {
            // Its release and those that it would have skipped are the grid's again.
            self.grid = Grid::new(cut_short.release, cut_short.period_ns, self.timing.overrun);
        }
        let skipped = self.grid.ended(now, self.timing.deadline_at(self.grid.period_ns()));
        self.finished.jobs += skipped;
        self.finished.skipped += skipped;
        self.finished.misses += skipped;
        self.finished
    }
}
