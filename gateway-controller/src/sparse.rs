//! A latency distribution in few bytes: some 30 where the dense one has a kilobyte.

use shared_proto::histogram::{Histogram, Latency, MIN_BUCKET};

/// Counts per bucket of [`Histogram`], exact least and greatest value. Merging is exact: a count has 64 bits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Sparse {
    /// For each bucket that is not empty: the gap to the one before and the count, both as LEB128.
    bytes: Box<[u8]>,
    /// Least and greatest value in nanoseconds; without meaning while nothing is counted.
    extremes_ns: (u64, u64),
}

impl Sparse {
    /// The buckets that are not empty, as `(index, count)`, lowest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (i16, u64)> + Clone + '_ {
        let mut rest: &[u8] = &self.bytes;
        let mut next = MIN_BUCKET;
        std::iter::from_fn(move || {
            let gap = take(&mut rest)?;
            let index = next.saturating_add(i16::try_from(gap).ok()?);
            next = index.saturating_add(1);
            Some((index, take(&mut rest)?))
        })
    }

    /// Adds all values of a window.
    pub(crate) fn add(&mut self, latency: &Latency) {
        if let (Some(min), Some(max)) = (latency.min_ns(), latency.max_ns()) {
            let counts = latency.histogram().iter().map(|(index, count)| (index, u64::from(count)));
            self.add_counts(counts, (min, max));
        }
    }

    /// Adds all values of another.
    pub(crate) fn merge(&mut self, other: &Self) {
        if !other.is_empty() {
            self.add_counts(other.iter(), other.extremes_ns);
        }
    }

    fn add_counts(&mut self, theirs: impl Iterator<Item = (i16, u64)>, (min, max): (u64, u64)) {
        let mut bytes = Vec::with_capacity(self.bytes.len() + 16);
        let mut next = MIN_BUCKET;
        let mut put = |index: i16, count: u64| {
            let gap = u64::try_from(i32::from(index) - i32::from(next)).unwrap_or_default();
            append(&mut bytes, gap);
            append(&mut bytes, count);
            next = index.saturating_add(1);
        };
        let extremes_ns =
            if self.is_empty() { (min, max) } else { (self.extremes_ns.0.min(min), self.extremes_ns.1.max(max)) };
        let (mut mine, mut theirs) = (self.iter().peekable(), theirs.peekable());
        loop {
            match (mine.peek().copied(), theirs.peek().copied()) {
                (Some((a, count)), Some((b, _))) if a < b => {
                    put(a, count);
                    mine.next();
                }
                (Some((a, count)), Some((b, more))) if a == b => {
                    put(a, count.saturating_add(more));
                    mine.next();
                    theirs.next();
                }
                (Some((a, count)), None) => {
                    put(a, count);
                    mine.next();
                }
                (_, Some((b, more))) => {
                    put(b, more);
                    theirs.next();
                }
                (None, None) => break,
            }
        }
        drop(mine);
        self.extremes_ns = extremes_ns;
        self.bytes = bytes.into_boxed_slice();
    }

    /// Whether nothing is counted.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Number of values.
    pub(crate) fn total(&self) -> u64 {
        self.iter().fold(0, |sum, (_, count)| sum.saturating_add(count))
    }

    /// Least value in nanoseconds, exact.
    pub(crate) fn min_ns(&self) -> Option<u64> {
        (!self.is_empty()).then_some(self.extremes_ns.0)
    }

    /// Greatest value in nanoseconds, exact.
    pub(crate) fn max_ns(&self) -> Option<u64> {
        (!self.is_empty()).then_some(self.extremes_ns.1)
    }

    /// Quantiles (0 to 1) in nanoseconds, each within the bucket error and never outside the exact extremes; `None` if nothing
    /// is counted.
    pub(crate) fn quantiles_ns<const N: usize>(&self, quantiles: [f64; N]) -> Option<[u64; N]> {
        let (min, max) = (self.min_ns()?, self.max_ns()?);
        Some(quantiles.map(|q| Histogram::quantile_of_counts_ns(self.iter(), q).unwrap_or(max).clamp(min, max)))
    }

    /// Bytes on the heap.
    #[cfg(test)]
    pub(super) fn heap(&self) -> usize {
        self.bytes.len()
    }
}

fn append(bytes: &mut Vec<u8>, mut value: u64) {
    loop {
        // The mask leaves seven bits.
        let low = u8::try_from(value & 0x7f).unwrap_or_default();
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

fn take(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn latency(values: &[u64]) -> Latency {
        let mut latency = Latency::default();
        values.iter().for_each(|&value| latency.record(value));
        latency
    }

    proptest! {
        #[test]
        fn merging_loses_nothing(windows in proptest::collection::vec(proptest::collection::vec(0u64..80_000_000_000, 0..40), 0..8)) {
            let mut whole = Latency::default();
            let (mut one_by_one, mut halves) = (Sparse::default(), [Sparse::default(), Sparse::default()]);
            for (number, values) in windows.iter().enumerate() {
                let window = latency(values);
                whole.merge(&window).unwrap();
                one_by_one.add(&window);
                halves[number % 2].add(&window);
            }
            let [mut left, right] = halves;
            left.merge(&right);
            prop_assert_eq!(&left, &one_by_one);
            let counts: Vec<_> = whole.histogram().iter().map(|(index, count)| (index, u64::from(count))).collect();
            prop_assert_eq!(left.iter().collect::<Vec<_>>(), counts);
            prop_assert_eq!((left.min_ns(), left.max_ns(), left.total()), (whole.min_ns(), whole.max_ns(), whole.count()));
            let quantiles = left.quantiles_ns([0.0, 0.5, 0.99, 1.0]);
            prop_assert_eq!(quantiles.map(|q| q[1]), whole.quantile_ns(0.5));
            prop_assert_eq!(quantiles.map(|q| q[2]), whole.quantile_ns(0.99));
        }
    }

    #[test]
    fn it_is_small_and_counts_beyond_32_bits() {
        let mut sparse = Sparse::default();
        let values: Vec<u64> = (0..1_000).map(|value| 40_000 + value * 20).collect();
        sparse.add(&latency(&values));
        assert!(sparse.heap() < 40, "{}", sparse.heap());
        let window = sparse.clone();
        (0..40).for_each(|_| sparse.merge(&sparse.clone()));
        assert_eq!(sparse.total(), window.total() << 40);
        // Far beyond what a window's bucket holds, the quantiles are those of the one.
        assert_eq!(sparse.quantiles_ns([0.01, 0.5, 0.99]), window.quantiles_ns([0.01, 0.5, 0.99]));
    }
}
