//! What the runs of two scenarios say about one metric, before it is judged.

use super::pairing::Pair;
use super::{Effect, EffectKind, Metric, Question, Side};
use crate::run::Run;
use crate::stats::{self, Alternative};

/// What there is to judge by.
#[derive(Debug)]
pub(super) enum Evidence {
    /// A run lacks the figure, or no effect can be told from the figures.
    Missing {
        why: String,
        /// Runs of A that have it.
        n_a: usize,
        /// Runs of B that have it.
        n_b: usize,
    },
    /// Not a single miss on either side: there is nothing to test, only a bound on what was not seen.
    NeverMissed { releases_a: u64, releases_b: u64 },
    /// Figures of all runs.
    Tested(Tested),
}

/// The figures, and what the tests say of them.
#[derive(Debug)]
pub(super) struct Tested {
    pub(super) a: Vec<f64>,
    pub(super) b: Vec<f64>,
    pub(super) median_a: f64,
    pub(super) median_b: f64,
    pub(super) effect: Effect,
    pub(super) smallest_effect: f64,
    pub(super) p: f64,
    pub(super) p_equivalence: f64,
    pub(super) cliffs_delta: f64,
}

impl Evidence {
    pub(super) fn of(metric: Metric, pair: &Pair<'_>, question: &Question) -> Self {
        let figures =
            figures(metric, &pair.a.runs, Side::A).and_then(|a| Ok((a, figures(metric, &pair.b.runs, Side::B)?)));
        let (a, b) = match figures {
            Ok(figures) => figures,
            Err(why) => {
                let having = |runs: &[&Run]| runs.iter().filter(|run| metric.of(run).is_ok()).count();
                return Self::Missing { why, n_a: having(&pair.a.runs), n_b: having(&pair.b.runs) };
            }
        };
        if metric == Metric::MissRate && a.iter().chain(&b).all(|rate| *rate == 0.0) {
            return Self::NeverMissed { releases_a: releases(&pair.a.runs), releases_b: releases(&pair.b.runs) };
        }
        let (n_a, n_b) = (a.len(), b.len());
        Tested::of(metric, a, b, question).map_or_else(
            || Self::Missing { why: "a median is 0, so there is no ratio".to_owned(), n_a, n_b },
            Self::Tested,
        )
    }
}

impl Tested {
    /// `None` if there is no effect to be told.
    fn of(metric: Metric, a: Vec<f64>, b: Vec<f64>, question: &Question) -> Option<Self> {
        let (median_a, median_b) = (stats::median(&a)?, stats::median(&b)?);
        let kind = kind(metric, median_a, median_b, question)?;
        let (figure, smallest_effect): (fn(f64, f64) -> f64, f64) = match kind {
            EffectKind::Ratio => (stats::ratio, question.smallest_effect),
            EffectKind::Difference => (|a, b| a - b, question.smallest_miss_rate),
        };
        let p_equivalence = match kind {
            EffectKind::Ratio => stats::equivalent_by_ratio(&a, &b, smallest_effect),
            EffectKind::Difference => stats::equivalent_by_difference(&a, &b, smallest_effect),
        };
        let interval = (a.len().min(b.len()) >= stats::LEAST_RUNS_FOR_INTERVAL)
            .then(|| stats::interval_of_medians(&a, &b, figure, 1.0 - question.alpha, stats::RESAMPLES))
            .flatten();
        Some(Self {
            median_a,
            median_b,
            effect: Effect { kind, value: figure(median_a, median_b), interval },
            smallest_effect,
            p: stats::mann_whitney(&a, &b, Alternative::Different),
            p_equivalence,
            cliffs_delta: stats::cliffs_delta(&a, &b),
            a,
            b,
        })
    }

    /// Whether the interval reaches beyond the smallest effect: rank tests do not see how far off single runs are.
    pub(super) fn may_matter(&self) -> bool {
        let greatest = match self.effect.kind {
            EffectKind::Ratio => 1.0 + self.smallest_effect,
            EffectKind::Difference => self.smallest_effect,
        };
        let least = match self.effect.kind {
            EffectKind::Ratio => 1.0 / greatest,
            EffectKind::Difference => -greatest,
        };
        self.effect.interval.is_some_and(|interval| interval.low < least || interval.high > greatest)
    }

    /// What varies from run to run, on the scale of the effect: the sum of the variances within the sides, and the smallest
    /// effect. `None` if it cannot be told.
    pub(super) fn spread(&self) -> Option<(f64, f64)> {
        let scaled = |values: &[f64]| -> Vec<f64> {
            match self.effect.kind {
                EffectKind::Ratio => values.iter().map(|value| value.ln()).collect(),
                EffectKind::Difference => values.to_vec(),
            }
        };
        let variances = stats::variance(&scaled(&self.a))? + stats::variance(&scaled(&self.b))?;
        let smallest = match self.effect.kind {
            EffectKind::Ratio => self.smallest_effect.ln_1p(),
            EffectKind::Difference => self.smallest_effect,
        };
        Some((variances, smallest))
    }
}

/// Ratio or difference; `None` if a ratio is asked for and there is none.
fn kind(metric: Metric, median_a: f64, median_b: f64, question: &Question) -> Option<EffectKind> {
    let any_zero = median_a == 0.0 || median_b == 0.0;
    // Of two miss rates that are both too small to matter, the ratio does not matter either.
    let both_small = median_a.max(median_b) < question.smallest_miss_rate;
    match metric {
        Metric::MissRate if any_zero || both_small => Some(EffectKind::Difference),
        _ if any_zero => None,
        _ => Some(EffectKind::Ratio),
    }
}

fn figures(metric: Metric, runs: &[&Run], side: Side) -> Result<Vec<f64>, String> {
    (1u32..)
        .zip(runs)
        .map(|(number, run)| metric.of(run).map_err(|why| format!("{side}, run {number} of {}: {why}", runs.len())))
        .collect()
}

fn releases(runs: &[&Run]) -> u64 {
    runs.iter().fold(0, |sum, run| sum.saturating_add(run.releases))
}
