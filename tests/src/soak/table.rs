//! The table for people.

use std::fmt::Write;

use super::DeviceOutcome;

/// One row a device, and all together.
#[must_use]
pub fn table(outcomes: &[DeviceOutcome]) -> String {
    let mut text = format!(
        "{:<12} {:>7} {:>6} {:>6} {:>10} {:>10} {:>6} {:>6}  balance\n",
        "device", "faults", "kills", "back", "jobs", "received", "lost", "dupl."
    );
    for DeviceOutcome { name, balance, duplicates, faults, kills, reconnections } in outcomes {
        let verdict = if balance.problems.is_empty() { "holds" } else { "FAILED" };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{name:<12} {faults:>7} {kills:>6} {reconnections:>6} {:>10} {:>10} {:>6} {duplicates:>6}  {verdict}",
            balance.device.jobs, balance.received.jobs, balance.lost_jobs,
        );
        for problem in &balance.problems {
            let _ = writeln!(text, "  {problem}");
        }
    }
    let sum = |of: fn(&DeviceOutcome) -> u64| outcomes.iter().map(of).sum::<u64>();
    let held = outcomes.iter().filter(|outcome| outcome.balance.problems.is_empty()).count();
    let _ = writeln!(
        text,
        "{:<12} {:>7} {:>6} {:>6} {:>10} {:>10} {:>6} {:>6}  {held} of {} hold",
        "all",
        sum(|outcome| outcome.faults.into()),
        sum(|outcome| u64::try_from(outcome.kills).unwrap_or(0)),
        sum(|outcome| u64::try_from(outcome.reconnections).unwrap_or(0)),
        sum(|outcome| outcome.balance.device.jobs),
        sum(|outcome| outcome.balance.received.jobs),
        sum(|outcome| outcome.balance.lost_jobs),
        sum(|outcome| outcome.duplicates),
        outcomes.len(),
    );
    text
}
