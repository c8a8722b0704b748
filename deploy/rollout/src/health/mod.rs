//! Whether a release keeps its time no worse than the one before it on that very device. Pure: readings and times come in.
//!
//! Judged by the agent's own figures, read over `ssh`, never by its network being up.

mod score;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared_proto::mode::{Mode, ModeSource};

pub use score::{CRITICAL, statistic};

use crate::counts::Counts;
use crate::device::{AgentFacts, Facts};
use crate::release::ReleaseName;

/// How long, and how much worse.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Terms {
    /// For how long the new release is watched, from its first answer on.
    pub probation: Duration,
    /// Until when it must have answered, from the restart on.
    pub start_limit: Duration,
    /// How much higher its miss rate may be: a share, 0 to 1.
    pub margin: f64,
}

/// What there was before.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Before {
    /// The run.
    pub boot: Option<String>,
    /// Its mode.
    pub mode: Option<Mode>,
    /// Its jobs, shortly before the switch; without an agent that answered there is nothing to compare with.
    pub counts: Option<Counts>,
    /// Whether it was connected to its broker.
    pub connected: bool,
}

impl Before {
    /// From two readings, some time apart. An agent that restarted between them is judged by its latest run.
    #[must_use]
    pub fn from_readings(first: Option<&AgentFacts>, second: Option<&AgentFacts>) -> Self {
        let Some(second) = second else { return Self::default() };
        let same = first.filter(|first| first.boot == second.boot);
        Self {
            boot: Some(second.boot.clone()),
            mode: Some(second.mode),
            counts: Some(same.map_or(second.total, |first| since(second.total, first.total))),
            connected: second.link.up,
        }
    }
}

fn since(now: Counts, then: Counts) -> Counts {
    Counts { jobs: now.jobs.saturating_sub(then.jobs), misses: now.misses.saturating_sub(then.misses) }
}

/// What was seen of the new run at the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Nobody looks there, or the broker cannot be reached: that says nothing about the device.
    NotLooked,
    /// It is not online, or sends no reports.
    Nothing,
    /// It is online, and sends reports.
    Reporting,
}

/// The figures of a probation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Before the switch; `null` without an agent that answered.
    pub before: Option<Counts>,
    /// In the probation.
    pub after: Counts,
    /// The score statistic; above 3.09 it is worse.
    pub z: f64,
}

/// What to make of a release.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Not known yet.
    Wait,
    /// It stays.
    Healthy(Figures),
    /// It goes, for this reason.
    Unhealthy(String, Option<Figures>),
}

/// Watches one release on one device.
#[derive(Debug, Clone)]
pub struct Watch {
    release: ReleaseName,
    terms: Terms,
    before: Before,
    probation: Option<Probation>,
    latest_words: String,
}

#[derive(Debug, Clone)]
struct Probation {
    since: Duration,
    boot: String,
    first: Counts,
    latest: Counts,
    /// When the count of jobs grew last.
    advanced: Duration,
}

impl Watch {
    /// Begins with the restart, at time zero.
    #[must_use]
    pub fn new(release: ReleaseName, terms: Terms, before: Before) -> Self {
        Self { release, terms, before, probation: None, latest_words: "the device was not reached".to_owned() }
    }

    /// A reading, this long after the restart; none if the device was not reached, which says nothing about its agent.
    pub fn reading(&mut self, at: Duration, facts: Option<&Facts>, seen: Seen) -> Verdict {
        let Some(facts) = facts else { return self.not_started(at) };
        if facts.current.as_ref() != Some(&self.release) {
            return bad("the device went back by itself");
        }
        match &facts.agent {
            Ok(agent) if self.before.boot.as_ref() == Some(&agent.boot) => {
                "the old run still answers".clone_into(&mut self.latest_words);
                self.not_started(at)
            }
            Ok(agent) if !facts.runs(&self.release) => bad(format!(
                "what runs is {:?}, not the new release: does the service start DIR/current/device-agent, and does that \
                 agent tell its program?",
                agent.program
            )),
            Ok(agent) => self.answered(at, agent, seen),
            Err(words) => {
                self.latest_words.clone_from(words);
                self.not_started(at)
            }
        }
    }

    /// Nothing new: that is bad when nothing of the new run was ever heard in time.
    fn not_started(&self, at: Duration) -> Verdict {
        if self.probation.is_none() && at > self.terms.start_limit {
            return bad(format!("no answer within {} s: {}", self.terms.start_limit.as_secs(), self.latest_words));
        }
        Verdict::Wait
    }

    fn answered(&mut self, at: Duration, agent: &AgentFacts, seen: Seen) -> Verdict {
        let fresh =
            || Probation { since: at, boot: agent.boot.clone(), first: agent.total, latest: agent.total, advanced: at };
        let probation = self.probation.get_or_insert_with(fresh);
        if probation.boot != agent.boot {
            return bad("the agent restarted during its probation");
        }
        if let Some(danger) = &agent.danger {
            return bad(format!("the agent is in danger: {danger}"));
        }
        if agent.total.jobs > probation.latest.jobs {
            probation.advanced = at;
        }
        probation.latest = agent.total;
        let watched = at.saturating_sub(probation.since);
        if watched < self.terms.probation {
            return Verdict::Wait;
        }
        // Half a probation without a single job is a task that stands still.
        let still = at.saturating_sub(probation.advanced);
        if probation.latest.jobs == probation.first.jobs || still > self.terms.probation / 2 {
            return bad("its task does not advance");
        }
        let after = since(probation.latest, probation.first);
        let z = self.before.counts.map_or(0.0, |before| statistic(before, after, self.terms.margin));
        let figures = Figures { before: self.before.counts, after, z };
        if z > CRITICAL {
            let before = self.before.counts.unwrap_or_default();
            let why = format!(
                "it misses more deadlines: {} of {} jobs, before it {} of {}",
                after.misses, after.jobs, before.misses, before.jobs
            );
            return Verdict::Unhealthy(why, Some(figures));
        }
        // Whoever is degraded misses less; that must not hide why it was degraded. A person may do as they like.
        let degraded = agent.mode == Mode::Degraded && agent.mode_source != ModeSource::Operator;
        if degraded && self.before.mode == Some(Mode::Normal) {
            let why = "it was degraded in its probation, and the release before it was not";
            return Verdict::Unhealthy(why.to_owned(), Some(figures));
        }
        if self.before.connected && seen == Seen::Nothing {
            return if watched < self.terms.probation + self.terms.start_limit {
                Verdict::Wait
            } else {
                Verdict::Unhealthy("the broker sees no reports of it".to_owned(), Some(figures))
            };
        }
        Verdict::Healthy(figures)
    }
}

fn bad(why: impl Into<String>) -> Verdict {
    Verdict::Unhealthy(why.into(), None)
}
