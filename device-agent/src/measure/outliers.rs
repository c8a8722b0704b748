//! The jobs of a run that were worst off, with their times: a pattern in them tells who disturbs.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use analysis::run::Outlier;
use shared_host::tree;
use shared_proto::units::ns_to_micros;

use crate::rt::JobRecord;
use crate::time::MonoTime;

/// Keeps the jobs that started latest and those that ended latest after their release. A job can start in time and still lose
/// its CPU half-way.
#[derive(Debug)]
pub(super) struct Outliers {
    started: Greatest,
    ended: Greatest,
}

/// So many jobs with the greatest key.
#[derive(Debug)]
struct Greatest {
    capacity: usize,
    /// The least of them on top: key, then job.
    kept: BinaryHeap<Reverse<(u64, Job)>>,
}

/// All times in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Job {
    number: u64,
    release_ns: u64,
    wakeup_ns: u64,
    response_ns: u64,
}

impl Outliers {
    /// Keeps `capacity` jobs of each kind.
    pub(super) fn new(capacity: usize) -> Self {
        let greatest = || Greatest { capacity, kept: BinaryHeap::with_capacity(capacity + 1) };
        Self { started: greatest(), ended: greatest() }
    }

    pub(super) fn see(&mut self, record: &JobRecord) {
        let job = Job {
            number: record.job,
            release_ns: record.release.as_nanos(),
            wakeup_ns: record.start.nanos_since(record.release),
            response_ns: record.end.nanos_since(record.release),
        };
        self.started.see(job.wakeup_ns, job);
        self.ended.see(job.response_ns, job);
    }

    /// Each job once, in the order of time, which counts from the first release of the run; jobs have their numbers in the CSV.
    pub(super) fn list(&self, first_release: MonoTime) -> Vec<Outlier> {
        let jobs = tree::map(self.started.jobs().chain(self.ended.jobs()).map(|job| (job.number, job)));
        jobs.into_values()
            .map(|job| Outlier {
                job: job.number,
                at_ms: ns_to_micros(MonoTime::from_nanos(job.release_ns).nanos_since(first_release) / 1000),
                wakeup_us: ns_to_micros(job.wakeup_ns),
                response_us: ns_to_micros(job.response_ns),
            })
            .collect()
    }
}

impl Greatest {
    fn see(&mut self, key: u64, job: Job) {
        self.kept.push(Reverse((key, job)));
        if self.kept.len() > self.capacity {
            self.kept.pop();
        }
    }

    fn jobs(&self) -> impl Iterator<Item = Job> + '_ {
        self.kept.iter().map(|Reverse((_, job))| *job)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_to_start_and_the_latest_to_end_are_kept_in_the_order_of_time() {
        let mut outliers = Outliers::new(2);
        for (job, late_ns, ran_ns) in [(10u64, 500, 1000), (11, 9_000, 1000), (12, 100, 50_000), (13, 700, 1000)] {
            let release = MonoTime::from_nanos(job * 1_000_000);
            let start = release.plus_nanos(late_ns);
            outliers.see(&JobRecord { job, release, start, end: start.plus_nanos(ran_ns), ..JobRecord::default() });
        }
        let list = outliers.list(MonoTime::from_nanos(10_000_000));
        let seen: Vec<_> = list.iter().map(|o| (o.job, o.at_ms, o.wakeup_us, o.response_us)).collect();
        assert_eq!(seen, [(11, 1.0, 9.0, 10.0), (12, 2.0, 0.1, 50.1), (13, 3.0, 0.7, 1.7)]);
    }
}
