//! Units: whole nanoseconds inside, microseconds on the wire; ratios from 0 to 1.

use core::fmt;

use serde::{Deserialize, Serialize};

/// Longest duration that the wire carries, in nanoseconds: 1e12 µs, eleven days.
pub const MAX_NS: u64 = 1_000_000_000_000_000;

/// Nanoseconds as microseconds with up to three decimals.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "exact below 2^53 ns, which is 104 days")]
pub fn ns_to_micros(ns: u64) -> f64 {
    ns as f64 / 1000.0
}

/// Microseconds as whole nanoseconds, rounded; `None` unless it is a number from 0 to 1e12 (eleven days).
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked first")]
pub fn micros_to_ns(micros: f64) -> Option<u64> {
    (0.0..=1e12).contains(&micros).then_some((micros * 1000.0 + 0.5) as u64)
}

/// A share of a whole, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Ratio(f64);

/// A number that is not a share of a whole.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("{0} is not a ratio: allowed are 0 to 1")]
pub struct NotARatio(f64);

impl Ratio {
    /// Nothing.
    pub const ZERO: Self = Self(0.0);
    /// The whole.
    pub const ONE: Self = Self(1.0);

    /// `part / whole`, or zero if there is no whole; at most 1.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of jobs: 2^53 of them take 285 years at 1 MHz")]
    pub fn of(part: u64, whole: u64) -> Self {
        if whole == 0 { Self::ZERO } else { Self((part as f64 / whole as f64).min(1.0)) }
    }

    /// The share as a number from 0 to 1.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Ratio {
    type Error = NotARatio;

    fn try_from(value: f64) -> Result<Self, NotARatio> {
        if (0.0..=1.0).contains(&value) { Ok(Self(value)) } else { Err(NotARatio(value)) }
    }
}

impl From<Ratio> for f64 {
    fn from(ratio: Ratio) -> Self {
        ratio.0
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
