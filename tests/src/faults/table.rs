//! The table for people.

use std::fmt::Write;

use super::outcome::{Figure, Outcome, Suite, Verdict};

/// One row a fault, and below what needs more words.
#[must_use]
pub fn table(suite: &Suite) -> String {
    let mut text = String::new();
    let mut line = |line: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", line.trim_end());
    };
    line(format!(
        "{:<15} {:>8} {:>6} {:>6} {:>6} {:>8} {:>19} {:>19} {:>6}  {}",
        "fault", "jobs", "lost", "dupl.", "back", "worst", "miss rate", "wake-up p99 (us)", "took", "verdict"
    ));
    line(format!(
        "{:<15} {:>8} {:>6} {:>6} {:>6} {:>8} {:>19} {:>19} {:>6}",
        "", "", "", "", "", "(s)", "quiet fault ratio", "quiet fault ratio", "(s)"
    ));
    for outcome in &suite.outcomes {
        line(row(outcome));
    }
    for outcome in &suite.outcomes {
        if !outcome.done.is_empty() {
            line(format!("{}: {}", outcome.fault, outcome.done));
        }
        for figure in outcome.figures.iter().filter(|figure| is_worth_a_line(figure)) {
            line(format!("  {}", told(figure)));
        }
        for problem in &outcome.problems {
            let word = if outcome.verdict == Verdict::NotRun { "NOT RUN" } else { "FAILED" };
            let name = if outcome.done.is_empty() { format!("{}: ", outcome.fault) } else { "  ".to_owned() };
            line(format!("{name}{word}: {problem}"));
        }
    }
    text
}

fn row(outcome: &Outcome) -> String {
    let verdict = match outcome.verdict {
        Verdict::NotRun => return format!("{:<15} not run", outcome.fault),
        Verdict::Failed => "FAILED",
        Verdict::Balanced if outcome.beyond().next().is_some() => "balanced, but slow or large",
        Verdict::Balanced => "balanced",
    };
    let by = outcome.by.map_or_else(String::new, |by| format!(", by {by}"));
    let Outcome { balance, phases, .. } = outcome;
    let miss = three(phases.quiet.miss_rate(), phases.fault.miss_rate(), outcome.miss_rate_ratio, 4);
    let p99 = three(phases.quiet.wakeup_p99_us, phases.fault.wakeup_p99_us, outcome.wakeup_p99_ratio, 0);
    format!(
        "{:<15} {:>8} {:>6} {:>6} {:>6} {:>8} {:>19} {:>19} {:>6.0}  {verdict}{by}",
        outcome.fault,
        balance.device.jobs,
        balance.lost_jobs,
        outcome.duplicates,
        outcome.reconnections,
        outcome.worst_reconnection_s.map_or("-".to_owned(), |worst| format!("{worst:.2}")),
        miss,
        p99,
        outcome.took_s,
    )
}

fn three(quiet: Option<f64>, fault: Option<f64>, ratio: Option<f64>, digits: usize) -> String {
    let number = |value: Option<f64>, digits: usize| value.map_or("-".to_owned(), |value| format!("{value:.digits$}"));
    format!("{} {} {:>5}", number(quiet, digits), number(fault, digits), number(ratio, 2))
}

/// Times that every scenario has are in the row, unless there is something wrong with them.
fn is_worth_a_line(figure: &Figure) -> bool {
    figure.is_beyond() || !(figure.name.contains("mode") && figure.bound.is_some())
}

fn told(figure: &Figure) -> String {
    let Figure { name, value, unit, bound } = figure;
    match bound {
        Some(bound) if figure.is_beyond() => format!("{name}: {value:.2} {unit}, BEYOND its bound of {bound} {unit}"),
        Some(bound) => format!("{name}: {value:.2} {unit} (bound {bound} {unit})"),
        None => format!("{name}: {value:.2} {unit}"),
    }
}
