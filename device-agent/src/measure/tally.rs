//! From job records to the figures of a run.

use analysis::run::{Burst, Recorder, Run};
use shared_proto::units::Ratio;
use shared_proto::wire::Totals;

use super::outliers::Outliers;
use crate::rt::{Balance, JobRecord, Timing, Unbalanced};
use crate::time::MonoTime;
use crate::window::{Closed, Window, WindowConfig};

/// Everything that is counted in a run.
#[derive(Debug)]
pub(super) struct Tally {
    warm_until: MonoTime,
    deadline_ns: u64,
    balance: Balance,
    window: Window,
    wakeup: Recorder,
    delay: Recorder,
    response: Recorder,
    outliers: Outliers,
    longest_miss_run: u64,
    worst_burst: u32,
    config: WindowConfig,
    /// The first counted job, and what was before it.
    first: Option<First>,
    last: Option<JobRecord>,
    records: u64,
}

#[derive(Debug, Clone, Copy)]
struct First {
    release: MonoTime,
    before: Totals,
    changes_before: u64,
    epoch: u32,
}

/// Whether a job is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// It is.
    Yes,
    /// It was released before the counting began.
    WarmUp,
}

impl Tally {
    /// Jobs released before `warm_until` are not counted.
    pub(super) fn new(window: WindowConfig, timing: &Timing, outliers: usize, warm_until: MonoTime) -> Self {
        let period_ns = timing.normal_period_ns;
        Self {
            deadline_ns: timing.deadline_at(period_ns),
            warm_until,
            balance: Balance::default(),
            window: Window::new(window, period_ns),
            wakeup: Recorder::default(),
            delay: Recorder::default(),
            response: Recorder::default(),
            outliers: Outliers::new(outliers),
            longest_miss_run: 0,
            worst_burst: 0,
            config: window,
            first: None,
            last: None,
            records: 0,
        }
    }

    /// Jobs released before `warm_until` are not counted, from now on.
    pub(super) fn count_from(&mut self, warm_until: MonoTime) {
        self.warm_until = warm_until;
    }

    /// Takes in a record.
    ///
    /// # Errors
    /// [`Unbalanced`] if the loop's counts do not fit the instants of its releases.
    pub(super) fn see(&mut self, record: &JobRecord) -> Result<Counted, Unbalanced> {
        self.balance.see(record)?;
        if record.release < self.warm_until {
            let _ = self.window.push(record);
            return Ok(Counted::WarmUp);
        }
        if self.first.is_none() {
            let before = Totals {
                jobs: record.job,
                misses: record.total.misses - record.skipped - u64::from(record.missed),
                skipped: record.total.skipped - record.skipped,
            };
            // A window of its own, so that no run of misses and no burst reaches into it from the warm-up.
            self.window = Window::beginning(self.config, record, before);
            self.first = Some(First {
                release: record.release,
                before,
                changes_before: record.effect.change,
                epoch: record.epoch,
            });
        }
        if let Some(closed) = self.window.push(record) {
            self.closed(&closed);
        }
        let wakeup_ns = record.start.nanos_since(record.release);
        self.wakeup.record(wakeup_ns);
        self.delay.record(wakeup_ns);
        let least_ns =
            record.end.nanos_since(record.release.plus_nanos(record.skipped.saturating_mul(record.period_ns)));
        self.delay.record_series(least_ns, record.period_ns, record.skipped);
        self.response.record(record.end.nanos_since(record.release));
        self.outliers.see(record);
        self.records += 1;
        self.last = Some(*record);
        Ok(Counted::Yes)
    }

    /// Closes a window, for whoever decides by it.
    pub(super) fn close_window(&mut self) -> Closed {
        let closed = self.window.close();
        if self.first.is_some() {
            self.closed(&closed);
        }
        closed
    }

    fn closed(&mut self, closed: &Closed) {
        self.longest_miss_run = self.longest_miss_run.max(closed.longest_miss_run);
        self.worst_burst = self.worst_burst.max(closed.worst_burst.misses);
    }

    /// The instant of the first counted release.
    pub(super) fn first_release(&self) -> Option<MonoTime> {
        self.first.map(|first| first.release)
    }

    /// What was counted, up to the final counts of the thread; `None` if no job was.
    pub(super) fn finish(mut self, total: Totals) -> Option<Run> {
        let (first, last) = (self.first?, self.last?);
        // What had passed when the thread was stopped: the latest waited for its whole deadline at least.
        let at_end = total.skipped.saturating_sub(last.total.skipped);
        self.delay.record_series(self.deadline_ns, last.period_ns, at_end);
        self.window.account_lost(total);
        self.close_window();
        let counts = total.since(&first.before);
        Some(Run {
            elapsed_ms: shared_proto::units::ns_to_micros(last.end.nanos_since(first.release)) / 1000.0,
            releases: counts.jobs,
            run: counts.run(),
            skipped: counts.skipped,
            misses: counts.misses,
            miss_rate: Ratio::of(counts.misses, counts.jobs).get(),
            longest_miss_run: self.longest_miss_run,
            worst_burst: Burst { misses: self.worst_burst, jobs: self.config.burst_jobs },
            lost_records: counts.run().saturating_sub(self.records),
            mode_changes: u32::try_from(last.effect.change.saturating_sub(first.changes_before)).unwrap_or(u32::MAX),
            epochs: 1 + (last.epoch - first.epoch),
            wakeup_us: self.wakeup.distribution(),
            delay_us: self.delay.distribution(),
            response_us: self.response.distribution(),
            outliers: self.outliers.list(first.release),
            ..Run::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;
    const TIMING: Timing = Timing {
        normal_period_ns: MS,
        degraded_period_ns: MS,
        deadline_ns: None,
        overrun: shared_proto::wire::OverrunPolicy::SkipNext,
    };
    const WINDOW: WindowConfig = WindowConfig { miss_window: 10, burst_jobs: 4 };

    /// Jobs at 1 ms; each entry is the number of releases it skips, `None` for a job in time.
    fn records(jobs: &[Option<u64>]) -> Vec<JobRecord> {
        let mut total = Totals::default();
        jobs.iter()
            .map(|late| {
                let (job, skipped) = (total.jobs, late.unwrap_or(0));
                let release = MonoTime::from_nanos(job * MS);
                total.jobs += 1 + skipped;
                total.skipped += skipped;
                total.misses += skipped + u64::from(late.is_some());
                JobRecord {
                    job,
                    period_ns: MS,
                    release,
                    start: release.plus_nanos(1000),
                    end: release.plus_nanos(2000 + skipped * MS),
                    missed: late.is_some(),
                    skipped,
                    total,
                    ..JobRecord::default()
                }
            })
            .collect()
    }

    #[test]
    fn the_warm_up_counts_for_nothing() {
        let mut tally = Tally::new(WINDOW, &TIMING, 4, MonoTime::from_nanos(4 * MS));
        let records = records(&[None, Some(1), Some(0), None, None, Some(2), None]);
        let total = records.last().unwrap().total;
        let counted: Vec<_> = records.iter().map(|record| tally.see(record).unwrap()).collect();
        assert_eq!(counted.iter().filter(|&&counted| counted == Counted::Yes).count(), 4);
        let run = tally.finish(total).unwrap();
        assert_eq!((run.releases, run.run, run.skipped, run.misses), (6, 4, 2, 3));
        assert_eq!((run.longest_miss_run, run.worst_burst.misses, run.lost_records), (3, 3, 0));
        assert_eq!(run.wakeup_us.count(), 4);
        assert_eq!(run.delay_us.count(), 6, "skipped releases waited too");
        assert_eq!(run.delay_us.max_us(), Some(1002.0), "the first of the two swallowed by a job of three periods");
        assert_eq!(run.wakeup_us.max_us(), Some(1.0));
        assert_eq!(run.outliers.first().unwrap().job, 4, "as in the CSV");
    }

    #[test]
    fn the_warm_up_may_end_when_the_conditions_are_there() {
        let mut tally = Tally::new(WINDOW, &TIMING, 4, MonoTime::from_nanos(u64::MAX));
        let records = records(&[None, Some(1), None, None, None]);
        for record in &records[..3] {
            assert_eq!(tally.see(record).unwrap(), Counted::WarmUp);
        }
        tally.count_from(records[3].release.plus_nanos(1));
        let counted: Vec<_> = records[3..].iter().map(|record| tally.see(record).unwrap()).collect();
        assert_eq!(counted, [Counted::WarmUp, Counted::Yes]);
        let run = tally.finish(records[4].total).unwrap();
        assert_eq!((run.releases, run.misses, run.longest_miss_run), (1, 0, 0));
    }

    #[test]
    fn a_run_of_misses_does_not_reach_into_the_run_from_the_warm_up() {
        let mut tally = Tally::new(WINDOW, &TIMING, 4, MonoTime::from_nanos(5 * MS));
        let records = records(&[Some(0); 8]);
        records.iter().for_each(|record| {
            tally.see(record).unwrap();
        });
        let run = tally.finish(records[7].total).unwrap();
        assert_eq!((run.releases, run.misses, run.longest_miss_run, run.worst_burst.misses), (3, 3, 3, 3));
    }

    #[test]
    fn lost_records_are_told() {
        let mut tally = Tally::new(WINDOW, &TIMING, 0, MonoTime::default());
        let records = records(&[None, None, None, None]);
        tally.see(&records[0]).unwrap();
        tally.see(&records[2]).unwrap();
        let run = tally.finish(records[3].total).unwrap();
        assert_eq!((run.releases, run.lost_records), (4, 2));
    }

    #[test]
    fn a_run_without_jobs_has_no_figures() {
        assert!(Tally::new(WINDOW, &TIMING, 4, MonoTime::default()).finish(Totals::default()).is_none());
    }
}
