//! Counts durations while a run lasts.
//!
//! Log-linear buckets in whole nanoseconds, as HdrHistogram has them: exact below 256 ns, above that 128 buckets an octave,
//! so that a bucket is at most 1/128 of its values wide.

use shared_proto::units::MAX_NS;

use super::{Bucket, Distribution};

/// Values below this, 2^8 ns, have a bucket each.
const EXACT_NS: u64 = 256;
/// Buckets an octave, 2^7, from there.
const SUB_BUCKETS: u64 = 128;
/// Values from 2^40 ns (18 minutes) are counted in the last bucket.
const LIMIT_BITS: u32 = 40;
/// 256 exact ones, then the octaves from 2^8 to 2^40.
const SLOTS: usize = 256 + 32 * 128;

/// A histogram of fixed size (34 KiB): recording allocates nothing and takes a few nanoseconds.
#[derive(Debug, Clone)]
pub struct Recorder {
    counts: Box<[u64]>,
    count: u64,
    min_ns: u64,
    max_ns: u64,
}

impl Default for Recorder {
    fn default() -> Self {
        Self { counts: vec![0; SLOTS].into_boxed_slice(), count: 0, min_ns: u64::MAX, max_ns: 0 }
    }
}

impl Recorder {
    /// Counts one duration in nanoseconds.
    pub fn record(&mut self, ns: u64) {
        if let Some(count) = self.counts.get_mut(slot_of(ns)) {
            *count = count.saturating_add(1);
        }
        self.count = self.count.saturating_add(1);
        self.min_ns = self.min_ns.min(ns);
        self.max_ns = self.max_ns.max(ns);
    }

    /// Counts `count` durations: `least_ns`, and each of the others `step_ns` more than the one before. Takes no longer than
    /// there are buckets.
    pub fn record_series(&mut self, least_ns: u64, step_ns: u64, count: u64) {
        let mut done = 0;
        while done < count {
            let ns = least_ns.saturating_add(step_ns.saturating_mul(done));
            let slot = slot_of(ns);
            let room_ns = if slot + 1 == SLOTS { u64::MAX } else { bounds_ns(slot as u64).1 - 1 - ns };
            // How many of those left lie in this bucket.
            let here = (room_ns.checked_div(step_ns).unwrap_or(u64::MAX).saturating_add(1)).min(count - done);
            if let Some(counted) = self.counts.get_mut(slot) {
                *counted = counted.saturating_add(here);
            }
            done += here;
        }
        if count > 0 {
            self.count = self.count.saturating_add(count);
            self.min_ns = self.min_ns.min(least_ns);
            self.max_ns = self.max_ns.max(least_ns.saturating_add(step_ns.saturating_mul(count - 1)));
        }
    }

    /// Durations counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// What was counted so far. A duration beyond [`MAX_NS`] is told as just below that.
    #[must_use]
    pub fn distribution(&self) -> Distribution {
        if self.count == 0 {
            return Distribution::default();
        }
        let highest_ns = MAX_NS - 1;
        let (min_ns, max_ns) = (self.min_ns.min(highest_ns), self.max_ns.min(highest_ns));
        let mut buckets: Vec<Bucket> = (0u64..)
            .zip(self.counts.iter())
            .filter(|&(_, &count)| count > 0)
            .map(|(slot, &count)| {
                let (lower_ns, upper_ns) = bounds_ns(slot);
                Bucket { lower_ns, upper_ns, count }
            })
            .collect();
        // The last bucket of the scheme is open; a file tells how far it reached.
        if let Some(last) = buckets.last_mut() {
            last.upper_ns = last.upper_ns.max(max_ns + 1);
        }
        Distribution::new(Some(min_ns), Some(max_ns), buckets).unwrap_or_default()
    }
}

/// Position of the bucket that holds `ns`.
fn slot_of(ns: u64) -> usize {
    let slot = if ns < EXACT_NS {
        ns
    } else {
        let shift = ns.ilog2() - SUB_BUCKETS.ilog2();
        // The leading bit of `ns >> shift` stands for the octave; `shift` is 1 in the first one.
        u64::from(shift) * SUB_BUCKETS + (ns >> shift)
    };
    if ns >> LIMIT_BITS == 0 { usize::try_from(slot).unwrap_or(SLOTS - 1) } else { SLOTS - 1 }
}

/// Lower and upper bound in nanoseconds, the upper one excluded.
fn bounds_ns(slot: u64) -> (u64, u64) {
    if slot < EXACT_NS {
        return (slot, slot + 1);
    }
    let shift = slot / SUB_BUCKETS - 1;
    let leading = slot - shift * SUB_BUCKETS;
    (leading << shift, (leading + 1) << shift)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_series_is_its_durations(least in 0u64..1 << 41, step in 0u64..1 << 36, count in 0u64..300) {
            let (mut series, mut single) = (Recorder::default(), Recorder::default());
            series.record_series(least, step, count);
            (0..count).for_each(|index| single.record(least + index * step));
            prop_assert_eq!(series.counts, single.counts);
            prop_assert_eq!((series.count, series.min_ns, series.max_ns), (single.count, single.min_ns, single.max_ns));
        }
    }

    #[test]
    fn every_bucket_begins_where_the_one_before_it_ends() {
        let mut end = 0;
        for slot in 0..SLOTS as u64 {
            let (lower, upper) = bounds_ns(slot);
            assert_eq!(lower, end, "slot {slot}");
            assert_eq!(slot_of(lower) as u64, slot);
            assert_eq!(slot_of(upper - 1) as u64, slot);
            assert!(upper - lower == 1 || (upper - lower) * 128 <= lower, "slot {slot} is too wide");
            end = upper;
        }
        assert_eq!(end, 1 << LIMIT_BITS);
    }

    #[test]
    fn below_256_ns_everything_is_exact() {
        let mut recorder = Recorder::default();
        (0..=255).for_each(|ns| recorder.record(ns));
        let distribution = recorder.distribution();
        assert_eq!(distribution.count(), 256);
        assert_eq!(distribution.p50_us(), Some(0.127));
        assert_eq!((distribution.min_us(), distribution.max_us()), (Some(0.0), Some(0.255)));
    }

    #[test]
    fn values_beyond_the_scheme_are_counted_and_the_greatest_is_exact() {
        let mut recorder = Recorder::default();
        for ns in [5, 1 << 40, (1 << 41) + 7] {
            recorder.record(ns);
        }
        let distribution = recorder.distribution();
        let last = distribution.buckets().last().unwrap();
        assert_eq!((last.count, last.upper_ns), (2, (1 << 41) + 8));
        assert_eq!(distribution.max_us(), Some(((1u64 << 41) + 7) as f64 / 1000.0));

        recorder.record(u64::MAX);
        assert_eq!(recorder.distribution().count(), 4);
    }

    #[test]
    fn nothing_recorded_is_an_empty_distribution() {
        assert_eq!(Recorder::default().distribution(), Distribution::default());
        assert_eq!(Recorder::default().count(), 0);
    }

    proptest! {
        #[test]
        fn quantiles_are_within_half_a_bucket_of_the_sorted_values(mut values in prop::collection::vec(0u64..1 << 40, 299..600)) {
            let mut recorder = Recorder::default();
            values.iter().for_each(|&ns| recorder.record(ns));
            values.sort_unstable();
            let distribution = recorder.distribution();
            for (q, rank) in [(0.5, values.len().div_ceil(2)), (0.99, (values.len() * 99).div_ceil(100))] {
                let exact = values[rank - 1] as f64 / 1000.0;
                let told = distribution.quantile_us(q).unwrap();
                prop_assert!((told - exact).abs() <= exact / 256.0 + 0.001, "{q}: {told} against {exact}");
            }
            prop_assert_eq!(distribution.min_us(), Some(values[0] as f64 / 1000.0));
            prop_assert_eq!(distribution.max_us(), Some(values[values.len() - 1] as f64 / 1000.0));
        }
    }
}
