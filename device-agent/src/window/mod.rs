//! From job records to windows: exact counts, latency histograms, the miss rate over the latest jobs.

mod history;
mod jitter;

use shared_proto::histogram::Latency;
use shared_proto::wire::{MissBurst, MissWindow, Totals};

pub use jitter::Jitter;

use crate::rt::JobRecord;
use history::History;

/// Sizes of the windows that slide over the jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowConfig {
    /// Jobs behind the miss rate, at least 1.
    pub miss_window: u32,
    /// The K of the worst (m, K), at least 1.
    pub burst_jobs: u32,
}

/// The jobs since the last report.
#[derive(Debug)]
pub struct Window {
    recent: History,
    burst: History,
    miss_run: u64,
    /// Counts at the last job seen, and at the close of the last window.
    total: Totals,
    closed_at: Totals,
    jitter: Jitter,
    open: Open,
}

/// What starts anew with each window.
#[derive(Debug, Clone, Default)]
struct Open {
    epoch: Epoch,
    longest_miss_run: u64,
    worst_burst: u32,
    wakeup: Latency,
    response: Latency,
    lost_records: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Epoch {
    number: u32,
    period_ns: u64,
}

/// One finished window.
#[derive(Debug, Clone, PartialEq)]
pub struct Closed {
    /// Number of the epoch.
    pub epoch: u32,
    /// Period of the epoch in nanoseconds.
    pub period_ns: u64,
    /// Counts within the window.
    pub counts: Totals,
    /// Counts since the start.
    pub total: Totals,
    /// Misses among the latest jobs.
    pub miss_window: MissWindow,
    /// Longest run of misses that touched the window.
    pub longest_miss_run: u64,
    /// Most misses among K consecutive jobs.
    pub worst_burst: MissBurst,
    /// Start minus release.
    pub wakeup: Latency,
    /// End minus release.
    pub response: Latency,
    /// Jobs that ran but whose times were lost.
    pub lost_records: u64,
    /// The classroom's jitter.
    pub jitter: Jitter,
}

impl Window {
    /// An empty window of a task with this period in nanoseconds.
    #[must_use]
    pub fn new(config: WindowConfig, period_ns: u64) -> Self {
        Self {
            recent: History::new(config.miss_window),
            burst: History::new(config.burst_jobs),
            miss_run: 0,
            total: Totals::default(),
            closed_at: Totals::default(),
            jitter: Jitter::default(),
            open: Open { epoch: Epoch { number: 0, period_ns }, ..Open::default() },
        }
    }

    /// An empty window that begins with the job of `record`; `before` is what was counted before it.
    #[must_use]
    pub fn beginning(config: WindowConfig, record: &JobRecord, before: Totals) -> Self {
        let mut window = Self::new(config, record.period_ns);
        window.open.epoch.number = record.epoch;
        window.total = before;
        window.closed_at = before;
        window
    }

    /// Takes in a job. If it begins an epoch, the window before it is closed and given back.
    pub fn push(&mut self, record: &JobRecord) -> Option<Closed> {
        let epoch = Epoch { number: record.epoch, period_ns: record.period_ns };
        let closed = (epoch != self.open.epoch).then(|| {
            // What was lost before the change belongs to the window before it.
            self.account_lost(record.epoch_base);
            self.close()
        });
        self.open.epoch = epoch;

        let before = Totals {
            jobs: record.job,
            skipped: record.total.skipped.saturating_sub(record.skipped),
            misses: record.total.misses.saturating_sub(record.skipped + u64::from(record.missed)),
        };
        if before != self.total {
            self.account_lost(before);
            self.jitter.forget_last();
        }
        if record.missed {
            self.see_misses(1);
        } else {
            self.see_hits(1);
        }
        self.see_misses(record.skipped);
        self.open.wakeup.record(record.start.nanos_since(record.release));
        self.open.response.record(record.end.nanos_since(record.release));
        self.jitter.job_ended(record.end, record.period_ns);
        self.total = record.total;
        closed
    }

    /// Accounts for jobs whose records were lost, up to these counts. Their order is unknown: the misses are taken as the
    /// latest of them, which never flatters the miss rate. The longest run and the worst burst are those of this order.
    pub fn account_lost(&mut self, total: Totals) {
        let lost = total.since(&self.total);
        self.see_hits(lost.jobs.saturating_sub(lost.misses));
        self.see_misses(lost.misses);
        self.open.lost_records += lost.run();
        self.total = total;
    }

    /// Counts since the start.
    #[must_use]
    pub fn total(&self) -> Totals {
        self.total
    }

    /// Number of the epoch and its period in nanoseconds.
    #[must_use]
    pub fn epoch(&self) -> (u32, u64) {
        (self.open.epoch.number, self.open.epoch.period_ns)
    }

    /// Closes the window and opens the next one.
    pub fn close(&mut self) -> Closed {
        let next = Open { epoch: self.open.epoch, ..Open::default() };
        let open = std::mem::replace(&mut self.open, next);
        let counts = self.total.since(&self.closed_at);
        self.closed_at = self.total;
        Closed {
            epoch: open.epoch.number,
            period_ns: open.epoch.period_ns,
            counts,
            total: self.total,
            miss_window: MissWindow { jobs: self.recent.jobs(), misses: self.recent.misses() },
            longest_miss_run: open.longest_miss_run,
            worst_burst: MissBurst { misses: open.worst_burst, jobs: self.burst.capacity() },
            wakeup: open.wakeup,
            response: open.response,
            lost_records: open.lost_records,
            jitter: self.jitter.take(),
        }
    }

    fn see_hits(&mut self, count: u64) {
        if count > 0 {
            self.miss_run = 0;
        }
        self.recent.push(history::Met, count);
        self.burst.push(history::Met, count);
    }

    fn see_misses(&mut self, count: u64) {
        if count == 0 {
            return;
        }
        self.miss_run += count;
        self.open.longest_miss_run = self.open.longest_miss_run.max(self.miss_run);
        self.recent.push(history::Missed, count);
        self.burst.push(history::Missed, count);
        self.open.worst_burst = self.open.worst_burst.max(self.burst.misses());
    }
}

#[cfg(test)]
mod tests;
