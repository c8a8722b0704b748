//! Back to the release before, however far an update came.

use std::time::Duration;

use super::outcome::{Outcome, Step, Who};
use super::{AFTER_GUARD, Contact, Update};
use crate::device::{Back, Device, Facts, Trouble};
use crate::health::Figures;
use crate::release::{Mark, ReleaseName};

impl Update<'_> {
    /// Makes sure that the device is back with the release before, or says that nobody knows. By this tool, or else by the device's guard.
    pub(super) fn settle(
        &self,
        mark: &Mark,
        release: &ReleaseName,
        begin: Duration,
        why: String,
        figures: Option<Figures>,
    ) -> Outcome {
        // Going back matters more than writing it down.
        let _ = (self.tell)(Step::GoBack);
        let mut told_of_guard = false;
        let by = loop {
            match self.device.go_back(&Back::Update(mark.clone())) {
                Ok(()) => break Who::Tool,
                Err(Trouble::Refused(reason)) => match self.device.status() {
                    // A restart that fails is tried again by the service itself; who answers in the end is looked at below.
                    Ok(facts) if facts.current.as_ref() != Some(release) && facts.mark != mark.as_str() => {
                        match facts.outcome.strip_prefix(&format!("rolled-back {release} ")) {
                            Some("fleet") => break Who::Tool,
                            Some(_) => break Who::Device,
                            None => return Outcome::untouched(Contact::Reached, why),
                        }
                    }
                    Ok(_) => return Outcome::Unclear { why: format!("{why}; and it could not go back: {reason}") },
                    Err(_) => {}
                },
                Err(Trouble::Unreachable(_)) => {}
            }
            if !told_of_guard {
                let _ = (self.tell)(Step::AwaitGuard);
                told_of_guard = true;
            }
            if self.clock.now().saturating_sub(begin) > self.task.guard + AFTER_GUARD {
                return Outcome::Unclear {
                    why: format!(
                        "{why}; it is out of reach, and should have gone back by itself {} s after the switch",
                        self.task.guard.as_secs()
                    ),
                };
            }
            self.clock.sleep(self.task.poll);
        };
        match answers(self.device, self.clock, self.task.terms.start_limit, self.task.poll, is_back) {
            Ok(()) => Outcome::WentBack { why, by, figures },
            Err(words) => {
                Outcome::Unclear { why: format!("{why}; it went back, and its agent does not answer: {words}") }
            }
        }
    }
}

/// Whether a device that went back runs what it went back to.
pub(crate) fn is_back(facts: &Facts) -> bool {
    facts.current.as_ref().is_none_or(|current| {
        // A release from before `fleet` does not tell its program.
        facts.agent.as_ref().is_ok_and(|agent| agent.program.is_empty() || facts.runs(current))
    })
}

/// Waits until a device's state fits; else its latest words.
pub(crate) fn answers(
    device: &dyn Device,
    clock: &dyn crate::clock::Clock,
    limit: Duration,
    poll: Duration,
    fits: impl Fn(&Facts) -> bool,
) -> Result<(), String> {
    let begin = clock.now();
    loop {
        let words = match device.status() {
            Ok(facts) if fits(&facts) => return Ok(()),
            Ok(facts) => facts.agent.err().unwrap_or_else(|| "another release answers".to_owned()),
            Err(trouble) => trouble.to_string(),
        };
        if clock.now().saturating_sub(begin) > limit {
            return Err(words);
        }
        clock.sleep(poll);
    }
}
