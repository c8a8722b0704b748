//! One scenario of A against one of B.

use std::cmp::Ordering;

use super::evidence::Evidence;
use super::judge::Bench;
use super::pairing::Pair;
use super::{CompareError, Metric, Question, ScenarioComparison, notes, summary};
use crate::stats;

pub(super) fn compare(pair: &Pair<'_>, question: &Question) -> Result<ScenarioComparison, CompareError> {
    let period_us = common_period(pair)?;
    let evidence: Vec<(Metric, Evidence)> = Metric::ALL
        .into_iter()
        .filter(|metric| metric.is_always_listed() || is_told(*metric, pair))
        .map(|metric| (metric, Evidence::of(metric, pair, question)))
        .collect();
    let p: Vec<f64> = evidence.iter().filter_map(|(_, evidence)| p_of(evidence)).collect();
    let bench = Bench {
        question,
        runs_a: pair.a.runs.len(),
        runs_b: pair.b.runs.len(),
        tests: u32::try_from(p.len()).unwrap_or(u32::MAX),
    };
    let mut p_holm = stats::holm(&p).into_iter();
    let metrics: Vec<_> = evidence
        .iter()
        .map(|(metric, evidence)| {
            let corrected = p_of(evidence).and_then(|_| p_holm.next());
            bench.judge(*metric, evidence, corrected)
        })
        .collect();
    Ok(ScenarioComparison {
        a: pair.a.name.to_owned(),
        b: pair.b.name.to_owned(),
        runs_a: bench.runs_a,
        runs_b: bench.runs_b,
        period_us,
        notes: notes::of(pair, &metrics, question),
        summary: summary::of(&metrics),
        metrics,
    })
}

fn p_of(evidence: &Evidence) -> Option<f64> {
    match evidence {
        Evidence::Tested(tested) => Some(tested.p),
        Evidence::Missing { .. } | Evidence::NeverMissed { .. } | Evidence::AllZero => None,
    }
}

/// Whether a figure that some tools do not measure is there: response times on both sides, the gateway's on one at least.
fn is_told(metric: Metric, pair: &Pair<'_>) -> bool {
    let mut sides = [&pair.a, &pair.b].into_iter();
    if metric == Metric::ResponseP99Us {
        sides.all(|side| side.runs.iter().any(|sample| sample.run.response_us.count() > 0))
    } else {
        sides.any(|side| side.runs.iter().any(|sample| metric.of(sample.run).is_ok()))
    }
}

/// The period of all runs of both sides.
fn common_period(pair: &Pair<'_>) -> Result<f64, CompareError> {
    let mut periods = pair.a.runs.iter().chain(&pair.b.runs).map(|sample| sample.run.task.period_us);
    let first_us = periods.next().unwrap_or_default();
    // Less than a nanosecond is the rounding of a file.
    let differs = |period_us: &f64| (period_us - first_us).abs().partial_cmp(&0.001).is_none_or(Ordering::is_ge);
    match periods.find(differs) {
        None => Ok(first_us),
        Some(second_us) => Err(CompareError::PeriodsDiffer { scenario: pair.a.name.to_owned(), first_us, second_us }),
    }
}
