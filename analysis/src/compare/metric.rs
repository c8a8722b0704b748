//! The figures that are compared. Lower is better in all of them.

use serde::{Deserialize, Serialize};

use crate::run::{Accounting, Distribution, NoQuantile, Run};

/// One figure of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Median of start minus release, in microseconds.
    WakeupP50Us,
    /// 99th percentile of it.
    WakeupP99Us,
    /// 99.9th percentile of it.
    #[serde(rename = "wakeup_p99_9_us")]
    WakeupP999Us,
    /// 99th percentile of end minus release, in microseconds.
    ResponseP99Us,
    /// Misses per release, 0 to 1.
    MissRate,
    /// Share of one CPU that the thread used.
    Cpu,
}

impl Metric {
    /// All, in the order of the table.
    pub const ALL: [Self; 6] =
        [Self::WakeupP50Us, Self::WakeupP99Us, Self::WakeupP999Us, Self::ResponseP99Us, Self::MissRate, Self::Cpu];

    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::WakeupP50Us => "wake-up p50",
            Self::WakeupP99Us => "wake-up p99",
            Self::WakeupP999Us => "wake-up p99.9",
            Self::ResponseP99Us => "response p99",
            Self::MissRate => "misses",
            Self::Cpu => "CPU",
        }
    }

    /// The figure of a run, or why there is none.
    pub(super) fn of(self, run: &Run) -> Result<f64, String> {
        match self.quantile(run) {
            Some((times, q)) => times.try_quantile_us(q).map_err(|why| match why {
                NoQuantile::TooFewSamples { .. } => format!("{why}: use a longer --duration"),
                NoQuantile::TooCoarse { .. } | NoQuantile::OutOfRange => why.to_string(),
            }),
            None if self == Self::MissRate => miss_rate(run),
            None => cpu(run),
        }
    }

    /// Width in microseconds of the bucket from which a time is told; 0 for other figures.
    pub(super) fn resolution_us(self, run: &Run) -> f64 {
        self.quantile(run).and_then(|(times, q)| times.resolution_us(q)).unwrap_or(0.0)
    }

    /// The times that it is a quantile of, and which one.
    fn quantile(self, run: &Run) -> Option<(&Distribution, f64)> {
        match self {
            Self::WakeupP50Us => Some((&run.wakeup_us, 0.5)),
            Self::WakeupP99Us => Some((&run.wakeup_us, 0.99)),
            Self::WakeupP999Us => Some((&run.wakeup_us, 0.999)),
            Self::ResponseP99Us => Some((&run.response_us, 0.99)),
            Self::MissRate | Self::Cpu => None,
        }
    }
}

fn cpu(run: &Run) -> Result<f64, String> {
    match run.cpu {
        Some(share) if share.is_finite() && share >= 0.0 => Ok(share),
        Some(share) => Err(format!("a share of {share}")),
        None => Err("the tool does not tell it".to_owned()),
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of releases are below 2^53")]
fn miss_rate(run: &Run) -> Result<f64, String> {
    match run.accounting {
        Accounting::PassedReleasesForgotten => Err("the tool does not count misses".to_owned()),
        Accounting::Complete if run.releases == 0 => Err("there were no releases".to_owned()),
        Accounting::Complete if run.misses > run.releases => {
            Err(format!("misses are {}, more than the {} releases", run.misses, run.releases))
        }
        Accounting::Complete => Ok(run.misses as f64 / run.releases as f64),
    }
}
