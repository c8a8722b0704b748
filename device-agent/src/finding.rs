//! What is said of a thing that was looked at: by the doctor, and by a running agent of what it holds.

use std::fmt::{self, Arguments};

use serde::Serialize;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its name, as `docs/doctor.md` lists it: `area.thing`.
    pub check: String,
    /// How it is.
    pub outcome: Outcome,
    /// What was found, or why it was not looked at.
    pub found: String,
    /// What mends it: a command, where one does; also for what was skipped, if something can be done about that.
    pub mend: Option<String>,
}

/// How a thing is. In order of weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It could not be looked at, or does not apply.
    Skipped,
    /// Good.
    Ok,
    /// The device works, but less well than it could, or not for long.
    Warning,
    /// The device does not do what it is configured for.
    Failure,
}

impl Outcome {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failure => "failure",
        }
    }

    /// The outcome of that word.
    fn of_word(word: &str) -> Option<Self> {
        [Self::Skipped, Self::Ok, Self::Warning, Self::Failure].into_iter().find(|outcome| outcome.word() == word)
    }
}

/// Findings, as they are made. What is found and what mends it are texts; one that is empty mends nothing.
#[derive(Debug, Default)]
pub(crate) struct Findings(pub(crate) Vec<Finding>);

impl Findings {
    /// One more, of any outcome.
    #[inline(never)]
    pub(crate) fn add(&mut self, check: &str, outcome: Outcome, found: Arguments<'_>, mend: Arguments<'_>) {
        let mend = Some(fmt::format(mend)).filter(|mend| !mend.is_empty());
        self.0.push(Finding { check: check.to_owned(), outcome, found: fmt::format(found), mend });
    }

    /// All is well.
    pub(crate) fn ok(&mut self, check: &str, found: Arguments<'_>) {
        self.add(check, Outcome::Ok, found, format_args!(""));
    }

    /// It could be better.
    pub(crate) fn warning(&mut self, check: &str, found: Arguments<'_>, mend: Arguments<'_>) {
        self.add(check, Outcome::Warning, found, mend);
    }

    /// It is broken.
    pub(crate) fn failure(&mut self, check: &str, found: Arguments<'_>, mend: Arguments<'_>) {
        self.add(check, Outcome::Failure, found, mend);
    }

    /// It was not looked at.
    pub(crate) fn skipped(&mut self, check: &str, why: &str) {
        self.add(check, Outcome::Skipped, format_args!("{why}"), format_args!(""));
    }

    /// Whether there is one of this check.
    pub(crate) fn has(&self, check: &str) -> bool {
        self.0.iter().any(|finding| finding.check == check)
    }

    /// A line each, with tabs between the parts: for the way from one process to another.
    pub(crate) fn to_lines(&self) -> String {
        let mut text = String::new();
        for Finding { check, outcome, found, mend } in &self.0 {
            for part in [check, outcome.word(), found, mend.as_deref().unwrap_or_default()] {
                text.extend(part.chars().map(|character| if character.is_control() { ' ' } else { character }));
                text.push('\t');
            }
            text.push('\n');
        }
        text
    }

    /// Takes over what [`Self::to_lines`] has written; what is none is passed over.
    pub(crate) fn take_lines(&mut self, text: &str) {
        for line in text.lines() {
            let mut parts = line.split('\t');
            let mut part = || parts.next().unwrap_or_default();
            let (check, outcome, found, mend) = (part(), part(), part(), part());
            if let Some(outcome) = Outcome::of_word(outcome) {
                self.add(check, outcome, format_args!("{found}"), format_args!("{mend}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_come_over_as_they_are() {
        let mut findings = Findings::default();
        findings.ok("gpio.lines", format_args!("17"));
        findings.failure("realtime.nice", format_args!("a\tb\nc"), format_args!("setcap"));
        findings.skipped("rights.ack", "why");
        let mut taken = Findings::default();
        taken.take_lines(&findings.to_lines());
        taken.take_lines("\nnonsense\tmaybe\twhat\n");
        assert_eq!(taken.0.len(), 3);
        assert_eq!((&taken.0[0], &taken.0[2]), (&findings.0[0], &findings.0[2]));
        assert_eq!((taken.0[1].found.as_str(), taken.0[1].mend.as_deref()), ("a b c", Some("setcap")));
    }
}
