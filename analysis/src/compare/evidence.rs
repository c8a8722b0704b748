//! What the runs of two scenarios say about one metric, before it is judged.

use super::pairing::{Pair, Scenario};
use super::resolution::Resolution;
use super::single_runs::{SingleRuns, pooled_rate};
use super::{Effect, EffectKind, Metric, Question, Side};
use crate::stats::{self, Alternative, Margin};

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
    /// A time or share that is 0 in all runs of both sides.
    AllZero,
    /// Figures of all runs.
    Tested(Tested),
}

/// The figures, and what the tests say of them.
#[derive(Debug)]
pub(super) struct Tested {
    a: Vec<f64>,
    b: Vec<f64>,
    pub(super) median_a: f64,
    pub(super) median_b: f64,
    pub(super) effect: Effect,
    pub(super) margin: Margin,
    pub(super) p: f64,
    pub(super) p_equivalence: f64,
    pub(super) cliffs_delta: f64,
    pub(super) single_runs: SingleRuns,
    pub(super) resolution: Resolution,
}

impl Evidence {
    pub(super) fn of(metric: Metric, pair: &Pair<'_>, question: &Question) -> Self {
        let figures = figures(metric, &pair.a, Side::A).and_then(|a| Ok((a, figures(metric, &pair.b, Side::B)?)));
        let (a, b) = match figures {
            Ok(figures) => figures,
            Err(why) => {
                let having =
                    |side: &Scenario<'_>| side.runs.iter().filter(|sample| metric.of(sample.run).is_ok()).count();
                return Self::Missing { why, n_a: having(&pair.a), n_b: having(&pair.b) };
            }
        };
        if a.iter().chain(&b).all(|figure| *figure == 0.0) {
            return if metric == Metric::MissRate {
                Self::NeverMissed { releases_a: releases(&pair.a), releases_b: releases(&pair.b) }
            } else {
                Self::AllZero
            };
        }
        let (n_a, n_b) = (a.len(), b.len());
        Tested::of(metric, a, b, pair, question).map_or_else(
            || Self::Missing { why: "a median is 0, so there is no ratio".to_owned(), n_a, n_b },
            Self::Tested,
        )
    }
}

impl Tested {
    /// `None` if there is no effect to be told.
    fn of(metric: Metric, a: Vec<f64>, b: Vec<f64>, pair: &Pair<'_>, question: &Question) -> Option<Self> {
        let (median_a, median_b) = (stats::median(&a)?, stats::median(&b)?);
        let kind = kind(metric, median_a, median_b, question)?;
        let figure: fn(f64, f64) -> f64 = match kind {
            EffectKind::Ratio => stats::ratio,
            EffectKind::Difference => |a, b| a - b,
        };
        let margin = question.margin(metric);
        let interval = interval_exists(a.len(), b.len(), question.alpha)
            .then(|| stats::interval_of_medians(&a, &b, figure, 1.0 - question.alpha, stats::RESAMPLES))
            .flatten();
        let resolution = Resolution::of(metric, pair);
        let single_runs = SingleRuns::of(metric, &a, &b, margin, resolution.width_us);
        let pooled = |side: &Scenario<'_>| pooled_rate(side.runs.iter().map(|sample| sample.run));
        Some(Self {
            median_a,
            median_b,
            effect: Effect { kind, value: figure(median_a, median_b), interval },
            margin,
            p: stats::mann_whitney(&a, &b, Alternative::Different),
            p_equivalence: stats::equivalent(&a, &b, margin),
            cliffs_delta: stats::cliffs_delta(&a, &b),
            single_runs: match metric {
                Metric::MissRate => single_runs.with_pooled(pooled(&pair.a), pooled(&pair.b), margin),
                _ => single_runs,
            },
            resolution,
            a,
            b,
        })
    }

    /// Whether the interval reaches beyond the smallest difference that matters.
    pub(super) fn interval_reaches_far(&self) -> bool {
        let figure_of_a = |effect: f64| match self.effect.kind {
            EffectKind::Ratio => effect * self.median_b,
            EffectKind::Difference => self.median_b + effect,
        };
        self.effect.interval.is_some_and(|interval| {
            figure_of_a(interval.high) > self.margin.above(self.median_b)
                || self.median_b > self.margin.above(figure_of_a(interval.low).max(0.0))
        })
    }

    /// Whether the medians are closer to each other than the histograms resolve.
    pub(super) fn is_below_resolution(&self) -> bool {
        (self.median_a - self.median_b).abs() < self.resolution.width_us
    }

    /// Whether the smallest difference that matters is less than the histograms resolve.
    pub(super) fn margin_is_below_resolution(&self) -> bool {
        let lesser = self.median_a.min(self.median_b);
        self.margin.above(lesser) - lesser < self.resolution.width_us
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
        let above = self.margin.above(self.median_b);
        let smallest = match self.effect.kind {
            EffectKind::Ratio => (above / self.median_b).ln(),
            EffectKind::Difference => above - self.median_b,
        };
        Some((variances, smallest))
    }
}

/// Whether so many runs can give an interval of the confidence `1 - alpha`. The widest one, from the least to the greatest of
/// all quotients of a run of A and one of B, misses the true ratio of two samples that differ by a factor with exactly the
/// least p of the rank test.
pub(super) fn interval_exists(n_a: usize, n_b: usize, alpha: f64) -> bool {
    n_a.min(n_b) >= stats::LEAST_RUNS && alpha >= stats::least_attainable_p(n_a, n_b)
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

fn figures(metric: Metric, scenario: &Scenario<'_>, side: Side) -> Result<Vec<f64>, String> {
    let figure = |(position, run)| metric.of(run).map_err(|why| format!("{}: {why}", scenario.place(side, position)));
    scenario.runs.iter().map(|sample| sample.run).enumerate().map(figure).collect()
}

fn releases(scenario: &Scenario<'_>) -> u64 {
    scenario.runs.iter().fold(0, |sum, sample| sum.saturating_add(sample.run.releases))
}
