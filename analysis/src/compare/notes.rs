//! What a reader should know before believing the verdicts of a scenario.

use shared_proto::wire::{OverrunPolicy, Schedule};

use super::evidence::interval_exists;
use super::format::{confidence, count};
use super::judge::GREATEST_RATIO_OF_SIZES;
use super::pairing::{Pair, Sample, Scenario};
use super::{MetricComparison, Question, RunsNeeded, Side, Verdict};
use crate::run::{Accounting, Run};
use crate::stats;

pub(super) fn of(pair: &Pair<'_>, metrics: &[MetricComparison], question: &Question) -> Vec<String> {
    let mut notes: Vec<String> = metrics.iter().filter_map(of_metric).collect();
    notes.extend(of_sizes(pair.a.runs.len(), pair.b.runs.len(), question.alpha));
    notes.extend(differences(pair));
    for (side, scenario) in [(Side::A, &pair.a), (Side::B, &pair.b)] {
        notes.extend(of_side(side, scenario));
    }
    notes
}

fn of_metric(comparison: &MetricComparison) -> Option<String> {
    let name = comparison.metric.name();
    let verdict = match &comparison.verdict {
        Verdict::NotEnoughRuns { needed: Some(RunsNeeded::About(runs)) } => {
            Some(format!("an answer would take about {} on each side", count(*runs, "run")))
        }
        Verdict::NotEnoughRuns { needed: Some(RunsNeeded::AtLeast(runs)) } => {
            Some(format!("a claim takes at least {} on each side", count(*runs, "run")))
        }
        Verdict::NotAvailable { why } => Some(why.clone()),
        Verdict::NotEnoughRuns { needed: None }
        | Verdict::Better
        | Verdict::Same
        | Verdict::Worse
        | Verdict::OutlyingRuns => None,
    };
    let parts = [comparison.single_runs.clone(), comparison.remark.clone(), verdict];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("{name}: {}", parts.join("; ")))
}

/// What the numbers of runs do to tests and intervals.
fn of_sizes(a: usize, b: usize, alpha: f64) -> Vec<String> {
    let (fewer, more) = (a.min(b), a.max(b));
    let mut notes = Vec::new();
    if fewer < stats::LEAST_RUNS {
        notes.push(format!("with fewer than {} on a side nothing is claimed", count(stats::LEAST_RUNS, "run")));
    } else if !interval_exists(a, b, alpha) {
        let greatest = confidence(stats::least_attainable_p(a, b));
        notes.push(format!(
            "no intervals: from so few runs the widest one there is holds with {greatest} %, and {} % are asked for",
            confidence(alpha)
        ));
    }
    let reason = "the test also takes unequal spread for a difference if the numbers of runs are so unequal";
    if more > GREATEST_RATIO_OF_SIZES * fewer {
        notes.push(format!("beyond {GREATEST_RATIO_OF_SIZES} to 1 nothing is claimed: {reason}"));
    } else if more > 2 * fewer {
        notes.push(reason.to_owned());
    }
    notes
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
        ("CPUs", cpus),
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

fn distinct(runs: &[Sample<'_>], describe: fn(&Run) -> String) -> Vec<String> {
    let mut all: Vec<String> = runs.iter().map(|sample| describe(sample.run)).collect();
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

/// The CPUs that the thread is bound to, or the threads that count as one run.
fn cpus(run: &Run) -> String {
    let granted: Vec<&str> = run.settings.granted.iter().filter_map(|setting| setting.strip_prefix("cpu=")).collect();
    match run.settings.cpu {
        Some(cpu) => format!("{cpu}"),
        None if granted.is_empty() => "not bound".to_owned(),
        None => granted.join("+"),
    }
}

fn of_side(side: Side, scenario: &Scenario<'_>) -> Vec<String> {
    let runs = &scenario.runs;
    let mut notes = Vec::new();
    if runs.len() == 1 {
        notes.push(format!("{side} is a single run: how much it varies from run to run is not known"));
    }
    notes.extend(of_reading(side, runs));
    let sum = |figure: fn(&Run) -> u64| runs.iter().fold(0u64, |sum, sample| sum.saturating_add(figure(sample.run)));
    let (skipped, releases) = (sum(|run| run.skipped), sum(|run| run.releases));
    if skipped > 0 {
        let verb = if skipped == 1 { "it is a miss" } else { "they are misses" };
        let files = files(runs, |run| run.skipped > 0);
        let releases = count(releases, "release");
        notes.push(format!("{side} skipped {skipped} of {releases}: {verb}, and in no percentile ({files})"));
    }
    let lost = sum(|run| run.lost_records);
    if lost > 0 {
        let files = files(runs, |run| run.lost_records > 0);
        notes.push(format!("{side}: the times of {} were lost; percentiles lack them ({files})", count(lost, "job")));
    }
    let mut refused: Vec<&str> =
        runs.iter().flat_map(|sample| &sample.run.settings.refused).map(|refusal| refusal.setting.as_str()).collect();
    refused.sort_unstable();
    refused.dedup();
    if !refused.is_empty() {
        let files = files(runs, |run| !run.settings.refused.is_empty());
        notes.push(format!("{side}: the machine refused {} ({files})", refused.join(", ")));
    }
    if runs.iter().any(|sample| sample.run.epochs > 1) {
        let files = files(runs, |run| run.epochs > 1);
        notes.push(format!("{side}: the period changed during a run; its percentiles mix the periods ({files})"));
    }
    if runs.iter().any(|sample| sample.run.accounting == Accounting::PassedReleasesForgotten) {
        notes.push(format!(
            "{side}: the tool drops the releases that pass during a late job; like skipped ones they are in no percentile, \
             but here in no count either, so their number is not known"
        ));
    }
    notes
}

/// What reading the files brought up, each once.
fn of_reading(side: Side, runs: &[Sample<'_>]) -> Vec<String> {
    let mut notes: Vec<(&String, Vec<&str>)> = Vec::new();
    for sample in runs {
        for note in sample.source.notes() {
            match notes.iter_mut().find(|(known, _)| *known == note) {
                Some((_, files)) => files.push(sample.source.name()),
                None => notes.push((note, vec![sample.source.name()])),
            }
        }
    }
    notes.into_iter().map(|(note, files)| format!("{side}: {note} ({})", some(&files))).collect()
}

/// The files with runs that are so.
fn files(runs: &[Sample<'_>], is_so: fn(&Run) -> bool) -> String {
    let mut names: Vec<&str> = Vec::new();
    for sample in runs.iter().filter(|sample| is_so(sample.run)) {
        if !names.contains(&sample.source.name()) {
            names.push(sample.source.name());
        }
    }
    some(&names)
}

/// The first of them by name, the others by number.
fn some(names: &[&str]) -> String {
    match names {
        [first, second, third, _, others @ ..] => format!("{first}, {second}, {third} and {} more", others.len() + 1),
        few => few.join(", "),
    }
}
