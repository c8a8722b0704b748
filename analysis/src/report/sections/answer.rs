//! The answer first: verdicts, ratios, runs.

use super::{drawing, text};
use crate::compare::format::significant;
use crate::report::document::{Block, Mood, Section, Table, figure, words};
use crate::report::figures;
use crate::report::input::Group;
use crate::report::metrics::{claim, effect_cell, p, sentence, title, with_unit};
use crate::{Comparison, Metric, MetricComparison, ScenarioComparison, Verdict, stats};

pub(super) fn section(groups: &[&Group], comparison: Option<&Comparison>) -> Section {
    let mut blocks = Vec::new();
    match (comparison, groups) {
        (Some(comparison), [a, b, ..]) => {
            for (position, scenario) in comparison.scenarios.iter().enumerate() {
                // The files of the figures have one name each, so only the first of several scenarios is drawn.
                let drawn = position == 0;
                blocks.extend(compared(a, b, comparison, scenario, drawn));
            }
            if let [scenario, _, ..] = comparison.scenarios.as_slice() {
                blocks.push(text(format!("The figures of this page show the scenario {:?}.", scenario.a)));
            }
        }
        _ => {
            blocks.push(text(
                "One condition alone: there is nothing to compare it with. Each figure is the median over the runs.",
            ));
            blocks.push(Block::Table(described(groups)));
            blocks.extend(figures::runs(groups, None).map(drawing));
        }
    }
    Section { id: "answer", title: if comparison.is_some() { "The answer" } else { "In short" }.to_owned(), blocks }
}

/// The metrics of which there is something to say, the one that the experiment is about first.
pub(super) fn told(scenario: &ScenarioComparison) -> Vec<&MetricComparison> {
    let is_told = |one: &&MetricComparison| !(one.metric == Metric::Cpu && one.n_a == 0 && one.n_b == 0);
    let mut told: Vec<&MetricComparison> = scenario.metrics.iter().filter(is_told).collect();
    told.sort_by_key(|one| one.metric != Metric::WakeupP99Us);
    told
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What the sides are called in a scenario: with its name, if there are several.
pub(super) fn names(a: &Group, b: &Group, comparison: &Comparison, scenario: &ScenarioComparison) -> (String, String) {
    if comparison.scenarios.len() < 2 {
        return (a.label.clone(), b.label.clone());
    }
    (format!("{}, {}", scenario.a, a.label), b.label.clone())
}

fn compared(a: &Group, b: &Group, comparison: &Comparison, scenario: &ScenarioComparison, drawn: bool) -> Vec<Block> {
    let (name_a, name_b) = names(a, b, comparison, scenario);
    let told = told(scenario);
    let mut blocks = Vec::new();
    blocks.extend(told.first().map(|one| Block::Lead(format!("{}.", sentence(&name_a, &name_b, one)))));
    blocks.extend(
        told.iter()
            .skip(1)
            .map(|one| Block::Verdict(mood(&one.verdict), one.verdict.words().to_owned(), capital(&claim(one)))),
    );
    blocks.push(Block::Aside(format!(
        "×: the ratio of the medians over runs, {} (A) / {} (B), with its interval of 95 %. Lower is better everywhere. \"Same\" means: \
         shown to differ by less than what matters; \"not enough runs\": neither a difference nor its absence is shown. Times come in \
         buckets 9 % wide if they come over the network, so an interval can be narrower than what can be told apart.",
        a.label, b.label
    )));
    if drawn {
        blocks.extend(figures::ratios(&a.label, &b.label, &told).map(drawing));
        blocks.extend(figures::runs(&[a, b], Some(&[scenario.a.as_str(), scenario.b.as_str()])).map(drawing));
    }
    blocks.push(Block::Table(verdicts(a, b, &told, drawn)));
    let untold = (!told.iter().any(|one| one.metric == Metric::Cpu)).then(|| format!("{}: ", Metric::Cpu.name()));
    let is_told = |note: &&String| untold.as_ref().is_none_or(|untold| !note.starts_with(untold));
    let notes: Vec<String> = scenario.notes.iter().filter(is_told).cloned().collect();
    if !notes.is_empty() {
        blocks.push(text("Before you believe it:"));
        blocks.push(Block::List(notes));
    }
    blocks
}

fn mood(verdict: &Verdict) -> Mood {
    match verdict {
        Verdict::Better => Mood::Good,
        Verdict::Worse | Verdict::OutlyingRuns => Mood::Bad,
        Verdict::Same => Mood::Even,
        Verdict::NotEnoughRuns { .. } | Verdict::NotAvailable { .. } => Mood::Open,
    }
}

fn verdicts(a: &Group, b: &Group, told: &[&MetricComparison], first: bool) -> Table {
    let median = |one: &MetricComparison, value: Option<f64>| {
        figure(value.map_or_else(|| "–".to_owned(), |value| with_unit(one.metric, value)))
    };
    let rows = told
        .iter()
        .map(|one| {
            vec![
                words(title(one.metric)),
                median(one, one.median_a),
                median(one, one.median_b),
                figure(one.effect.as_ref().map_or_else(|| "–".to_owned(), effect_cell)),
                figure(p(one.p_holm)),
                figure(p(one.p_equivalence)),
                figure(one.cliffs_delta.map_or_else(|| "–".to_owned(), |delta| format!("{delta:+.2}"))),
                words(one.verdict.words()),
            ]
        })
        .collect();
    Table {
        name: if first { "verdicts" } else { "verdicts-more" },
        caption: "Medians over runs. p: two-sided Mann-Whitney test after Holm's correction over these figures. eq. p: small if the \
                  difference is shown to be below what matters. delta: how far the runs lie apart by order, -1 to 1. pp: percentage points."
            .to_owned(),
        head: ["", &a.label, &b.label, "A / B [95 %]", "p", "eq. p", "delta", "verdict"].map(str::to_owned).to_vec(),
        rows,
    }
}

/// One condition: medians and extremes over the runs.
fn described(groups: &[&Group]) -> Table {
    let mut rows = Vec::new();
    for metric in Metric::ALL {
        let mut values: Vec<f64> = Vec::new();
        for source in groups.iter().flat_map(|group| group.sources()) {
            values.extend(source.file().runs.iter().filter_map(|run| metric.of(run).ok()));
        }
        let Some(median) = stats::median(&values) else { continue };
        let end = |pick: fn(f64, f64) -> f64| {
            values.iter().copied().reduce(pick).map_or_else(String::new, |value| with_unit(metric, value))
        };
        rows.push(vec![
            words(title(metric)),
            figure(with_unit(metric, median)),
            figure(end(f64::min)),
            figure(end(f64::max)),
            figure(significant(values.len() as f64, 4).trim_end_matches(".000").to_owned()),
        ]);
    }
    Table {
        name: "figures",
        caption: "The figures of the runs.".to_owned(),
        head: ["", "median", "least", "greatest", "runs"].map(str::to_owned).to_vec(),
        rows,
    }
}
