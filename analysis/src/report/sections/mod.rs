//! The chapters of a report.

mod answer;
mod deploy;
mod fairness;
mod overhead;
mod reaction;
mod stability;

use super::document::{Block, Document, Figure};
use super::input::{Files, Group};
use super::{metrics, time};
use crate::Comparison;

/// The whole report.
pub(super) fn document(
    a: &Group,
    b: Option<&Group>,
    comparison: Option<&Comparison>,
    devices: &[(String, Comparison)],
) -> Document {
    let groups: Vec<&Group> = std::iter::once(a).chain(b).collect();
    let mut sections = vec![answer::section(&groups, comparison)];
    sections.push(stability::section(&groups, devices));
    if groups.iter().any(|group| !group.recorded().is_empty()) {
        sections.push(overhead::section(&groups));
        sections.push(reaction::section(&groups));
        sections.push(deploy::section(&groups));
        sections.push(overhead::constrained(&groups));
        sections.push(overhead::split());
    }
    sections.push(fairness::section(&groups, comparison));
    sections.push(fairness::method(comparison));
    Document {
        title: match b {
            Some(b) => format!("{} against {}", a.label, b.label),
            None => a.label.clone(),
        },
        facts: groups.iter().map(|group| facts(group)).collect(),
        sections,
    }
}

/// The verdicts in words, one sentence each.
pub(super) fn sentences(a: &Group, b: &Group, comparison: &Comparison) -> Vec<String> {
    let of = |scenario: &crate::ScenarioComparison| -> Vec<String> {
        let (a, b) = answer::names(a, b, comparison, scenario);
        answer::told(scenario).into_iter().map(|one| metrics::sentence(&a, &b, one)).collect()
    };
    comparison.scenarios.iter().flat_map(of).collect()
}

/// A side in one line.
fn facts(group: &Group) -> String {
    match &group.files {
        Files::Recorded(runs) => {
            let devices = runs.iter().map(|run| run.devices.len()).max().unwrap_or(0);
            let starts = || runs.iter().map(|run| run.begin.started_unix_ms);
            let first = time::date(starts().min().unwrap_or(0));
            let last = time::date(starts().max().unwrap_or(0));
            let total_ms: f64 = runs.iter().map(|run| run.duration_ms).sum();
            let count = crate::compare::format::count;
            format!(
                "{} ({}): {}, {} in all, {}; recorded {}",
                group.side,
                group.label,
                count(runs.len(), "run"),
                time::length(total_ms),
                count(devices, "device"),
                if first == last { first } else { format!("{first} to {last}") },
            )
        }
        Files::Measured(sources) => {
            let runs: usize = sources.iter().map(|source| source.file().runs.len()).sum();
            let tools: Vec<&str> = sources.iter().map(|source| source.file().tool.as_str()).take(1).collect();
            format!(
                "{} ({}): {} of {}",
                group.side,
                group.label,
                crate::compare::format::count(runs, "run"),
                tools.join("")
            )
        }
    }
}

fn text(words: impl Into<String>) -> Block {
    Block::Text(words.into())
}

fn drawing(figure: Figure) -> Block {
    Block::Figure(Box::new(figure))
}
