//! The outcome of a comparison. As JSON: names of fields as here, figures in the units of [`Metric`].

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Metric, Question};
use crate::stats::{Interval, Magnitude};

/// Which list of runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Side {
    /// The first list.
    A,
    /// The list that it is compared against.
    B,
}

impl fmt::Display for Side {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::A => "A",
            Self::B => "B",
        })
    }
}

/// A compared against B.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// What was asked.
    pub question: Question,
    /// One entry for each pair of scenarios, in the order of A.
    pub scenarios: Vec<ScenarioComparison>,
    /// What concerns all of it.
    pub notes: Vec<String>,
}

/// One scenario of A against one of B.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScenarioComparison {
    /// Name on the side A.
    pub a: String,
    /// Name on the side B.
    pub b: String,
    /// Runs of A.
    pub runs_a: usize,
    /// Runs of B.
    pub runs_b: usize,
    /// Period of both in microseconds.
    pub period_us: f64,
    /// The metrics, in the order of [`Metric::ALL`].
    pub metrics: Vec<MetricComparison>,
    /// What a reader should know before believing the verdicts.
    pub notes: Vec<String>,
    /// The verdicts in one sentence.
    pub summary: String,
}

/// One metric. What could not be computed is `null`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricComparison {
    /// The metric.
    pub metric: Metric,
    /// Runs of A that have it.
    pub n_a: usize,
    /// Runs of B that have it.
    pub n_b: usize,
    /// Median over the runs of A.
    pub median_a: Option<f64>,
    /// Median over the runs of B.
    pub median_b: Option<f64>,
    /// How far the medians are apart.
    pub effect: Option<Effect>,
    /// Two-sided p of the exact Mann-Whitney test.
    pub p: Option<f64>,
    /// The same after Holm's correction over the metrics of the scenario; this one decides.
    pub p_holm: Option<f64>,
    /// Cliff's delta, positive if A tends to be greater, that is worse.
    pub cliffs_delta: Option<f64>,
    /// Its size in a word.
    pub magnitude: Option<Magnitude>,
    /// p of equivalence: small if the difference is shown to be below `smallest_effect`.
    pub p_equivalence: Option<f64>,
    /// Smallest difference that matters: relative for a ratio, absolute for a difference.
    pub smallest_effect: f64,
    /// What follows.
    pub verdict: Verdict,
    /// What should be added to the verdict.
    pub remark: Option<String>,
}

/// How far two medians are apart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// What `value` is.
    pub kind: EffectKind,
    /// The figure of A over, or minus, that of B.
    pub value: f64,
    /// Its interval with confidence `1 − alpha`; `null` for fewer than 5 runs on a side.
    pub interval: Option<Interval>,
}

/// Ratio or difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EffectKind {
    /// A / B.
    Ratio,
    /// A − B.
    Difference,
}

/// What follows for A. As JSON `{"is":"better"}`, `{"is":"not-enough-runs","about":12}`, `{"is":"not-available","why":"…"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Verdict {
    /// A is lower than B, beyond chance.
    Better,
    /// The difference is shown to be smaller than the smallest one that matters.
    Same,
    /// A is greater than B, beyond chance.
    Worse,
    /// The runs show neither a difference nor that there is none.
    NotEnoughRuns {
        /// About so many a side would; `null` if that cannot be estimated.
        about: Option<u32>,
    },
    /// The figure is missing.
    NotAvailable {
        /// Why.
        why: String,
    },
}

impl Verdict {
    /// The verdict in a word or three.
    #[must_use]
    pub fn words(&self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Same => "same",
            Self::Worse => "worse",
            Self::NotEnoughRuns { .. } => "not enough runs",
            Self::NotAvailable { .. } => "not available",
        }
    }
}
