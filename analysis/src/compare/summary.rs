//! The verdicts of a scenario in one sentence.

use super::{MetricComparison, Verdict};

pub(super) fn of(metrics: &[MetricComparison]) -> String {
    let named = |phrase: &str, matches: fn(&Verdict) -> bool| -> Option<String> {
        let names: Vec<String> = metrics.iter().filter(|one| matches(&one.verdict)).map(name).collect();
        listed(&names).map(|names| format!("{phrase} {names}"))
    };
    let claims = [
        named("worse in", |verdict| matches!(verdict, Verdict::Worse)),
        named("better in", |verdict| matches!(verdict, Verdict::Better)),
        named("the same in", |verdict| matches!(verdict, Verdict::Same)),
    ];
    let gaps = [
        named("outlying runs in", |verdict| matches!(verdict, Verdict::OutlyingRuns)),
        named("not enough runs to tell for", |verdict| matches!(verdict, Verdict::NotEnoughRuns { .. })),
        named("not available:", |verdict| matches!(verdict, Verdict::NotAvailable { .. })),
    ];
    let claims: Vec<String> = claims.into_iter().flatten().collect();
    let first = if claims.is_empty() {
        "Nothing can be claimed of A".to_owned()
    } else {
        format!("A is {}", claims.join(", "))
    };
    let mut parts = vec![first];
    parts.extend(gaps.into_iter().flatten());
    format!("{}.", parts.join("; "))
}

/// The metric, with what single runs do against the verdict.
fn name(one: &MetricComparison) -> String {
    let name = one.metric.name();
    match (&one.verdict, &one.single_runs) {
        (Verdict::NotEnoughRuns { .. }, _) | (_, None) => name.to_owned(),
        (_, Some(single_runs)) => format!("{name} ({single_runs})"),
    }
}

/// `x`, `x and y`, `x, y and z`.
fn listed(names: &[String]) -> Option<String> {
    match names {
        [] => None,
        [only] => Some(only.clone()),
        [first @ .., last] => Some(format!("{} and {last}", first.join(", "))),
    }
}
