//! Durations in classic Prometheus buckets whose bounds are whole octaves of microseconds.
//!
//! Whole octaves are bounds of the wire's own histogram too ([`shared_proto::histogram`], eight buckets an octave), so counts are taken over
//! without an error.

use std::sync::LazyLock;

use shared_proto::histogram::{BUCKETS, BUCKETS_PER_OCTAVE, Latency, MIN_BUCKET};
use shared_proto::units::micros_to_ns;

/// Geometric middle of each of the wire's buckets, in nanoseconds, lowest bucket first.
static MIDDLES_NS: LazyLock<[u64; BUCKETS]> = LazyLock::new(|| {
    let mut index = f64::from(MIN_BUCKET) - 0.5;
    [0; BUCKETS].map(|_: u64| {
        index += 1.0;
        middle_ns(index)
    })
});

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 8 ns to 67 s")]
fn middle_ns(index: f64) -> u64 {
    (1000.0 * (index / f64::from(BUCKETS_PER_OCTAVE)).exp2()).round() as u64
}

/// Counts of durations up to 2^FIRST µs, 2^(FIRST+1) µs and so on, `N` bounds.
#[derive(Debug, Clone)]
pub(super) struct Octaves<const FIRST: u8, const N: usize> {
    counts: [u64; N],
    beyond: u64,
    /// Of reports: from the middles of the wire's buckets.
    sum_ns: u128,
}

impl<const FIRST: u8, const N: usize> Default for Octaves<FIRST, N> {
    fn default() -> Self {
        Self { counts: [0; N], beyond: 0, sum_ns: 0 }
    }
}

impl<const FIRST: u8, const N: usize> Octaves<FIRST, N> {
    /// Adds all values of a report's histogram.
    pub(super) fn merge(&mut self, latency: &Latency) {
        let (Some(min_ns), Some(max_ns)) = (latency.min_ns(), latency.max_ns()) else { return };
        for (index, count) in latency.histogram().iter() {
            let slot = usize::try_from(i32::from(index) - i32::from(MIN_BUCKET)).ok();
            let middle = slot.and_then(|slot| MIDDLES_NS.get(slot)).copied().unwrap_or(max_ns);
            // Bucket i holds (2^(i/8), 2^((i+1)/8)] µs.
            let octave = (i32::from(index) + i32::from(BUCKETS_PER_OCTAVE)).div_euclid(i32::from(BUCKETS_PER_OCTAVE));
            self.add(octave, u64::from(count), middle.clamp(min_ns, max_ns));
        }
    }

    /// Counts one duration in microseconds; what is none is not counted.
    pub(super) fn record_us(&mut self, micros: f64) {
        let Some(ns) = micros_to_ns(micros) else { return };
        let place = self.bounds_us().position(|bound| ns <= bound.saturating_mul(1000)).unwrap_or(N);
        self.add(i32::from(FIRST).saturating_add(i32::try_from(place).unwrap_or(i32::MAX)), 1, ns);
    }

    fn add(&mut self, octave: i32, count: u64, each_ns: u64) {
        let place = usize::try_from(octave.saturating_sub(i32::from(FIRST)).max(0)).unwrap_or(N);
        let place = self.counts.get_mut(place).unwrap_or(&mut self.beyond);
        *place = place.saturating_add(count);
        self.sum_ns = self.sum_ns.saturating_add(u128::from(each_ns).saturating_mul(count.into()));
    }

    fn bounds_us(&self) -> impl Iterator<Item = u64> + use<FIRST, N> {
        (0..N).map(|place| 1_u64 << (usize::from(FIRST) + place).min(63))
    }

    /// Upper bounds in microseconds, each with the number of values up to it.
    pub(super) fn cumulative(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let sums = self.counts.iter().scan(0_u64, |sum, count| {
            *sum = sum.saturating_add(*count);
            Some(*sum)
        });
        self.bounds_us().zip(sums)
    }

    /// Number of values.
    pub(super) fn count(&self) -> u64 {
        self.counts.iter().fold(self.beyond, |sum, count| sum.saturating_add(*count))
    }

    /// Sum of the values in nanoseconds.
    pub(super) fn sum_ns(&self) -> u128 {
        self.sum_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Three = Octaves<4, 3>;

    fn counts(octaves: &Three) -> Vec<(u64, u64)> {
        octaves.cumulative().collect()
    }

    #[test]
    fn a_value_at_a_bound_counts_below_it_on_both_ways() {
        let values = [1, 15_999, 16_000, 16_001, 32_000, 64_000, 64_001, 9_000_000_000];
        let (mut latency, mut one_by_one, mut merged) = (Latency::default(), Three::default(), Three::default());
        for ns in values {
            latency.record(ns);
            #[expect(clippy::cast_precision_loss)]
            one_by_one.record_us(ns as f64 / 1000.0);
        }
        merged.merge(&latency);
        assert_eq!(counts(&merged), [(16, 3), (32, 5), (64, 6)]);
        assert_eq!((counts(&merged), merged.count()), (counts(&one_by_one), one_by_one.count()));
        assert_eq!(one_by_one.sum_ns(), values.iter().sum::<u64>().into());
        let error = merged.sum_ns().abs_diff(one_by_one.sum_ns());
        assert!(error * 20 < one_by_one.sum_ns(), "{} against {}", merged.sum_ns(), one_by_one.sum_ns());
    }

    #[test]
    fn one_value_has_its_exact_sum() {
        let (mut latency, mut octaves) = (Latency::default(), Three::default());
        latency.record(20_123);
        octaves.merge(&latency);
        assert_eq!(octaves.sum_ns(), 20_123);
    }

    #[test]
    fn the_sum_outlives_a_large_fleet() {
        let mut octaves = Three::default();
        octaves.add(20, u64::MAX, 1_000_000);
        assert_eq!(octaves.sum_ns(), 1_000_000 * u128::from(u64::MAX));
    }

    #[test]
    fn what_is_no_duration_is_not_counted() {
        let mut octaves = Three::default();
        for nonsense in [f64::NAN, -1.0, f64::INFINITY] {
            octaves.record_us(nonsense);
        }
        octaves.merge(&Latency::default());
        assert_eq!(octaves.count(), 0);
    }
}
