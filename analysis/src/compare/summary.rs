//! The verdicts of a scenario in one sentence.

use super::{MetricComparison, Verdict};

pub(super) fn of(metrics: &[MetricComparison]) -> String {
    let named = |matches: fn(&Verdict) -> bool| -> Option<String> {
        let names: Vec<&str> =
            metrics.iter().filter(|one| matches(&one.verdict)).map(|one| one.metric.name()).collect();
        listed(&names)
    };
    let claims = [
        named(|verdict| matches!(verdict, Verdict::Worse)).map(|names| format!("worse in {names}")),
        named(|verdict| matches!(verdict, Verdict::Better)).map(|names| format!("better in {names}")),
        named(|verdict| matches!(verdict, Verdict::Same)).map(|names| format!("the same in {names}")),
    ];
    let gaps = [
        named(|verdict| matches!(verdict, Verdict::NotEnoughRuns { .. }))
            .map(|names| format!("not enough runs to tell for {names}")),
        named(|verdict| matches!(verdict, Verdict::NotAvailable { .. })).map(|names| format!("not available: {names}")),
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

/// `x`, `x and y`, `x, y and z`.
fn listed(names: &[&str]) -> Option<String> {
    match names {
        [] => None,
        [only] => Some((*only).to_owned()),
        [first @ .., last] => Some(format!("{} and {last}", first.join(", "))),
    }
}
