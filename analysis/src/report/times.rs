//! Durations of many windows, added up exactly.

use std::collections::BTreeMap;

use shared_proto::histogram::{Histogram, Latency, MAX_BUCKET};

use crate::run::{Bucket, Distribution};

/// Counts by bucket of the wire, which never overflow, and the exact extremes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Times {
    counts: BTreeMap<i16, u64>,
    min_ns: Option<u64>,
    max_ns: Option<u64>,
}

impl Times {
    /// Adds the times of a window.
    pub(super) fn add(&mut self, window: &Latency) {
        for (index, count) in window.histogram().iter() {
            self.count_in(index, count.into());
        }
        self.widen(window.min_ns(), window.max_ns());
    }

    /// Adds others.
    pub(super) fn merge(&mut self, other: &Self) {
        for (index, count) in &other.counts {
            self.count_in(*index, *count);
        }
        self.widen(other.min_ns, other.max_ns);
    }

    fn count_in(&mut self, index: i16, count: u64) {
        let sum = self.counts.entry(index).or_default();
        *sum = sum.saturating_add(count);
    }

    fn widen(&mut self, min_ns: Option<u64>, max_ns: Option<u64>) {
        self.min_ns = self.min_ns.into_iter().chain(min_ns).min();
        self.max_ns = self.max_ns.into_iter().chain(max_ns).max();
    }

    /// As a run file has it. The wire's buckets hold their upper bound, those of a file their lower one.
    pub(super) fn distribution(&self) -> Distribution {
        let mut buckets: BTreeMap<u64, Bucket> = BTreeMap::new();
        for (index, count) in &self.counts {
            let Some((lower, upper)) = Histogram::bounds_of_index_ns(*index) else { continue };
            // A bucket that holds no whole nanosecond stands for the one that holds its bound.
            let (lower, upper) = if lower < upper { (lower, upper) } else { Histogram::bucket_bounds_ns(upper) };
            let lower_ns = if lower == 0 { 0 } else { lower + 1 };
            // The last one is open.
            let upper_ns = if *index == MAX_BUCKET { upper.max(self.max_ns.unwrap_or(0)) + 1 } else { upper + 1 };
            let bucket = buckets.entry(lower_ns).or_insert(Bucket { lower_ns, upper_ns, count: 0 });
            bucket.count = bucket.count.saturating_add(*count);
        }
        let buckets: Vec<Bucket> =
            buckets.into_values().map(|bucket| Bucket { upper_ns: bucket.upper_ns.min(MAX), ..bucket }).collect();
        Distribution::new(self.min_ns, self.max_ns, buckets.clone())
            // Extremes that contradict the counts are let go: the counts are what quantiles are told from.
            .or_else(|_| Distribution::new(None, None, buckets))
            .unwrap_or_default()
    }
}

/// The latest bound that a distribution takes.
const MAX: u64 = shared_proto::units::MAX_NS;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn window(values: &[u64]) -> Latency {
        let mut window = Latency::default();
        values.iter().for_each(|value| window.record(*value));
        window
    }

    proptest! {
        #[test]
        fn the_sum_of_the_windows_is_exact(windows in prop::collection::vec(prop::collection::vec(1u64..200_000_000_000, 0..40), 0..12)) {
            let mut times = Times::default();
            windows.iter().for_each(|values| times.add(&window(values)));
            let all: Vec<u64> = windows.concat();
            let sum = times.distribution();
            prop_assert_eq!(sum.count(), all.len() as u64);
            prop_assert_eq!(sum.min_us(), all.iter().min().map(|ns| *ns as f64 / 1000.0));
            prop_assert_eq!(sum.max_us(), all.iter().max().map(|ns| *ns as f64 / 1000.0));
            for bucket in sum.buckets() {
                let held = all.iter().filter(|ns| (bucket.lower_ns..bucket.upper_ns).contains(*ns)).count();
                prop_assert_eq!(bucket.count, held as u64, "{:?}", bucket);
            }
        }
    }

    #[test]
    fn counts_beyond_32_bits_and_buckets_without_a_whole_nanosecond() {
        let mut full = Histogram::default();
        assert!(full.add(0, u32::MAX) && full.add(-56, 1) && full.add(-55, 2));
        let text = serde_json::json!({"min": 0.001, "max": 1.05, "hist": [[-56, 1], [-55, 2], [0, u32::MAX]]});
        let window: Latency = serde_json::from_value(text).unwrap();
        let mut times = Times::default();
        times.add(&window);
        times.add(&window);
        assert_eq!(times.distribution().count(), 2 * (u64::from(u32::MAX) + 3));
    }
}
