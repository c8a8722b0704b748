//! How exactly the histograms tell a time.

use super::pairing::{Pair, Scenario};
use super::{Metric, Side};
use crate::stats;

/// The coarser of the two sides.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Resolution {
    /// Width of the bucket of the figure in a typical run, in microseconds; 0 for what is no time.
    pub(super) width_us: f64,
    side: Side,
    cyclictest: bool,
}

impl Resolution {
    pub(super) fn of(metric: Metric, pair: &Pair<'_>) -> Self {
        let of = |side: Side, scenario: &Scenario<'_>| {
            let widths: Vec<f64> = scenario.runs.iter().map(|sample| metric.resolution_us(sample.run)).collect();
            Self {
                width_us: stats::median(&widths).unwrap_or(0.0),
                side,
                cyclictest: scenario.runs.iter().any(|sample| sample.source.file().tool.starts_with("cyclictest")),
            }
        };
        let (a, b) = (of(Side::A, &pair.a), of(Side::B, &pair.b));
        if a.width_us > b.width_us { a } else { b }
    }

    /// Why a claim is not made.
    pub(super) fn refusal(&self, what: &str) -> String {
        // Rounded to what a histogram can have.
        let width_us = (self.width_us * 1000.0).round() / 1000.0;
        let advice = if self.cyclictest && width_us >= 1.0 { ": run cyclictest with --nsecs" } else { "" };
        format!("{what} is below the resolution of the files of {} ({width_us} us){advice}", self.side)
    }
}
