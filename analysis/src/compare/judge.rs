//! From evidence to a verdict.

use super::evidence::{Evidence, Tested};
use super::format::significant;
use super::{Effect, EffectKind, Metric, MetricComparison, Question, Verdict};
use crate::stats::{self, Magnitude};

/// What all metrics of a scenario are judged by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bench<'a> {
    pub(super) question: &'a Question,
    pub(super) runs_a: usize,
    pub(super) runs_b: usize,
    /// Metrics tested in the scenario: Holm's correction multiplies the least p by so much.
    pub(super) tests: u32,
}

impl Bench<'_> {
    /// Chance of a false claim left to the first of the tests.
    fn strictest_alpha(&self) -> f64 {
        self.question.alpha / f64::from(self.tests.max(1))
    }

    /// Whether so few runs could show anything at all.
    fn too_few_runs(&self) -> bool {
        stats::least_attainable_p(self.runs_a, self.runs_b) >= self.strictest_alpha()
    }

    fn least_runs(&self) -> Option<u32> {
        stats::runs_to_reach(self.strictest_alpha())
    }

    /// One run a side more than there are.
    fn one_more(&self) -> u32 {
        u32::try_from(self.runs_a.min(self.runs_b)).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// Judges one metric; `p_holm` is there if it was tested.
    pub(super) fn judge(&self, metric: Metric, evidence: &Evidence, p_holm: Option<f64>) -> MetricComparison {
        let mut comparison = MetricComparison {
            metric,
            n_a: self.runs_a,
            n_b: self.runs_b,
            median_a: None,
            median_b: None,
            effect: None,
            p: None,
            p_holm,
            cliffs_delta: None,
            magnitude: None,
            p_equivalence: None,
            smallest_effect: self.question.smallest_effect,
            verdict: Verdict::NotEnoughRuns { about: None },
            remark: None,
        };
        match evidence {
            Evidence::Missing { why, n_a, n_b } => {
                (comparison.n_a, comparison.n_b) = (*n_a, *n_b);
                comparison.verdict = Verdict::NotAvailable { why: why.clone() };
            }
            Evidence::NeverMissed { releases_a, releases_b } => {
                comparison.median_a = Some(0.0);
                comparison.median_b = Some(0.0);
                comparison.effect = Some(Effect { kind: EffectKind::Difference, value: 0.0, interval: None });
                comparison.smallest_effect = self.question.smallest_miss_rate;
                (comparison.verdict, comparison.remark) = self.judge_never_missed(*releases_a, *releases_b);
            }
            Evidence::Tested(tested) => {
                comparison.median_a = Some(tested.median_a);
                comparison.median_b = Some(tested.median_b);
                comparison.effect = Some(tested.effect);
                comparison.p = Some(tested.p);
                comparison.cliffs_delta = Some(tested.cliffs_delta);
                comparison.magnitude = Some(Magnitude::of(tested.cliffs_delta));
                comparison.p_equivalence = Some(tested.p_equivalence);
                comparison.smallest_effect = tested.smallest_effect;
                (comparison.verdict, comparison.remark) = self.judge_tested(tested, p_holm.unwrap_or(1.0));
            }
        }
        comparison
    }

    fn judge_tested(&self, tested: &Tested, p_holm: f64) -> (Verdict, Option<String>) {
        let alpha = self.question.alpha;
        let different = p_holm < alpha;
        if self.too_few_runs() {
            return (Verdict::NotEnoughRuns { about: self.least_runs() }, None);
        }
        if tested.p_equivalence < alpha {
            let remark = if tested.may_matter() {
                Some(
                    "typical runs are alike, but single runs lie further apart than the smallest difference that matters",
                )
            } else {
                different.then_some("the difference is real, but below the smallest one that matters")
            };
            return (Verdict::Same, remark.map(str::to_owned));
        }
        if different {
            // The side of the claim is that of the test, which goes by ranks.
            return (if tested.cliffs_delta > 0.0 { Verdict::Worse } else { Verdict::Better }, None);
        }
        let about = tested.spread().and_then(|(variances, smallest_effect)| {
            stats::runs_for_effect(smallest_effect, variances, self.strictest_alpha())
        });
        (Verdict::NotEnoughRuns { about: about.map(|runs| runs.max(self.one_more())) }, None)
    }

    /// The rule of three: no event in n trials bounds its rate by 3/n with 95 %, if the trials are independent.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "numbers of releases and runs; `as` saturates"
    )]
    fn judge_never_missed(&self, releases_a: u64, releases_b: u64) -> (Verdict, Option<String>) {
        let smallest = self.question.smallest_miss_rate;
        let bound = 3.0 / releases_a.min(releases_b) as f64;
        let remark = format!(
            "no miss on either side; with 95 % each misses less than {} % of its releases (3/n, if misses are independent)",
            significant(bound * 100.0, 2)
        );
        if self.too_few_runs() {
            return (Verdict::NotEnoughRuns { about: self.least_runs() }, Some(remark));
        }
        if bound < smallest {
            return (Verdict::Same, Some(remark));
        }
        let releases_a_run = (releases_a as f64 / self.runs_a as f64).min(releases_b as f64 / self.runs_b as f64);
        let runs = (3.0 / smallest / releases_a_run).ceil() as u32;
        (Verdict::NotEnoughRuns { about: Some(runs.max(self.one_more())) }, Some(remark))
    }
}
