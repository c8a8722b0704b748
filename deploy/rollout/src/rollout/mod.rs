//! A release goes out in waves; each wave is gated on the health of all of it.

pub mod record;
pub mod resume;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::clock::Clock;
use crate::device::{Back, Device, Trouble};
use crate::health::Seen;
use crate::inventory::Policy;
use crate::parallel::in_parallel;
use crate::plan::{Group, may_miss};
use crate::release::Mark;
use crate::update::{Contact, Fitness, Outcome, Step, Task, Update, Who, answers, fitness, is_back};
use record::{Event, Record};
use resume::Standing;

/// Devices looked at at once, before anything is changed.
const LOOKED_AT_ONCE: usize = 16;

/// One device of a rollout.
pub struct Member<'a> {
    /// What people call it; unique.
    pub label: &'a str,
    /// The name that its agent must have, if that is known.
    pub name: Option<&'a str>,
    /// The device.
    pub device: &'a dyn Device,
}

/// A rollout.
pub struct Rollout<'a> {
    /// All devices.
    pub members: &'a [Member<'a>],
    /// Wave after wave, as places in `members`.
    pub waves: &'a [Vec<usize>],
    /// What is done on each.
    pub task: &'a Task<'a>,
    /// How many at once, and out of reach.
    pub policy: &'a Policy,
    /// Time.
    pub clock: &'a dyn Clock,
    /// What the broker knows of a run: name of the device, boot.
    pub seen: &'a (dyn Fn(&str, &str) -> Seen + Sync),
    /// Where it is written down.
    pub record: &'a Record,
    /// Shows people how a device stands.
    pub show: &'a (dyn Fn(usize, &str) + Sync),
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// All devices have the release, but for these, which were out of reach.
    AllDone {
        /// Their labels.
        missed: Vec<String>,
    },
    /// Stopped for this reason; every device is left with a good release.
    Stopped(String),
    /// Stopped, and these devices need a person.
    Unclear(Vec<String>),
}

/// What a look at a device says.
pub type Look = Result<Fitness, Trouble>;

impl Rollout<'_> {
    /// Looks at every device; changes nothing.
    #[must_use]
    pub fn look(&self) -> Vec<Look> {
        in_parallel(LOOKED_AT_ONCE, self.members, |index, member| {
            (self.show)(index, "look");
            let look = member.device.status().map(|facts| fitness(&facts, self.task.artefact, member.name));
            (self.show)(
                index,
                &match &look {
                    Ok(Fitness::Fit) => "may be updated".to_owned(),
                    Ok(Fitness::Already) => "has this release already".to_owned(),
                    Ok(Fitness::Unfit(why)) => format!("may not be updated: {why}"),
                    Err(trouble) => trouble.to_string(),
                },
            );
            look
        })
    }

    /// Whether it may begin after such a look.
    ///
    /// # Errors
    /// Why not.
    pub fn may_begin(&self, looks: &[Look]) -> Result<(), String> {
        let unfit = self.members.iter().zip(looks).filter_map(|(member, look)| match look {
            Ok(Fitness::Unfit(why)) => Some(format!("{}: {why}", member.label)),
            _ => None,
        });
        let unfit: Vec<_> = unfit.collect();
        if !unfit.is_empty() {
            return Err(unfit.join("\n"));
        }
        let missing: Vec<_> = self
            .each()
            .filter(|(_, index)| looks.get(*index).is_some_and(Result::is_err))
            .map(|(wave, _)| Group::of_wave(wave))
            .collect();
        may_miss(&missing, self.members.len(), self.policy)
    }

    /// Devices in the order of their waves, with the number of their wave.
    fn each(&self) -> impl Iterator<Item = (usize, usize)> {
        self.waves.iter().enumerate().flat_map(|(wave, indices)| indices.iter().map(move |index| (wave, *index)))
    }

    /// An update that was under way when a record ended is taken back, so that it can be begun anew. One that is over is left.
    pub fn clear_doubt(&self, standing: &BTreeMap<String, Standing>) {
        let doubtful = |member: &&Member<'_>| standing.get(member.label) == Some(&Standing::InDoubt);
        for member in self.members.iter().filter(doubtful) {
            let release = self.task.artefact.release();
            // What fails here shows in the look that follows.
            if let Ok(facts) = member.device.status()
                && facts.pending == Some(release)
                && let Some(mark) = Mark::read(&facts.mark)
            {
                let _ = member.device.go_back(&Back::Update(mark));
                let _ = answers(member.device, self.clock, self.task.terms.start_limit, self.task.poll, is_back);
            }
        }
    }

    /// Goes through the waves.
    #[must_use]
    pub fn run(&self, standing: &BTreeMap<String, Standing>) -> Ending {
        let mut missing = Vec::new();
        for (number, wave) in self.waves.iter().enumerate() {
            let members: Vec<_> = wave.iter().filter_map(|index| Some((*index, self.members.get(*index)?))).collect();
            let stop = AtomicBool::new(false);
            let outcomes = in_parallel(self.policy.max_down, &members, |_, (index, member)| {
                if standing.get(member.label) == Some(&Standing::Good) {
                    (self.show)(*index, "done before");
                    return Some(Outcome::Already);
                }
                if stop.load(Ordering::SeqCst) {
                    return None;
                }
                let outcome = self.update(number, *index, member);
                let tolerable = matches!(outcome, Outcome::Untouched { contact: Contact::Unreachable, .. });
                if !outcome.is_good() && !tolerable {
                    stop.store(true, Ordering::SeqCst);
                }
                Some(outcome)
            });
            let unreachable = |outcome: &Option<Outcome>| {
                matches!(outcome, Some(Outcome::Untouched { contact: Contact::Unreachable, .. }))
            };
            let missed = members.iter().zip(&outcomes).filter(|(_, outcome)| unreachable(outcome));
            missing.extend(missed.map(|((_, member), _)| (Group::of_wave(number), member.label.to_owned())));
            let groups: Vec<_> = missing.iter().map(|(group, _)| *group).collect();
            let verdict =
                verdict(&members, &outcomes).and_then(|()| may_miss(&groups, self.members.len(), self.policy));
            if let Err(why) = verdict {
                return self.stop(number, &members, &outcomes, standing, why);
            }
        }
        // All is done; that it cannot be written changes nothing any more.
        let _ = self.record.write(Event::Finish);
        Ending::AllDone { missed: missing.into_iter().map(|(_, label)| label).collect() }
    }

    fn update(&self, wave: usize, index: usize, member: &Member<'_>) -> Outcome {
        let update = Update {
            task: self.task,
            device: member.device,
            name: member.name,
            clock: self.clock,
            seen: &self.seen,
            tell: &|step| self.tell(wave, index, member, step),
        };
        let outcome = update.run();
        self.ended(wave, index, member, outcome)
    }

    fn tell(&self, wave: usize, index: usize, member: &Member<'_>, step: Step) -> std::io::Result<()> {
        (self.show)(index, &step.to_string());
        self.record.write(Event::Step { host: member.label.to_owned(), wave, step })
    }

    /// Writes an outcome down; one that cannot be written stops the rollout.
    fn ended(&self, wave: usize, index: usize, member: &Member<'_>, outcome: Outcome) -> Outcome {
        (self.show)(index, &outcome.to_string());
        match self.record.write(Event::End { host: member.label.to_owned(), wave, outcome: outcome.clone() }) {
            Ok(()) => outcome,
            Err(error) => Outcome::Unclear { why: format!("the record cannot be written ({error}); {outcome}") },
        }
    }

    /// Takes back what this wave got, and ends.
    fn stop(
        &self,
        wave: usize,
        members: &[(usize, &Member<'_>)],
        outcomes: &[Option<Outcome>],
        standing: &BTreeMap<String, Standing>,
        why: String,
    ) -> Ending {
        let _ = self.record.write(Event::Stop { why: why.clone() });
        let pairs: Vec<_> = members.iter().zip(outcomes).collect();
        let endings = in_parallel(self.policy.max_down, &pairs, |_, ((index, member), outcome)| {
            // Who had the release before this rollout keeps it.
            let ours = match outcome {
                Some(Outcome::Done { .. }) => true,
                Some(Outcome::Already) => standing.get(member.label).is_some_and(|stands| *stands != Standing::Open),
                _ => false,
            };
            if ours { Some(self.withdraw(wave, *index, member)) } else { (*outcome).clone() }
        });
        let unclear = pairs.iter().zip(&endings).filter(|(_, ending)| matches!(ending, Some(Outcome::Unclear { .. })));
        let unclear: Vec<_> = unclear.map(|(((_, member), _), _)| member.label.to_owned()).collect();
        if unclear.is_empty() { Ending::Stopped(why) } else { Ending::Unclear(unclear) }
    }

    fn withdraw(&self, wave: usize, index: usize, member: &Member<'_>) -> Outcome {
        // Taking back matters more than writing it down.
        let _ = self.tell(wave, index, member, Step::Withdraw);
        let release = self.task.artefact.release();
        let other = |facts: &crate::device::Facts| facts.current.as_ref() != Some(&release) && is_back(facts);
        let (terms, poll) = (&self.task.terms, self.task.poll);
        let back = member.device.go_back(&Back::Release(release.clone())).map_err(|trouble| trouble.to_string());
        let outcome = match back.and_then(|()| answers(member.device, self.clock, terms.start_limit, poll, other)) {
            Ok(()) => Outcome::WentBack { why: "its wave went wrong".to_owned(), by: Who::Tool, figures: None },
            Err(words) => Outcome::Unclear { why: format!("its wave went wrong, and it could not go back: {words}") },
        };
        self.ended(wave, index, member, outcome)
    }
}

/// Whether a wave is as it should be, but for devices out of reach.
fn verdict(members: &[(usize, &Member<'_>)], outcomes: &[Option<Outcome>]) -> Result<(), String> {
    let bad = members.iter().zip(outcomes).filter_map(|((_, member), outcome)| match outcome {
        Some(outcome @ (Outcome::WentBack { .. } | Outcome::Unclear { .. })) => {
            Some(format!("{}: {outcome}", member.label))
        }
        Some(outcome @ Outcome::Untouched { contact: Contact::Reached, .. }) => {
            Some(format!("{}: {outcome}", member.label))
        }
        _ => None,
    });
    let bad: Vec<_> = bad.collect();
    if bad.is_empty() { Ok(()) } else { Err(bad.join("\n")) }
}
