//! A latency distribution as it goes over the wire: exact extremes and a histogram.

use super::{CountOverflow, Histogram};
use crate::units::MAX_NS;

/// Durations of the jobs in a window: exact least and greatest value, and all of them in a [`Histogram`].
///
/// Its wire form is in microseconds: `{"min":…,"p50":…,"p99":…,"max":…,"hist":[[bucket,count],…]}`, with `null` for the
/// four figures if no job ran. The quantiles are derived; a reader recomputes them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Latency {
    pub(super) extremes: Option<Extremes>,
    pub(super) histogram: Histogram,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extremes {
    pub(super) min_ns: u64,
    pub(super) max_ns: u64,
}

impl Latency {
    /// Counts one duration; one beyond [`MAX_NS`] counts as that, so that the wire can carry it.
    pub fn record(&mut self, value_ns: u64) {
        let value_ns = value_ns.min(MAX_NS);
        self.histogram.record(value_ns);
        self.widen(Extremes { min_ns: value_ns, max_ns: value_ns });
    }

    /// Adds all values of `other`, exactly.
    ///
    /// # Errors
    /// [`CountOverflow`] if a bucket would exceed `u32::MAX`; then nothing was changed.
    pub fn merge(&mut self, other: &Self) -> Result<(), CountOverflow> {
        self.histogram.merge(&other.histogram)?;
        if let Some(extremes) = other.extremes {
            self.widen(extremes);
        }
        Ok(())
    }

    fn widen(&mut self, other: Extremes) {
        self.extremes = Some(match self.extremes {
            None => other,
            Some(own) => Extremes { min_ns: own.min_ns.min(other.min_ns), max_ns: own.max_ns.max(other.max_ns) },
        });
    }

    /// Number of values.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.histogram.total()
    }

    /// Least value in nanoseconds, exact.
    #[must_use]
    pub fn min_ns(&self) -> Option<u64> {
        self.extremes.map(|extremes| extremes.min_ns)
    }

    /// Greatest value in nanoseconds, exact.
    #[must_use]
    pub fn max_ns(&self) -> Option<u64> {
        self.extremes.map(|extremes| extremes.max_ns)
    }

    /// The quantile `q` (0 to 1) in nanoseconds, within the bucket error and never outside the exact extremes.
    #[must_use]
    pub fn quantile_ns(&self, q: f64) -> Option<u64> {
        self.quantile_of_ns(q, self.count())
    }

    /// The same for who has counted already.
    pub(super) fn quantile_of_ns(&self, q: f64, count: u64) -> Option<u64> {
        let extremes = self.extremes?;
        Some(self.histogram.quantile_of_ns(q, count)?.clamp(extremes.min_ns, extremes.max_ns))
    }

    /// The counts behind the quantiles.
    #[must_use]
    pub fn histogram(&self) -> &Histogram {
        &self.histogram
    }
}
