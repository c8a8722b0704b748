//! Metrics in words and in units for people.

use crate::compare::format::{plain, probability, significant};
use crate::{Effect, EffectKind, Metric, MetricComparison, RunsNeeded, Verdict};

/// Its name in a heading.
pub(super) fn title(metric: Metric) -> &'static str {
    match metric {
        Metric::WakeupP50Us => "Wake-up median",
        Metric::WakeupP99Us => "Wake-up p99",
        Metric::WakeupP999Us => "Wake-up p99.9",
        Metric::ResponseP99Us => "Response p99",
        Metric::MissRate => "Misses",
        Metric::Cpu => "CPU of the task",
        Metric::GatewayCpu => "Gateway CPU",
        Metric::GatewayMemoryKb => "Gateway memory",
        Metric::ReactionMs => "Reaction",
    }
}

/// Its name in a sentence.
fn phrase(metric: Metric) -> &'static str {
    match metric {
        Metric::WakeupP50Us => "median of the wake-up latency",
        Metric::WakeupP99Us => "p99 of the wake-up latency",
        Metric::WakeupP999Us => "p99.9 of the wake-up latency",
        Metric::ResponseP99Us => "p99 of the response time",
        Metric::MissRate => "miss rate",
        Metric::Cpu => "CPU of the task's thread",
        Metric::GatewayCpu => "CPU of the gateway",
        Metric::GatewayMemoryKb => "memory of the gateway",
        Metric::ReactionMs => "reaction to SetMode",
    }
}

/// The unit in which it is shown.
pub(super) fn unit(metric: Metric) -> &'static str {
    match metric {
        Metric::WakeupP50Us | Metric::WakeupP99Us | Metric::WakeupP999Us | Metric::ResponseP99Us => "µs",
        Metric::MissRate | Metric::Cpu | Metric::GatewayCpu => "%",
        Metric::GatewayMemoryKb => "MiB",
        Metric::ReactionMs => "ms",
    }
}

/// A figure in that unit.
pub(super) fn shown(metric: Metric, value: f64) -> f64 {
    match unit(metric) {
        "%" => value * 100.0,
        "MiB" => value / 1024.0,
        _ => value,
    }
}

/// A figure with its unit.
pub(super) fn with_unit(metric: Metric, value: f64) -> String {
    format!("{} {}", significant(shown(metric, value), 4), unit(metric))
}

/// The effect with its interval: `×1.04 [0.98, 1.11]`.
pub(super) fn effect(effect: &Effect) -> String {
    let points = |value: f64| format!("{}{}", if value > 0.0 { "+" } else { "" }, significant(value * 100.0, 3));
    match (effect.kind, effect.interval) {
        (EffectKind::Ratio, Some(interval)) => {
            let [value, low, high] = [effect.value, interval.low, interval.high].map(|value| significant(value, 3));
            format!("×{value} [{low}, {high}]")
        }
        (EffectKind::Ratio, None) => format!("×{}", significant(effect.value, 3)),
        (EffectKind::Difference, Some(interval)) => {
            format!(
                "difference {} percentage points [{}, {}]",
                points(effect.value),
                points(interval.low),
                points(interval.high)
            )
        }
        (EffectKind::Difference, None) => format!("difference {} percentage points", points(effect.value)),
    }
}

/// The same where there is little room.
pub(super) fn effect_cell(told: &Effect) -> String {
    effect(told).replace("difference ", "").replace("percentage points", "pp")
}

/// The verdict in one sentence, in the words of the comparison.
pub(super) fn sentence(a: &str, b: &str, one: &MetricComparison) -> String {
    format!("{a} against {b}: {}", claim(one))
}

/// The same without the names of the sides.
pub(super) fn claim(one: &MetricComparison) -> String {
    let what = phrase(one.metric);
    let told = one.effect.as_ref().map(|told| format!(" {}", effect(told))).unwrap_or_default();
    let medians = match (one.median_a, one.median_b) {
        (Some(x), Some(y)) => format!(", medians {} and {}", with_unit(one.metric, x), with_unit(one.metric, y)),
        _ => String::new(),
    };
    let mut details = vec![format!("{} and {} runs{medians}", one.n_a, one.n_b)];
    match (&one.verdict, one.runs_for_power) {
        (Verdict::NotAvailable { why }, _) => return format!("{what}: not available ({why})"),
        (Verdict::NotEnoughRuns { needed: Some(RunsNeeded::AtLeast(runs)) }, _) => {
            details.push(format!("a claim takes at least {runs} runs a side"));
        }
        (Verdict::NotEnoughRuns { needed: Some(RunsNeeded::About(runs)) }, _) => {
            details.push(format!("an answer would take about {runs} runs a side"));
        }
        (Verdict::NotEnoughRuns { needed: None }, _) => {}
        (_, Some(runs)) => {
            details.push(format!(
                "differences from {} on would be found with power 0.8 from {runs} runs a side on",
                smallest(one)
            ));
        }
        (_, None) => {}
    }
    details.extend(one.single_runs.clone());
    details.extend(one.remark.clone());
    format!("{what}{told}: {} ({})", one.verdict.words(), details.join("; "))
}

/// The smallest difference that matters, in the unit of the effect.
fn smallest(one: &MetricComparison) -> String {
    match one.effect.as_ref().map(|told| told.kind) {
        Some(EffectKind::Difference) => format!("{} percentage points", plain(one.margin.absolute * 100.0)),
        Some(EffectKind::Ratio) | None => format!("{} %", plain(one.margin.relative * 100.0)),
    }
}

/// A probability, or a dash.
pub(super) fn p(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), probability)
}
