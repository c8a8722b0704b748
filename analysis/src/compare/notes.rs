//! What a reader should know before believing the verdicts of a scenario.

use shared_proto::wire::{OverrunPolicy, Schedule};

use super::pairing::{Pair, Scenario};
use super::{EffectKind, Metric, MetricComparison, Side, Verdict};
use crate::run::{Accounting, Run};
use crate::stats::LEAST_RUNS_FOR_INTERVAL;

pub(super) fn of(pair: &Pair<'_>, metrics: &[MetricComparison]) -> Vec<String> {
    let mut notes: Vec<String> = metrics.iter().filter_map(of_metric).collect();
    if pair.a.runs.len().min(pair.b.runs.len()) < LEAST_RUNS_FOR_INTERVAL {
        notes.push(format!("intervals need at least {LEAST_RUNS_FOR_INTERVAL} runs on each side"));
    }
    notes.extend(differences(pair));
    for (side, scenario) in [(Side::A, &pair.a), (Side::B, &pair.b)] {
        notes.extend(of_side(side, scenario));
    }
    notes
}

fn of_metric(comparison: &MetricComparison) -> Option<String> {
    let name = comparison.metric.name();
    let verdict = match &comparison.verdict {
        Verdict::NotEnoughRuns { about: Some(runs) } => {
            Some(format!("an answer would take about {runs} runs on each side"))
        }
        Verdict::NotAvailable { why } => Some(why.clone()),
        Verdict::NotEnoughRuns { about: None } | Verdict::Better | Verdict::Same | Verdict::Worse => None,
    };
    let as_difference = comparison.metric == Metric::MissRate
        && comparison.p.is_some()
        && comparison.effect.is_some_and(|effect| effect.kind == EffectKind::Difference);
    let scale = as_difference.then(|| "the effect is a difference in percentage points, not a ratio".to_owned());
    let parts: Vec<String> = [scale, comparison.remark.clone(), verdict].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("{name}: {}", parts.join("; ")))
}

/// A setting by its name, and how a run has it.
type Aspect = (&'static str, fn(&Run) -> String);

/// What should be alike on both sides, and is not.
fn differences(pair: &Pair<'_>) -> Vec<String> {
    const ASPECTS: [Aspect; 6] = [
        ("deadlines", |run| format!("{} us", run.task.deadline_us)),
        ("workloads", workload),
        ("overrun policies", |run| overrun(run.task.overrun).to_owned()),
        ("schedulers", scheduler),
        ("CPUs", |run| run.settings.cpu.map_or_else(|| "not bound".to_owned(), |cpu| format!("{cpu}"))),
        ("memory locks", |run| if run.settings.locked { "locked" } else { "not locked" }.to_owned()),
    ];
    ASPECTS
        .into_iter()
        .filter_map(|(what, describe)| {
            let (a, b) = (distinct(&pair.a.runs, describe), distinct(&pair.b.runs, describe));
            (a != b || a.len() > 1).then(|| format!("{what} differ: A {}; B {}", a.join(" and "), b.join(" and ")))
        })
        .collect()
}

fn distinct(runs: &[&Run], describe: fn(&Run) -> String) -> Vec<String> {
    let mut all: Vec<String> = runs.iter().map(|run| describe(run)).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn workload(run: &Run) -> String {
    let name = if run.task.workload.is_empty() { "none" } else { &run.task.workload };
    if run.task.workload_ratio > 0.0 {
        format!("{name} ({} of the period)", run.task.workload_ratio)
    } else {
        name.to_owned()
    }
}

fn overrun(policy: OverrunPolicy) -> &'static str {
    match policy {
        OverrunPolicy::SkipNext => "skip-next",
        OverrunPolicy::CatchUp => "catch-up",
    }
}

fn scheduler(run: &Run) -> String {
    let name = match run.settings.schedule {
        Some(Schedule::Other) => "other",
        Some(Schedule::Fifo) => "fifo",
        Some(Schedule::Deadline) => "deadline",
        None => "not known",
    };
    if run.settings.priority > 0 { format!("{name} {}", run.settings.priority) } else { name.to_owned() }
}

fn of_side(side: Side, scenario: &Scenario<'_>) -> Vec<String> {
    let runs = &scenario.runs;
    let mut notes = Vec::new();
    if runs.len() == 1 {
        notes.push(format!("{side} is a single run: how much it varies from run to run is not known"));
    }
    let lost = runs.iter().fold(0u64, |sum, run| sum.saturating_add(run.lost_records));
    if lost > 0 {
        notes.push(format!("{side}: the times of {lost} jobs were lost; percentiles lack them"));
    }
    let refused: Vec<String> = {
        let mut all: Vec<String> =
            runs.iter().flat_map(|run| &run.settings.refused).map(|refusal| refusal.setting.clone()).collect();
        all.sort_unstable();
        all.dedup();
        all
    };
    if !refused.is_empty() {
        notes.push(format!("{side}: the machine refused {}", refused.join(", ")));
    }
    if runs.iter().any(|run| run.epochs > 1) {
        notes.push(format!("{side}: the period changed during a run; its percentiles mix the periods"));
    }
    if runs.iter().any(|run| run.accounting == Accounting::PassedReleasesForgotten) {
        notes.push(format!(
            "{side}: the tool forgets releases that pass during a late job, so a long delay counts once and high \
             percentiles look better than they are"
        ));
    }
    notes
}
