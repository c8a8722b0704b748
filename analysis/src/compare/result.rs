//! The outcome of a comparison. As JSON: names of fields as here, figures in the units of [`Metric`].

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Metric, Origin, Question};
use crate::stats::{Interval, Magnitude, Margin};

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
    /// Where the runs of A come from.
    pub a: Origin,
    /// Where the runs of B come from.
    pub b: Origin,
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
    /// The metrics, in the order of [`Metric::ALL`]; response times only if both sides tell them.
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
    /// Its size in a word; `null` for fewer than 5 runs on a side.
    pub magnitude: Option<Magnitude>,
    /// p of equivalence: small if the difference is shown to be below `margin`.
    pub p_equivalence: Option<f64>,
    /// Smallest difference that matters.
    pub margin: Margin,
    /// Runs a side with which the smallest difference that matters would be found with power 0.8, as far as the spread of
    /// these runs tells; `null` if it does not.
    pub runs_for_power: Option<u32>,
    /// What follows.
    pub verdict: Verdict,
    /// What single runs do unlike the typical ones.
    pub single_runs: Option<String>,
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
    /// Its interval with confidence `1 − alpha`; `null` for fewer than 5 runs on a side, or if no interval of so
    /// few runs has that confidence.
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

/// What follows for A. As JSON `{"is":"better"}`, `{"is":"same"}`, `{"is":"worse"}`, `{"is":"outlying-runs"}`,
/// `{"is":"not-enough-runs","needed":{"about":12}}`, `{"is":"not-available","why":"…"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Verdict {
    /// A is lower than B, beyond chance.
    Better,
    /// The difference is shown to be smaller than the smallest one that matters.
    Same,
    /// A is greater than B, beyond chance.
    Worse,
    /// The typical runs say one of the three, but single runs of a side that would not be worse lie beyond all of the other
    /// one: [`MetricComparison::single_runs`] says which.
    OutlyingRuns,
    /// The runs show neither a difference nor that there is none.
    NotEnoughRuns {
        /// How many a side it would take; `null` if that cannot be told.
        needed: Option<RunsNeeded>,
    },
    /// The figure is missing, or the histograms are too coarse for a claim.
    NotAvailable {
        /// Why.
        why: String,
    },
}

/// How many runs a side an answer takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunsNeeded {
    /// With fewer nothing can be claimed, whatever they say. As JSON `{"at_least":5}`.
    AtLeast(u32),
    /// A rough estimate from the spread of the runs. As JSON `{"about":12}`.
    About(u32),
}

impl Verdict {
    /// The verdict in a word or three.
    #[must_use]
    pub fn words(&self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Same => "same",
            Self::Worse => "worse",
            Self::OutlyingRuns => "outlying runs",
            Self::NotEnoughRuns { .. } => "not enough runs",
            Self::NotAvailable { .. } => "not available",
        }
    }
}
