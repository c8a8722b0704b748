//! The update of one device, step by step, over whatever reaches it.

mod outcome;
mod settle;
#[cfg(test)]
pub(crate) mod tests;

use std::time::Duration;

pub use outcome::{Contact, Outcome, Step, Who};
pub(crate) use settle::{answers, is_back};

use crate::artefact::Artefact;
use crate::clock::Clock;
use crate::device::{Device, Facts, Trouble};
use crate::health::{Before, Seen, Terms, Verdict, Watch};
use crate::release::{Mark, ReleaseName};

/// How often more room than the artefact itself has to be free.
const ROOM: u64 = 3;
/// How long after its guard's time a device may take to show that it went back.
const AFTER_GUARD: Duration = Duration::from_secs(30);

/// What is to be done, alike for every device.
#[derive(Debug, Clone)]
pub struct Task<'a> {
    /// What to install.
    pub artefact: &'a Artefact,
    /// When it may stay.
    pub terms: Terms,
    /// After which time a device goes back by itself.
    pub guard: Duration,
    /// Time between two readings.
    pub poll: Duration,
}

/// One device's part.
pub struct Update<'a> {
    /// The task.
    pub task: &'a Task<'a>,
    /// The device.
    pub device: &'a dyn Device,
    /// The name that it must have, if that is known.
    pub name: Option<&'a str>,
    /// Time.
    pub clock: &'a dyn Clock,
    /// What the broker knows of a run: name of the device, boot.
    pub seen: &'a dyn Fn(&str, &str) -> Seen,
    /// Is told of each step before it is taken; what cannot be told is not done.
    pub tell: &'a dyn Fn(Step) -> std::io::Result<()>,
}

/// Whether a device may be updated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fitness {
    /// It may.
    Fit,
    /// It has this release, committed and running.
    Already,
    /// It may not, for this reason.
    Unfit(String),
}

/// Whether a device in this state may be updated with this.
#[must_use]
pub fn fitness(facts: &Facts, artefact: &Artefact, name: Option<&str>) -> Fitness {
    let release = artefact.release();
    let wanted_kb = artefact.bytes.saturating_mul(ROOM).div_ceil(1024);
    if let (Some(name), Ok(agent)) = (name, &facts.agent)
        && agent.device != name
    {
        return Fitness::Unfit(format!("its agent says that it is {:?}, the inventory {name:?}", agent.device));
    }
    if let Some(pending) = &facts.pending {
        return Fitness::Unfit(format!("release {pending} is not committed yet; its guard goes back within its time"));
    }
    if facts.current.as_ref() == Some(&release) {
        return if facts.runs(&release) {
            Fitness::Already
        } else {
            let why = facts.agent.as_ref().map_or_else(Clone::clone, |agent| format!("{:?} runs", agent.program));
            Fitness::Unfit(format!("release {release} is the current one, and not what runs: {why}"))
        };
    }
    if !artefact.target.fits(&facts.machine) {
        return Fitness::Unfit(format!("{} is not for {}", artefact.file.display(), facts.machine));
    }
    if facts.free_kb < wanted_kb {
        return Fitness::Unfit(format!(
            "too little room: {} KiB are free, {wanted_kb} are wanted, {ROOM} times the artefact",
            facts.free_kb
        ));
    }
    Fitness::Fit
}

impl Update<'_> {
    /// Does it, and leaves the device with a release that is good.
    #[must_use]
    pub fn run(&self) -> Outcome {
        let mark = Mark::new();
        let (release, before) = match self.prepare(&mark) {
            Ok(prepared) => prepared,
            Err(outcome) => return outcome,
        };
        if let Err(error) = (self.tell)(Step::Switch) {
            return Outcome::untouched(Contact::Reached, format!("the record cannot be written: {error}"));
        }
        let begin = self.clock.now();
        if let Err(trouble) = self.device.switch(&release, &mark, self.task.guard) {
            return self.settle(&mark, &release, begin, trouble.to_string(), None);
        }
        let (why, figures) = match self.watch(&release, before, begin) {
            Verdict::Healthy(figures) => match self.commit(&mark, &release, begin) {
                Ok(()) => return Outcome::Done { figures },
                Err(why) => (why, Some(figures)),
            },
            Verdict::Unhealthy(why, figures) => (why, figures),
            Verdict::Wait => ("the device was lost sight of".to_owned(), None),
        };
        self.settle(&mark, &release, begin, why, figures)
    }

    /// All that changes nothing yet: the release is there and checked, and the present one's figures are known.
    fn prepare(&self, mark: &Mark) -> Result<(ReleaseName, Before), Outcome> {
        let told = |step| {
            (self.tell)(step)
                .map_err(|error| Outcome::untouched(Contact::Reached, format!("the record cannot be written: {error}")))
        };
        let artefact = self.task.artefact;
        told(Step::Look)?;
        let first = self.device.status().map_err(Outcome::not_begun)?;
        let since = self.clock.now();
        match fitness(&first, artefact, self.name) {
            Fitness::Fit => {}
            Fitness::Already => return Err(Outcome::Already),
            Fitness::Unfit(why) => return Err(Outcome::untouched(Contact::Reached, why)),
        }
        told(Step::Copy)?;
        self.device.copy(artefact, mark).map_err(Outcome::not_begun)?;
        told(Step::Check)?;
        self.device.receive(artefact, mark).map_err(Outcome::not_begun)?;
        let first = first.agent.ok();
        if first.is_some() {
            // As long as the probation will be, under today's load: like is compared with like.
            told(Step::Baseline)?;
            self.clock.sleep((since + self.task.terms.probation).saturating_sub(self.clock.now()));
        }
        let second = self.device.status().map_err(Outcome::not_begun)?;
        Ok((artefact.release(), Before::from_readings(first.as_ref(), second.agent.as_ref().ok())))
    }

    /// Reads until there is a verdict; none, if the device stays out of sight beyond its guard's time.
    fn watch(&self, release: &ReleaseName, before: Before, begin: Duration) -> Verdict {
        // The device decides for itself anyway when this cannot be written.
        let _ = (self.tell)(Step::Watch);
        let mut watch = Watch::new(release.clone(), self.task.terms, before);
        loop {
            let facts = self.device.status().ok();
            let agent = facts.as_ref().and_then(|facts| facts.agent.as_ref().ok());
            let seen = agent.map_or(Seen::NotLooked, |agent| (self.seen)(&agent.device, &agent.boot));
            let at = self.clock.now().saturating_sub(begin);
            let verdict = watch.reading(at, facts.as_ref(), seen);
            if verdict != Verdict::Wait || at > self.task.guard + AFTER_GUARD {
                return verdict;
            }
            self.clock.sleep(self.task.poll);
        }
    }

    /// Once, but until it is known whether the device heard it.
    fn commit(&self, mark: &Mark, release: &ReleaseName, begin: Duration) -> Result<(), String> {
        (self.tell)(Step::Commit).map_err(|error| format!("the record cannot be written: {error}"))?;
        let mut said = self.device.commit(mark);
        while let Err(Trouble::Unreachable(why)) = said {
            if self.clock.now().saturating_sub(begin) > self.task.guard + AFTER_GUARD {
                return Err(format!("lost sight of at the commit: {why}"));
            }
            self.clock.sleep(self.task.poll);
            let committed = |facts: &Facts| facts.pending.is_none() && facts.current.as_ref() == Some(release);
            if self.device.status().is_ok_and(|facts| committed(&facts)) {
                return Ok(());
            }
            said = self.device.commit(mark);
        }
        said.map_err(|trouble| trouble.to_string())
    }
}
