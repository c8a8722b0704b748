//! Distribution of durations: exact extremes, and counts between explicit bounds.

use shared_proto::units::{MAX_NS, ns_to_micros as us};

use super::errors::{BadDistribution, NoQuantile};

/// A quantile is not told from a bucket that is wider than this in nanoseconds, unless its width is below a quarter of its
/// lower bound: the middle would be a guess.
const COARSEST_NS: u64 = 1000;

/// Durations in buckets that ascend and do not overlap; inside whole nanoseconds, outside microseconds.
///
/// JSON: `{"count":n,"min":…,"p50":…,"p99":…,"p99_9":…,"max":…,"hist":[[lower,upper,count],…]}` in microseconds with at
/// most three decimals, `null` for a figure that is not available. A reader computes the quantiles anew.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Distribution {
    count: u64,
    min_ns: Option<u64>,
    max_ns: Option<u64>,
    buckets: Vec<Bucket>,
}

/// So many durations from `lower_ns` to just below `upper_ns`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Lower bound in nanoseconds.
    pub lower_ns: u64,
    /// Upper bound in nanoseconds, above the lower one.
    pub upper_ns: u64,
    /// Durations in it, at least 1.
    pub count: u64,
}

/// Least number of samples that supports the quantile `q`; `None` unless `0 < q < 1`.
///
/// The greatest of `n` independent samples is an upper bound of the quantile `q` with the confidence `1 − qⁿ`. For 95 %
/// that takes `n ≥ ln 0.05 / ln q`: 5 for the median, 299 for 0.99, 2,995 for 0.999. Below it the sample cannot even bound
/// the quantile, and the usual estimate is hardly more than the maximum. (The one-sided non-parametric bound by an order
/// statistic, a textbook result. Quantiles below 0.5 are bounded by the minimum, likewise.)
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive whole number; `as` saturates")]
pub fn samples_needed(q: f64) -> Option<u64> {
    let tail = q.max(1.0 - q);
    (q > 0.0 && q < 1.0 && tail < 1.0).then(|| (0.05f64.ln() / tail.ln()).ceil() as u64)
}

impl Distribution {
    /// A distribution from its buckets; extremes that are not known are `None`.
    ///
    /// # Errors
    /// [`BadDistribution`] if a time is beyond [`MAX_NS`] or the numbers contradict each other.
    pub fn new(min_ns: Option<u64>, max_ns: Option<u64>, buckets: Vec<Bucket>) -> Result<Self, BadDistribution> {
        let mut count = 0u64;
        let mut previous_ns = 0;
        for (index, bucket) in buckets.iter().enumerate() {
            let (lower_us, upper_us) = (us(bucket.lower_ns), us(bucket.upper_ns));
            if bucket.upper_ns > MAX_NS {
                return Err(BadDistribution::Time { what: "hist: an upper bound", value_us: upper_us });
            }
            if bucket.lower_ns >= bucket.upper_ns {
                return Err(BadDistribution::Bounds { index, lower_us, upper_us });
            }
            if bucket.lower_ns < previous_ns {
                return Err(BadDistribution::Overlap { index, lower_us, previous_us: us(previous_ns) });
            }
            if bucket.count == 0 {
                return Err(BadDistribution::Empty { index });
            }
            previous_ns = bucket.upper_ns;
            count = count.checked_add(bucket.count).ok_or(BadDistribution::TooMany)?;
        }
        let distribution = Self { count, min_ns, max_ns, buckets };
        distribution.check_extremes()?;
        Ok(distribution)
    }

    /// The least duration lies in the first bucket, the greatest in the last one. An upper bound itself is let pass: there
    /// are histograms whose buckets include it.
    fn check_extremes(&self) -> Result<(), BadDistribution> {
        let (Some(first), Some(last)) = (self.buckets.first(), self.buckets.last()) else {
            return match (self.min_ns, self.max_ns) {
                (None, None) => Ok(()),
                (Some(_), _) => Err(BadDistribution::ExtremeOfNothing("min")),
                (None, Some(_)) => Err(BadDistribution::ExtremeOfNothing("max")),
            };
        };
        let max_from = last.lower_ns.max(self.min_ns.unwrap_or(0));
        for (which, value, least, greatest) in
            [("min", self.min_ns, first.lower_ns, first.upper_ns), ("max", self.max_ns, max_from, last.upper_ns)]
        {
            if let Some(value) = value.filter(|value| !(least..=greatest).contains(value)) {
                let (value_us, least_us, greatest_us) = (us(value), us(least), us(greatest));
                return Err(BadDistribution::Extreme { which, value_us, least_us, greatest_us });
            }
        }
        Ok(())
    }

    /// Number of durations.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Least duration in microseconds, exact.
    #[must_use]
    pub fn min_us(&self) -> Option<f64> {
        self.min_ns.map(us)
    }

    /// Greatest duration in microseconds, exact.
    #[must_use]
    pub fn max_us(&self) -> Option<f64> {
        self.max_ns.map(us)
    }

    /// Median in microseconds, from 5 samples.
    #[must_use]
    pub fn p50_us(&self) -> Option<f64> {
        self.quantile_us(0.5)
    }

    /// 99th percentile in microseconds, from 299 samples.
    #[must_use]
    pub fn p99_us(&self) -> Option<f64> {
        self.quantile_us(0.99)
    }

    /// 99.9th percentile in microseconds, from 2,995 samples.
    #[must_use]
    pub fn p99_9_us(&self) -> Option<f64> {
        self.quantile_us(0.999)
    }

    /// The quantile `q` in microseconds: of the value of nearest rank the middle of its bucket, within the extremes.
    /// `None` if the samples or the buckets do not support it, see [`samples_needed`] and [`NoQuantile`].
    #[must_use]
    pub fn quantile_us(&self, q: f64) -> Option<f64> {
        self.try_quantile_us(q).ok()
    }

    /// As [`Self::quantile_us`], and says why not.
    ///
    /// # Errors
    /// [`NoQuantile`].
    pub fn try_quantile_us(&self, q: f64) -> Result<f64, NoQuantile> {
        let bucket = self.bucket_at(q)?;
        let middle_ns = bucket.lower_ns.midpoint(bucket.upper_ns);
        Ok(us(middle_ns.clamp(self.min_ns.unwrap_or(0), self.max_ns.unwrap_or(MAX_NS))))
    }

    /// Width in microseconds of the bucket that holds the quantile `q`: how exactly it can be told. `None` if there is no
    /// such quantile.
    #[must_use]
    pub fn resolution_us(&self, q: f64) -> Option<f64> {
        self.bucket_at(q).ok().map(|bucket| us(bucket.upper_ns.saturating_sub(bucket.lower_ns)))
    }

    /// The bucket of the value of nearest rank, if the samples and its width support the quantile.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank is positive and at most the count; counts beyond 2^53 are not reached in practice"
    )]
    fn bucket_at(&self, q: f64) -> Result<Bucket, NoQuantile> {
        let needed = samples_needed(q).ok_or(NoQuantile::OutOfRange)?;
        let too_few = NoQuantile::TooFewSamples { samples: self.count, needed };
        if self.count < needed {
            return Err(too_few);
        }
        // The tiny step back keeps the rank of 0.9 × 10 at 9 whatever the rounding of the product.
        let rank = ((q * self.count as f64) * (1.0 - 1e-12)).ceil() as u64;
        let mut seen = 0u64;
        let bucket = self.buckets.iter().find(|bucket| {
            seen = seen.saturating_add(bucket.count);
            seen >= rank
        });
        let bucket = *bucket.or(self.buckets.last()).ok_or(too_few)?;
        let (lower_ns, upper_ns) = self.within_extremes(bucket);
        let width_ns = upper_ns.saturating_sub(lower_ns);
        if width_ns > COARSEST_NS && width_ns > lower_ns / 4 {
            return Err(NoQuantile::TooCoarse { lower_us: lower_ns / 1000, upper_us: upper_ns.div_ceil(1000) });
        }
        Ok(bucket)
    }

    /// The part of a bucket in which there can be values.
    fn within_extremes(&self, bucket: Bucket) -> (u64, u64) {
        (
            bucket.lower_ns.max(self.min_ns.unwrap_or(0)),
            bucket.upper_ns.min(self.max_ns.map_or(MAX_NS, |max_ns| max_ns.saturating_add(1))),
        )
    }

    /// The buckets that are not empty, ascending.
    pub fn buckets(&self) -> impl ExactSizeIterator<Item = Bucket> + '_ {
        self.buckets.iter().copied()
    }
}
