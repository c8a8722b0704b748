//! The latest wake-ups of a run, with their times: a pattern in them tells who disturbs.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use analysis::run::Outlier;
use shared_proto::units::ns_to_micros;

use crate::rt::JobRecord;
use crate::rt::time::MonoTime;

/// Keeps the jobs with the greatest wake-up latency.
#[derive(Debug)]
pub(super) struct Outliers {
    capacity: usize,
    /// The least of them on top. Latency, then job, release and response, in nanoseconds.
    greatest: BinaryHeap<Reverse<(u64, u64, u64, u64)>>,
}

impl Outliers {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, greatest: BinaryHeap::with_capacity(capacity + 1) }
    }

    pub(super) fn see(&mut self, record: &JobRecord) {
        let wakeup_ns = record.start.nanos_since(record.release);
        let response_ns = record.end.nanos_since(record.release);
        self.greatest.push(Reverse((wakeup_ns, record.job, record.release.as_nanos(), response_ns)));
        if self.greatest.len() > self.capacity {
            self.greatest.pop();
        }
    }

    /// In the order of time, which counts from the first release of the run; jobs have their numbers in the CSV.
    pub(super) fn list(&self, first_release: MonoTime) -> Vec<Outlier> {
        let mut list: Vec<_> = self.greatest.iter().map(|Reverse(outlier)| *outlier).collect();
        list.sort_by_key(|&(_, job, ..)| job);
        list.into_iter()
            .map(|(wakeup_ns, job, release_ns, response_ns)| Outlier {
                job,
                at_ms: ns_to_micros(MonoTime::from_nanos(release_ns).nanos_since(first_release) / 1000),
                wakeup_us: ns_to_micros(wakeup_ns),
                response_us: ns_to_micros(response_ns),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_are_kept_in_the_order_of_time() {
        let mut outliers = Outliers::new(2);
        for (job, late_ns) in [(10u64, 500), (11, 9_000), (12, 100), (13, 700)] {
            let release = MonoTime::from_nanos(job * 1_000_000);
            let start = release.plus_nanos(late_ns);
            outliers.see(&JobRecord { job, release, start, end: start.plus_nanos(1000), ..JobRecord::default() });
        }
        let list = outliers.list(MonoTime::from_nanos(10_000_000));
        assert_eq!(
            list.iter().map(|o| (o.job, o.at_ms, o.wakeup_us)).collect::<Vec<_>>(),
            [(11, 1.0, 9.0), (13, 3.0, 0.7)]
        );
    }
}
