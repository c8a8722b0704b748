//! Whole comparisons.

mod inputs;
mod misses;
mod notes;
mod single_runs;
mod text;
mod verdicts;

use super::fixture::{NOISY, QUIET, run, runs, source, wakeups};
use super::*;
use crate::run::{Accounting, Bucket, Distribution, Machine, Refusal, Run, RunFile};

fn ask(a: &[Run], b: &[Run]) -> ScenarioComparison {
    ask_with(a, b, &Question::default())
}

fn ask_with(a: &[Run], b: &[Run], question: &Question) -> ScenarioComparison {
    let mut comparison = of_runs(a, b, question).unwrap();
    assert_eq!(comparison.scenarios.len(), 1);
    comparison.scenarios.remove(0)
}

fn of_runs(a: &[Run], b: &[Run], question: &Question) -> Result<Comparison, CompareError> {
    compare(&[source("a.json", a)], &[source("b.json", b)], question)
}

fn of(scenario: &ScenarioComparison, metric: Metric) -> &MetricComparison {
    scenario.metrics.iter().find(|one| one.metric == metric).unwrap()
}

fn with_misses(misses: &[u64]) -> Vec<Run> {
    misses.iter().map(|&misses| run("s", 1.0, misses)).collect()
}

fn at_least(runs: u32) -> Verdict {
    Verdict::NotEnoughRuns { needed: Some(RunsNeeded::AtLeast(runs)) }
}

/// So many runs that vary little.
fn quiet(number: u8) -> Vec<Run> {
    (0..number).map(|i| run("s", 1.0 + f64::from(i % 7) / 500.0, 0)).collect()
}
