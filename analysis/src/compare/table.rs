//! A comparison as text for people, at most 110 columns wide.

use super::format::{confidence, count, plain, probability, significant, wrapped};
use super::{Comparison, Effect, EffectKind, Metric, MetricComparison, ScenarioComparison};
use crate::stats::LEAST_RUNS;

type Row = [String; 8];

impl Comparison {
    /// All of it as monospaced text: per scenario a heading, a table of the metrics, notes and one sentence.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = if self.a == self.b {
            wrapped(&format!("A, B: {}", self.a.line()), 6)
        } else {
            wrapped(&format!("A: {}", self.a.line()), 3) + &wrapped(&format!("B: {}", self.b.line()), 3)
        };
        // What differs between the two as a whole stands with who they are.
        for note in &self.notes {
            text += &wrapped(&format!("- {note}"), 2);
        }
        text.push('\n');
        for scenario in &self.scenarios {
            text += &self.scenario(scenario);
            text.push('\n');
        }
        let question = &self.question;
        text += &wrapped(
            &format!(
                "Medians over runs, times in us, misses and CPU in %. A/B below 1 and A-B below 0 mean that A is better; A-B \
                 is a difference, in percentage points (pp). p: two-sided Mann-Whitney test, Holm's correction over the \
                 metrics of a scenario. delta: how far the two sets of runs lie apart by order, from -1 (every run of A below \
                 every run of B) over 0 (mixed) to 1; it tells nothing of the size of the difference. eq. p: small if the \
                 difference is shown to be below the smallest one that matters, {} % or, of misses, {} pp if that is more; \
                 not corrected for several metrics. A run is beyond others by more than this difference. Claims are made below {}, in each scenario for itself, from {} a side on.",
                plain(question.smallest_effect * 100.0),
                plain(question.smallest_miss_rate * 100.0),
                plain(question.alpha),
                count(LEAST_RUNS, "run"),
            ),
            0,
        );
        text
    }

    fn scenario(&self, scenario: &ScenarioComparison) -> String {
        let name = if scenario.a == scenario.b {
            format!("Scenario {}", scenario.a)
        } else {
            format!("Scenario {} (A) against {} (B)", scenario.a, scenario.b)
        };
        let mut text = wrapped(
            &format!("{name}: period {} us, runs: A {}, B {}", scenario.period_us, scenario.runs_a, scenario.runs_b),
            2,
        );
        let effect = format!("A/B [{} % CI]", confidence(self.question.alpha));
        let head = ["metric", "A median", "B median", &effect, "p", "delta", "eq. p", "verdict"].map(str::to_owned);
        let mut rows = vec![head];
        rows.extend(scenario.metrics.iter().map(row));
        text += &aligned(&rows);
        for note in &scenario.notes {
            text += &wrapped(&format!("- {note}"), 2);
        }
        text += &wrapped(&scenario.summary, 0);
        text
    }
}

fn row(comparison: &MetricComparison) -> Row {
    let dash = || "-".to_owned();
    let median = |value: Option<f64>| value.map_or_else(dash, |value| significant(shown(comparison.metric, value), 4));
    let delta = match (comparison.cliffs_delta, comparison.magnitude) {
        (Some(delta), Some(magnitude)) => format!("{delta:+.2} {}", magnitude.word()),
        (Some(delta), None) => format!("{delta:+.2}"),
        (None, _) => dash(),
    };
    [
        comparison.metric.name().to_owned(),
        median(comparison.median_a),
        median(comparison.median_b),
        comparison.effect.as_ref().map_or_else(dash, effect),
        comparison.p_holm.map_or_else(dash, probability),
        delta,
        comparison.p_equivalence.map_or_else(dash, probability),
        comparison.verdict.words().to_owned(),
    ]
}

/// Shares are shown in percent.
fn shown(metric: Metric, value: f64) -> f64 {
    match metric {
        Metric::MissRate | Metric::Cpu | Metric::GatewayCpu => value * 100.0,
        Metric::WakeupP50Us
        | Metric::WakeupP99Us
        | Metric::WakeupP999Us
        | Metric::ResponseP99Us
        | Metric::GatewayMemoryKb
        | Metric::ReactionMs => value,
    }
}

fn effect(effect: &Effect) -> String {
    let figure = |value: f64| match effect.kind {
        EffectKind::Ratio if value >= 10_000.0 && value.is_finite() => format!("{value:.1e}"),
        EffectKind::Ratio => significant(value, 3),
        EffectKind::Difference if value > 0.0 => format!("+{}", significant(value * 100.0, 3)),
        EffectKind::Difference => significant(value * 100.0, 3),
    };
    let value = match effect.kind {
        EffectKind::Ratio => figure(effect.value),
        EffectKind::Difference => format!("A-B {} pp", figure(effect.value)),
    };
    match effect.interval {
        Some(interval) => format!("{value} [{}, {}]", figure(interval.low), figure(interval.high)),
        None => value,
    }
}

/// Columns as wide as their widest cell; numbers to the right, words to the left.
fn aligned(rows: &[Row]) -> String {
    let mut widths = [0usize; 8];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for ((column, cell), width) in (0u8..).zip(row).zip(widths) {
            let numeric = matches!(column, 1 | 2 | 4 | 6);
            line += &if numeric { format!("{cell:>width$}") } else { format!("{cell:<width$}") };
            line += "  ";
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}
