//! From evidence to a verdict.

use super::evidence::{Evidence, Tested};
use super::format::{confidence, plain, significant};
use super::{Effect, EffectKind, Metric, MetricComparison, Question, RunsNeeded, Side, Verdict};
use crate::stats::{self, Magnitude};

/// With sizes more unequal than this nothing is claimed: the rank test then takes unequal spread for a difference.
pub(super) const GREATEST_RATIO_OF_SIZES: usize = 3;

/// What all metrics of a scenario are judged by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bench<'a> {
    pub(super) question: &'a Question,
    pub(super) runs_a: usize,
    pub(super) runs_b: usize,
    /// Metrics tested in the scenario: Holm's correction multiplies the least p by so much.
    pub(super) tests: u32,
}

/// A verdict, and what is to be said with it.
struct Judgement {
    verdict: Verdict,
    single_runs: Option<String>,
    remark: Option<String>,
}

impl From<Verdict> for Judgement {
    fn from(verdict: Verdict) -> Self {
        Self { verdict, single_runs: None, remark: None }
    }
}

impl Bench<'_> {
    /// Chance of a false claim left to the first of the tests.
    fn strictest_alpha(&self) -> f64 {
        self.question.alpha / f64::from(self.tests.max(1))
    }

    /// The verdict if so few runs, or so unequal numbers of them, allow no claim whatever they say.
    fn too_few_runs(&self) -> Option<Verdict> {
        let (fewer, more) = (self.runs_a.min(self.runs_b), self.runs_a.max(self.runs_b));
        let balanced = more.div_ceil(GREATEST_RATIO_OF_SIZES);
        let enough = fewer >= stats::LEAST_RUNS
            && fewer >= balanced
            && stats::least_attainable_p(fewer, more) < self.strictest_alpha();
        let least = || {
            let runs = stats::runs_to_reach(self.strictest_alpha())?;
            Some(RunsNeeded::AtLeast(runs.max(whole(stats::LEAST_RUNS)).max(whole(balanced))))
        };
        (!enough).then(|| Verdict::NotEnoughRuns { needed: least() })
    }

    /// How many runs a side would find the smallest difference that matters, and no fewer than a claim takes.
    fn runs_for_power(&self, tested: &Tested) -> Option<u32> {
        let (variances, smallest_effect) = tested.spread()?;
        let alpha = self.strictest_alpha();
        let about = stats::runs_for_effect(smallest_effect, variances, alpha)?;
        Some(about.max(stats::runs_to_reach(alpha)?).max(whole(stats::LEAST_RUNS)))
    }

    /// An estimate, more than there are.
    fn about(&self, runs: u32) -> RunsNeeded {
        RunsNeeded::About(runs.max(whole(self.runs_a.min(self.runs_b)).saturating_add(1)))
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
            margin: self.question.margin(metric),
            runs_for_power: None,
            verdict: Verdict::Same,
            single_runs: None,
            remark: None,
        };
        let judgement = match evidence {
            Evidence::Missing { why, n_a, n_b } => {
                (comparison.n_a, comparison.n_b) = (*n_a, *n_b);
                Verdict::NotAvailable { why: why.clone() }.into()
            }
            Evidence::NeverMissed { releases_a, releases_b } => {
                (comparison.median_a, comparison.median_b) = (Some(0.0), Some(0.0));
                comparison.effect = Some(Effect { kind: EffectKind::Difference, value: 0.0, interval: None });
                self.judge_never_missed(*releases_a, *releases_b)
            }
            Evidence::AllZero => {
                (comparison.median_a, comparison.median_b) = (Some(0.0), Some(0.0));
                self.too_few_runs().unwrap_or(Verdict::Same).into()
            }
            Evidence::Tested(tested) => {
                (comparison.median_a, comparison.median_b) = (Some(tested.median_a), Some(tested.median_b));
                comparison.effect = Some(tested.effect);
                comparison.p = Some(tested.p);
                comparison.cliffs_delta = Some(tested.cliffs_delta);
                comparison.magnitude =
                    (self.runs_a.min(self.runs_b) >= stats::LEAST_RUNS).then(|| Magnitude::of(tested.cliffs_delta));
                comparison.p_equivalence = Some(tested.p_equivalence);
                comparison.runs_for_power = self.runs_for_power(tested);
                self.judge_tested(tested, p_holm.unwrap_or(1.0))
            }
        };
        comparison.verdict = judgement.verdict;
        comparison.single_runs = judgement.single_runs;
        comparison.remark = judgement.remark;
        comparison
    }

    fn judge_tested(&self, tested: &Tested, p_holm: f64) -> Judgement {
        if let Some(verdict) = self.too_few_runs() {
            return verdict.into();
        }
        let different = p_holm < self.question.alpha;
        let mut judgement = if tested.p_equivalence < self.question.alpha {
            judge_alike(tested)
        } else if different {
            judge_different(tested)
        } else {
            let about = tested.spread().and_then(|(variances, smallest_effect)| {
                stats::runs_for_effect(smallest_effect, variances, self.strictest_alpha())
            });
            let verdict = Verdict::NotEnoughRuns { needed: about.map(|runs| self.about(runs)) };
            Judgement { single_runs: tested.single_runs.text(&[Side::A, Side::B]), ..verdict.into() }
        };
        if judgement.verdict == Verdict::Same {
            let remark = if tested.interval_reaches_far() {
                Some("the interval reaches beyond the smallest difference that matters")
            } else {
                different.then_some("the difference is real, but below the smallest one that matters")
            };
            judgement.remark = remark.map(str::to_owned);
        }
        judgement
    }

    /// No event in n independent trials bounds its rate by -ln(alpha)/n with the confidence 1 - alpha: the rule of three.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "numbers of releases and runs; `as` saturates"
    )]
    fn judge_never_missed(&self, releases_a: u64, releases_b: u64) -> Judgement {
        let alpha = self.question.alpha;
        let smallest = self.question.smallest_miss_rate;
        let trials = -alpha.ln();
        let bound = trials / releases_a.min(releases_b) as f64;
        let remark = format!(
            "no miss on either side; with {} % each misses less than {} % of its releases (-ln {} / n, if misses are \
             independent)",
            confidence(alpha),
            significant(bound * 100.0, 2),
            plain(alpha)
        );
        let verdict = self.too_few_runs().unwrap_or_else(|| {
            if bound < smallest {
                return Verdict::Same;
            }
            let releases_a_run = (releases_a as f64 / self.runs_a as f64).min(releases_b as f64 / self.runs_b as f64);
            let runs = (trials / smallest / releases_a_run).ceil() as u32;
            Verdict::NotEnoughRuns { needed: Some(self.about(runs)) }
        });
        Judgement { remark: Some(remark), ..verdict.into() }
    }
}

/// The typical runs are shown to be alike.
fn judge_alike(tested: &Tested) -> Judgement {
    let single_runs = tested.single_runs.text(&[Side::A, Side::B]);
    if tested.single_runs.forbid(Side::A) || tested.single_runs.forbid(Side::B) {
        return outlying("typical runs are alike", single_runs);
    }
    if tested.margin_is_below_resolution() {
        let why = tested.resolution.refusal("the smallest difference that matters");
        return Verdict::NotAvailable { why }.into();
    }
    Judgement { single_runs, ..Verdict::Same.into() }
}

/// The typical runs are shown to differ.
fn judge_different(tested: &Tested) -> Judgement {
    // The side of the claim is that of the test, which goes by ranks.
    let (verdict, better_side) =
        if tested.cliffs_delta > 0.0 { (Verdict::Worse, Side::B) } else { (Verdict::Better, Side::A) };
    let single_runs = tested.single_runs.text(&[better_side]);
    if tested.single_runs.forbid(better_side) {
        return outlying(&format!("typical runs of {better_side} are better"), single_runs);
    }
    if tested.is_below_resolution() {
        let why = tested.resolution.refusal("the difference");
        return Verdict::NotAvailable { why }.into();
    }
    Judgement { single_runs, ..verdict.into() }
}

fn outlying(typical: &str, single_runs: Option<String>) -> Judgement {
    let single_runs = single_runs.map(|text| format!("{typical}, but {text}"));
    Judgement { single_runs, ..Verdict::OutlyingRuns.into() }
}

/// A number of runs.
fn whole(runs: usize) -> u32 {
    u32::try_from(runs).unwrap_or(u32::MAX)
}
