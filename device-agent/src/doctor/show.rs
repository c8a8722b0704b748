//! The report for people.

use std::fmt::Write;

use super::{Finding, Outcome, Report};

/// Whether the words for outcomes are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// On a terminal.
    Wanted,
    /// Elsewhere.
    Unwanted,
}

/// A line for each finding, and one for what mends it.
#[must_use]
pub fn table(report: &Report, colours: Colours) -> String {
    let mut text = String::new();
    let count = |outcome| report.findings.iter().filter(|finding| finding.outcome == outcome).count();
    for Finding { check, outcome, found, mend } in &report.findings {
        let (start, end) = match (colours, outcome) {
            (Colours::Unwanted, _) | (_, Outcome::Skipped) => ("", ""),
            (_, Outcome::Ok) => ("\u{1b}[32m", "\u{1b}[0m"),
            (_, Outcome::Warning) => ("\u{1b}[33m", "\u{1b}[0m"),
            (_, Outcome::Failure) => ("\u{1b}[1;31m", "\u{1b}[0m"),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{check:<22} {start}{:<7}{end} {}", outcome.word(), on_one_line(found));
        if let Some(mend) = mend {
            let _ = writeln!(text, "{:22} {:>7} {}", "", "->", on_one_line(mend));
        }
    }
    let _ = writeln!(
        text,
        "{}: failures {}, warnings {}, ok {}, skipped {}",
        report.device.as_deref().unwrap_or("this device"),
        count(Outcome::Failure),
        count(Outcome::Warning),
        count(Outcome::Ok),
        count(Outcome::Skipped)
    );
    text
}

/// What came from outside, a file's or the broker's words, does not command the terminal.
fn on_one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => line.push_str("; "),
            character if character.is_control() => line.push(' '),
            character => line.push(character),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::super::Findings;
    use super::*;

    #[test]
    fn each_finding_has_a_line_and_what_mends_it_another() {
        let mut findings = Findings::default();
        findings.ok("clock.set", format_args!("now"));
        findings.failure("gpio.lines", format_args!("one\ntwo \u{1b}[2J"), format_args!("gpioinfo"));
        findings.skipped("rights.ack", "why");
        let report = Report::new(Some("pi-1".to_owned()), findings);
        let text = table(&report, Colours::Unwanted);
        assert_eq!(
            text,
            "clock.set              ok      now\n\
             gpio.lines             failure one; two  [2J\n\
             \u{20}                           -> gpioinfo\n\
             rights.ack             skipped why\n\
             pi-1: failures 1, warnings 0, ok 1, skipped 1\n"
        );
        assert!(table(&report, Colours::Wanted).contains("\u{1b}[1;31mfailure\u{1b}[0m"));
    }
}
