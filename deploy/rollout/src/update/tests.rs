//! Devices made up, in a time made up.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::*;
use crate::artefact::{Proof, Target};
use crate::counts::Counts;
use crate::device::{AgentFacts, Back, LinkFacts, TaskFacts};
use shared_proto::mode::{Mode, ModeSource};

/// Time that passes by being waited for.
#[derive(Default)]
pub(crate) struct FakeClock(AtomicU64);

impl Clock for FakeClock {
    fn now(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }

    fn sleep(&self, time: Duration) {
        self.0.fetch_add(u64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

/// What goes wrong on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Nothing,
    /// The new release does not answer.
    Crashes,
    /// The new release misses every deadline.
    Late,
    /// It is never reached.
    Away,
    /// It is not reached any more after the copy has begun.
    GoneAtCopy,
    /// It refuses the copy.
    RefusesCopy,
    /// It is not reached any more after the switch, until long after its guard's time.
    GoneAfterSwitch,
    /// The same, for ever.
    GoneForGood,
    /// The switch is refused before anything is changed.
    RefusesSwitch,
    /// The new service does not restart.
    RestartFails,
    /// The answer to the commit is lost, though it was heard.
    CommitUnheard,
    /// Neither the new nor the old release answers after the switch.
    BreaksDown,
}

pub(crate) struct FakeDevice<'a> {
    pub(crate) fault: Fault,
    pub(crate) state: Mutex<State>,
    clock: &'a FakeClock,
}

#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) current: String,
    pub(crate) previous: Option<String>,
    pub(crate) pending: Option<String>,
    outcome: String,
    boot: u64,
    since: Duration,
    fires: Duration,
    gone_until: Duration,
}

impl<'a> FakeDevice<'a> {
    pub(crate) fn new(fault: Fault, clock: &'a FakeClock) -> Self {
        let state = State {
            current: "old".to_owned(),
            previous: None,
            pending: None,
            outcome: String::new(),
            boot: 1,
            since: Duration::ZERO,
            fires: Duration::MAX,
            gone_until: if fault == Fault::Away { Duration::MAX } else { Duration::ZERO },
        };
        Self { fault, state: Mutex::new(state), clock }
    }

    pub(crate) fn current(&self) -> String {
        self.state.lock().unwrap().current.clone()
    }

    /// What happened on the device meanwhile; then whether it is reached.
    fn reach(&self) -> Result<std::sync::MutexGuard<'_, State>, Trouble> {
        let mut state = self.state.lock().unwrap();
        if state.pending.is_some() && self.clock.now() >= state.fires {
            state.restore("guard", self.clock.now());
        }
        if self.clock.now() < state.gone_until {
            return Err(Trouble::Unreachable("no route".to_owned()));
        }
        Ok(state)
    }
}

impl State {
    fn restart(&mut self, now: Duration) {
        self.boot += 1;
        self.since = now;
    }

    fn restore(&mut self, by: &str, now: Duration) {
        self.outcome = format!("rolled-back {} {by}", self.current);
        self.current = self.previous.clone().unwrap();
        self.pending = None;
        self.restart(now);
    }
}

fn name(text: &str) -> ReleaseName {
    ReleaseName::try_from(text.to_owned()).unwrap()
}

impl Device for FakeDevice<'_> {
    fn status(&self) -> Result<Facts, Trouble> {
        let state = self.reach()?;
        let jobs = u64::try_from((self.clock.now() - state.since).as_millis() / 20).unwrap();
        let new = state.current != "old";
        let dead = (new && self.fault == Fault::Crashes) || (state.boot > 1 && self.fault == Fault::BreaksDown);
        let misses = if new && self.fault == Fault::Late { jobs } else { 0 };
        let agent = AgentFacts {
            device: "pi".to_owned(),
            boot: state.boot.to_string(),
            version: "1".to_owned(),
            program: format!("/opt/releases/{}/device-agent", state.current),
            mode: Mode::Normal,
            mode_source: ModeSource::Default,
            danger: None,
            total: Counts { jobs, misses },
            task: TaskFacts { period_us: 20_000 },
            link: LinkFacts { up: true },
        };
        Ok(Facts {
            free_kb: 1_000_000,
            machine: "x86_64".to_owned(),
            current: Some(name(&state.current)),
            previous: state.previous.as_deref().map(name),
            pending: state.pending.as_ref().map(|_| name(&state.current)),
            mark: state.pending.clone().unwrap_or_default(),
            outcome: state.outcome.clone(),
            age_s: None,
            installed: "/opt/current/device-agent".to_owned(),
            agent: if dead { Err("nobody listens".to_owned()) } else { Ok(agent) },
        })
    }

    fn copy(&self, _: &Artefact, _: &Mark) -> Result<(), Trouble> {
        let mut state = self.reach()?;
        match self.fault {
            Fault::GoneAtCopy => {
                state.gone_until = Duration::MAX;
                Err(Trouble::Unreachable("lost".to_owned()))
            }
            Fault::RefusesCopy => Err(Trouble::Refused("no space".to_owned())),
            _ => Ok(()),
        }
    }

    fn receive(&self, _: &Artefact, _: &Mark) -> Result<(), Trouble> {
        self.reach().map(drop)
    }

    fn switch(&self, release: &ReleaseName, mark: &Mark, guard: Duration) -> Result<(), Trouble> {
        let mut state = self.reach()?;
        if self.fault == Fault::RefusesSwitch {
            return Err(Trouble::Refused("the guard cannot be armed".to_owned()));
        }
        let now = self.clock.now();
        state.previous = Some(std::mem::replace(&mut state.current, release.to_string()));
        state.pending = Some(mark.as_str().to_owned());
        state.fires = now + guard;
        state.outcome.clear();
        state.restart(now);
        match self.fault {
            Fault::GoneAfterSwitch => state.gone_until = now + guard + Duration::from_secs(10),
            Fault::GoneForGood => state.gone_until = Duration::MAX,
            Fault::RestartFails => return Err(Trouble::Refused("restart: failed".to_owned())),
            _ => {}
        }
        Ok(())
    }

    fn commit(&self, mark: &Mark) -> Result<(), Trouble> {
        let mut state = self.reach()?;
        if state.pending.as_deref() != Some(mark.as_str()) {
            return Err(Trouble::Refused("over already".to_owned()));
        }
        state.pending = None;
        state.outcome = format!("committed {} fleet", state.current);
        if self.fault == Fault::CommitUnheard {
            return Err(Trouble::Unreachable("lost".to_owned()));
        }
        Ok(())
    }

    fn go_back(&self, from: &Back) -> Result<(), Trouble> {
        let mut state = self.reach()?;
        let fits = match from {
            Back::Anything => true,
            Back::Update(mark) => state.pending.as_deref() == Some(mark.as_str()),
            Back::Release(release) => state.current == release.as_str(),
        };
        if !fits {
            return Err(Trouble::Refused("over already".to_owned()));
        }
        state.restore("fleet", self.clock.now());
        Ok(())
    }
}

pub(crate) fn artefact() -> Artefact {
    Artefact {
        file: PathBuf::from("agent"),
        signature: Proof::Unsigned,
        sha256: "0123456789abcdef0123".to_owned(),
        bytes: 1_000,
        target: Target::Machine(62),
    }
}

pub(crate) fn task(artefact: &Artefact) -> Task<'_> {
    let second = Duration::from_secs(1);
    let terms = Terms { probation: 60 * second, start_limit: 30 * second, margin: 0.005 };
    Task { artefact, terms, guard: 300 * second, poll: second }
}

fn updated(fault: Fault) -> (Outcome, State, Vec<Step>) {
    let (clock, artefact) = (FakeClock::default(), artefact());
    clock.sleep(Duration::from_secs(1_000));
    let (device, task) = (FakeDevice::new(fault, &clock), task(&artefact));
    let steps = Mutex::new(Vec::new());
    let tell = |step| {
        steps.lock().unwrap().push(step);
        Ok(())
    };
    let seen = |_: &str, _: &str| Seen::NotLooked;
    let update = Update { task: &task, device: &device, name: Some("pi"), clock: &clock, seen: &seen, tell: &tell };
    let outcome = update.run();
    let state = device.state.lock().unwrap().clone();
    (outcome, state, steps.into_inner().unwrap())
}

#[test]
fn a_good_release_is_watched_and_committed() {
    let (outcome, state, steps) = updated(Fault::Nothing);
    let Outcome::Done { figures } = outcome else { panic!("{outcome:?}") };
    assert!(figures.after.jobs >= 2_900 && figures.before.unwrap().jobs >= 2_900, "{figures:?}");
    assert_eq!((state.current.as_str(), state.pending), ("0123456789abcdef", None));
    use Step::{Baseline, Check, Commit, Copy, Look, Switch, Watch};
    assert_eq!(steps, [Look, Copy, Check, Baseline, Switch, Watch, Commit]);
}

#[test]
fn a_bad_release_goes_back() {
    for (fault, words) in [
        (Fault::Crashes, "no answer within 30 s"),
        (Fault::Late, "misses more deadlines"),
        (Fault::RestartFails, "restart: failed"),
    ] {
        let (outcome, state, _) = updated(fault);
        let Outcome::WentBack { why, by: Who::Tool, .. } = outcome else { panic!("{fault:?}: {outcome:?}") };
        assert!(why.contains(words), "{why}");
        assert_eq!((state.current.as_str(), state.pending), ("old", None));
    }
}

#[test]
fn before_the_switch_nothing_is_changed() {
    for (fault, contact) in [
        (Fault::Away, Contact::Unreachable),
        (Fault::GoneAtCopy, Contact::Unreachable),
        (Fault::RefusesCopy, Contact::Reached),
        (Fault::RefusesSwitch, Contact::Reached),
    ] {
        let (outcome, state, _) = updated(fault);
        assert!(
            matches!(&outcome, Outcome::Untouched { contact: told, .. } if *told == contact),
            "{fault:?}: {outcome:?}"
        );
        assert_eq!((state.current.as_str(), state.boot), ("old", 1));
    }
}

#[test]
fn out_of_reach_the_device_goes_back_by_itself() {
    let (outcome, state, steps) = updated(Fault::GoneAfterSwitch);
    assert!(matches!(outcome, Outcome::WentBack { by: Who::Device, .. }), "{outcome:?}");
    assert_eq!(state.current, "old");
    assert!(steps.contains(&Step::AwaitGuard));
    let (outcome, ..) = updated(Fault::GoneForGood);
    assert!(matches!(&outcome, Outcome::Unclear { why } if why.contains("300 s after the switch")), "{outcome:?}");
}

#[test]
fn a_commit_that_was_heard_is_one() {
    let (outcome, state, _) = updated(Fault::CommitUnheard);
    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
    assert_eq!(state.current, "0123456789abcdef");
}

#[test]
fn a_device_that_stays_silent_needs_a_person() {
    let (outcome, ..) = updated(Fault::BreaksDown);
    assert!(matches!(&outcome, Outcome::Unclear { why } if why.contains("does not answer")), "{outcome:?}");
}

#[test]
fn what_cannot_be_written_down_is_not_done() {
    let (clock, artefact) = (FakeClock::default(), artefact());
    let (device, task) = (FakeDevice::new(Fault::Nothing, &clock), task(&artefact));
    let full = |step| if step == Step::Switch { Err(std::io::Error::other("disk full")) } else { Ok(()) };
    let seen = |_: &str, _: &str| Seen::NotLooked;
    let update = Update { task: &task, device: &device, name: None, clock: &clock, seen: &seen, tell: &full };
    assert!(matches!(update.run(), Outcome::Untouched { .. }));
    assert_eq!(device.current(), "old");
}

#[test]
fn only_a_fit_device_is_updated() {
    let clock = FakeClock::default();
    let facts = FakeDevice::new(Fault::Nothing, &clock).status().unwrap();
    let unfit = |facts: &Facts, name| match fitness(facts, &artefact(), name) {
        Fitness::Unfit(why) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(fitness(&facts, &artefact(), Some("pi")), Fitness::Fit);
    assert!(unfit(&facts, Some("other")).contains("\"other\""));
    assert!(unfit(&Facts { machine: "aarch64".to_owned(), ..facts.clone() }, None).contains("not for aarch64"));
    assert!(unfit(&Facts { free_kb: 2, ..facts.clone() }, None).contains("3 are wanted, 3 times"));
    assert!(unfit(&Facts { pending: Some(name("x")), ..facts.clone() }, None).contains("not committed"));
    let there = Facts { current: Some(artefact().release()), ..facts };
    assert!(unfit(&there, None).contains("not what runs"));
}
