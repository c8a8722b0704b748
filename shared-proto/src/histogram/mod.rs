//! Latency histogram with exact merge: counts per bucket, so windows and devices add up without loss.

mod buckets;
mod latency;
#[cfg(test)]
mod tests;
mod wire;

pub use buckets::{BUCKETS, BUCKETS_PER_OCTAVE, MAX_BUCKET, MIN_BUCKET};
pub use latency::Latency;

/// A count would exceed `u32::MAX`; neither side of the merge was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a histogram bucket would count more than {} values", u32::MAX)]
pub struct CountOverflow;

/// Counts of durations in exponential buckets (8 an octave), from 8 ns to 67 s.
///
/// Recording saturates at `u32::MAX` per bucket (49 days of 1 kHz in one bucket); merging refuses instead.
#[derive(Clone, PartialEq, Eq)]
pub struct Histogram {
    counts: [u32; BUCKETS],
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: [0; BUCKETS] }
    }
}

impl core::fmt::Debug for Histogram {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Histogram {
    /// Counts one duration.
    pub fn record(&mut self, value_ns: u64) {
        if let Some(count) = self.counts.get_mut(buckets::slot_of(value_ns)) {
            *count = count.saturating_add(1);
        }
    }

    /// Adds `count` values to the bucket with this index on the wire. `false` if there is no such bucket or it overflows.
    #[must_use]
    pub fn add(&mut self, index: i16, count: u32) -> bool {
        let Some(slot) = buckets::slot_of_index(index).and_then(|slot| self.counts.get_mut(slot)) else {
            return false;
        };
        let Some(sum) = slot.checked_add(count) else { return false };
        *slot = sum;
        true
    }

    /// Adds all counts of `other`, exactly.
    ///
    /// # Errors
    /// [`CountOverflow`] if a bucket would exceed `u32::MAX`; then nothing was changed.
    pub fn merge(&mut self, other: &Self) -> Result<(), CountOverflow> {
        let mut sum = self.counts;
        for (mine, theirs) in sum.iter_mut().zip(&other.counts) {
            *mine = mine.checked_add(*theirs).ok_or(CountOverflow)?;
        }
        self.counts = sum;
        Ok(())
    }

    /// Number of values counted.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().map(|&count| u64::from(count)).sum()
    }

    /// The buckets that are not empty, as `(index, count)`, lowest first.
    pub fn iter(&self) -> impl Iterator<Item = (i16, u32)> + '_ {
        self.counts
            .iter()
            .enumerate()
            .filter(|&(_, &count)| count > 0)
            .map(|(slot, &count)| (buckets::index_of_slot(slot), count))
    }

    /// The quantile `q` (0 to 1) in nanoseconds: the geometric middle of the bucket that holds the `⌈q·n⌉`-th smallest
    /// value (nearest rank), so at most 4.5 % off. `None` if nothing was counted.
    #[must_use]
    pub fn quantile_ns(&self, q: f64) -> Option<u64> {
        self.quantile_of_ns(q, self.total())
    }

    /// The same for who has counted the total already: that takes as long as the rest.
    fn quantile_of_ns(&self, q: f64, total: u64) -> Option<u64> {
        let rank = nearest_rank(q, total)?;
        let mut seen = 0u64;
        for (slot, &count) in self.counts.iter().enumerate() {
            seen += u64::from(count);
            if seen >= rank {
                return Some(buckets::middle_ns(slot));
            }
        }
        None
    }

    /// The same of counts beyond 32 bits, which are kept elsewhere: pairs of index on the wire and count, lowest first.
    #[must_use]
    pub fn quantile_of_counts_ns(counts: impl Iterator<Item = (i16, u64)> + Clone, q: f64) -> Option<u64> {
        let total = counts.clone().fold(0u64, |sum, (_, count)| sum.saturating_add(count));
        let rank = nearest_rank(q, total)?;
        let mut seen = 0u64;
        for (index, count) in counts {
            seen = seen.saturating_add(count);
            if seen >= rank {
                return buckets::slot_of_index(index).map(buckets::middle_ns);
            }
        }
        None
    }

    /// Bounds in nanoseconds of the bucket that holds `value_ns`: `(exclusive lower, inclusive upper)`.
    #[must_use]
    pub fn bucket_bounds_ns(value_ns: u64) -> (u64, u64) {
        let slot = buckets::slot_of(value_ns);
        let lower = slot.checked_sub(1).map_or(0, buckets::upper_ns);
        (lower, buckets::upper_ns(slot))
    }

    /// The same of the bucket with this index on the wire; `None` if there is no such bucket. Below 100 ns some buckets hold no
    /// whole nanosecond: their bounds are equal.
    #[must_use]
    pub fn bounds_of_index_ns(index: i16) -> Option<(u64, u64)> {
        let slot = buckets::slot_of_index(index)?;
        Some((slot.checked_sub(1).map_or(0, buckets::upper_ns), buckets::upper_ns(slot)))
    }
}

/// `⌈q·total⌉`, at least 1 and at most `total`; `None` for an empty set or a `q` outside 0 to 1.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "q·total is between 0 and total; a rank off by one part in 2^53 is inside the bucket error"
)]
fn nearest_rank(q: f64, total: u64) -> Option<u64> {
    if total == 0 || !(0.0..=1.0).contains(&q) {
        return None;
    }
    let exact = q * total as f64;
    let whole = exact as u64;
    let rank = if (whole as f64) < exact { whole + 1 } else { whole };
    Some(rank.clamp(1, total))
}
