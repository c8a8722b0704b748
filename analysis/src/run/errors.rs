//! What can be wrong with a distribution, and why it may not tell a quantile.

use shared_proto::units::{MAX_NS, ns_to_micros as us};

/// Numbers that are no distribution.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum BadDistribution {
    /// A bucket whose bounds are the wrong way round or equal.
    #[error(
        "hist: bucket {index} reaches from {lower_us} to {upper_us} us; its upper bound must be above the lower one"
    )]
    Bounds {
        /// Position of the bucket, from 0.
        index: usize,
        /// Its lower bound in microseconds.
        lower_us: f64,
        /// Its upper bound in microseconds.
        upper_us: f64,
    },
    /// A bucket that begins before the one before it ends.
    #[error(
        "hist: bucket {index} begins at {lower_us} us, before bucket {} ends at {previous_us} us; buckets must ascend without overlap",
        .index.saturating_sub(1)
    )]
    Overlap {
        /// Position of the bucket, from 0.
        index: usize,
        /// Its lower bound in microseconds.
        lower_us: f64,
        /// Upper bound of the bucket before it, in microseconds.
        previous_us: f64,
    },
    /// A bucket without content.
    #[error("hist: bucket {index} is empty; leave out empty buckets")]
    Empty {
        /// Position of the bucket, from 0.
        index: usize,
    },
    /// `count` is not the sum over the buckets.
    #[error("count is {count}, but the buckets of hist hold {in_buckets}")]
    Count {
        /// The count that was told.
        count: u64,
        /// The sum.
        in_buckets: u64,
    },
    /// The sum over the buckets does not fit.
    #[error("hist: the counts add up to more than 2^64 - 1")]
    TooMany,
    /// `min` or `max` contradicts the buckets or the other.
    #[error("{which} is {value_us} us; allowed are {least_us} to {greatest_us} us, by hist and min")]
    Extreme {
        /// `min` or `max`.
        which: &'static str,
        /// Its value in microseconds.
        value_us: f64,
        /// Least value allowed, in microseconds.
        least_us: f64,
        /// Greatest value allowed, in microseconds.
        greatest_us: f64,
    },
    /// `min` or `max` without a single duration.
    #[error("{0} must be null where count is 0")]
    ExtremeOfNothing(&'static str),
    /// A time that cannot be one.
    #[error("{what} is {value_us:?} us; allowed are 0 to {} us", us(MAX_NS))]
    Time {
        /// Where it stands.
        what: &'static str,
        /// Its value in microseconds.
        value_us: f64,
    },
}

/// Why a distribution cannot tell a quantile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoQuantile {
    /// There are too few durations.
    #[error("{samples} samples, {needed} are needed")]
    TooFewSamples {
        /// So many there are.
        samples: u64,
        /// So many are needed, see [`samples_needed`](super::samples_needed).
        needed: u64,
    },
    /// It lies in a bucket too wide to tell, as beyond the limit of a fixed histogram.
    #[error("it lies somewhere between {lower_us} and {upper_us} us, where the histogram does not resolve")]
    TooCoarse {
        /// Lower bound of the bucket in microseconds, rounded down.
        lower_us: u64,
        /// Upper bound of the bucket in microseconds, rounded up.
        upper_us: u64,
    },
    /// A quantile lies between 0 and 1.
    #[error("a quantile lies between 0 and 1, both excluded")]
    OutOfRange,
}
