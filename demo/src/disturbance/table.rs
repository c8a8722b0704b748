//! The outcome for people, at most 110 columns wide.

use std::fmt;

use super::{Disturbance, Row};

impl fmt::Display for Disturbance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<13} {:>10} {:>8} {:>8}  {:>11} {:>14} {:>10} {:>12} {:>8}",
            "arm", "releases", "skipped", "misses", "reports/s", "reports merged", "commands/s", "attempts", "fsyncs"
        )?;
        for row in &self.rows {
            writeln!(f, "{}", line(row))?;
        }
        write!(f, "\n{}", self.comparison.table())
    }
}

fn line(row: &Row) -> String {
    let Row { arm, releases, skipped, misses, evidence } = row;
    let counts = format!("{arm:<13} {releases:>10} {skipped:>8} {misses:>8}");
    match evidence {
        None => format!("{counts}  {:>11} {:>14} {:>10} {:>12} {:>8}", "-", "-", "-", "-", "-"),
        Some(told) => format!(
            "{counts}  {:>11.1} {:>14} {:>10.0} {:>12} {:>8}",
            told.delivery_rate(),
            told.merged,
            told.command_rate(),
            told.attempts,
            told.syncs
        ),
    }
}

#[cfg(test)]
mod tests {
    use crate::disturbance::outcome::tests::{outcome, runs};

    #[test]
    fn the_table_tells_every_arm_within_110_columns() {
        let text = outcome(runs(|_| 20)).to_string();
        assert!(text.lines().all(|line| line.chars().count() <= 110), "{text}");
        assert!(
            text.contains("\nflood              15000        5       10          5.0              0       9000"),
            "{text}"
        );
        assert!(text.contains("flood (A) against alone (B)"), "{text}");
    }
}
