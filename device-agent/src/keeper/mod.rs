//! Both places, for the supervisor: hands changes over, takes in what came of them, and waits for nothing.

mod by_hand;
mod durable;
mod place;
mod plan;
#[cfg(test)]
mod story;
mod worker;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, timeout_at};
use tracing::{info, warn};

use self::durable::Durable;
use self::place::{Heard, Place};
use self::worker::{Answer, Job, start};
use crate::agent::{Agent, Context};
use crate::spool::{Backlog, Journalled};
use crate::store::Directory;
use crate::store::Files;
use crate::store::Recovered;
use crate::store::{Batch, Others, Safety};
use crate::store::{Change, in_order};
use crate::store::{Restored, restore, restore_late};
use crate::time::MonoTime;

pub use by_hand::Bench;
pub use place::{Health, PlaceStatus, Role};
pub use plan::FlushConfig;

/// How long a report waits for the volatile place; beyond it, it is sent all the same.
const HOLD: Duration = Duration::from_millis(100);

/// Where and how much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// Directory of the volatile place, in memory (tmpfs); `None` for no such place.
    pub runtime_dir: Option<PathBuf>,
    /// Directory of the durable place; `None` for no such place.
    pub dir: Option<PathBuf>,
    /// Bytes that either may take.
    pub max_bytes: u64,
    /// When reports go to the durable place.
    pub flush: FlushConfig,
}

/// How the places are; `None` where there is none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StoreStatus {
    /// The volatile one.
    pub volatile: Option<PlaceStatus>,
    /// The durable one.
    pub durable: Option<PlaceStatus>,
}

/// What the threads of the places say.
type Answers = UnboundedReceiver<(Role, Answer)>;

/// Both places.
#[derive(Debug)]
pub struct Keeper {
    volatile: Option<Place>,
    durable: Option<Durable>,
    answers: Answers,
    /// Held, so that waiting for an answer never ends where no place is.
    _open: UnboundedSender<(Role, Answer)>,
    /// What places held when they were opened for the first time, until it is taken up.
    found: Vec<(Role, Recovered)>,
    /// Places that were opened.
    opened: Vec<Role>,
    /// Runs whose reports were taken up.
    seen: BTreeSet<u64>,
}

impl Keeper {
    /// Opens the places in threads of their own.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn open(config: &StoreConfig, now: MonoTime) -> io::Result<Self> {
        let open = |path: PathBuf| move || Directory::open(&path);
        Self::with_files(
            config.runtime_dir.as_ref().map(|path| (shown(path), open(path.clone()))),
            config.dir.as_ref().map(|path| (shown(path), open(path.clone()))),
            config.max_bytes,
            config.flush,
            now,
        )
    }

    /// The same with other files: each place has a name to be shown, and something that opens it.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn with_files<V: Files + 'static, D: Files + 'static>(
        volatile: Option<(String, impl FnMut() -> io::Result<V> + Send + 'static)>,
        durable: Option<(String, impl FnMut() -> io::Result<D> + Send + 'static)>,
        max_bytes: u64,
        flush: FlushConfig,
        now: MonoTime,
    ) -> io::Result<Self> {
        let (tell, answers) = unbounded_channel();
        let volatile = volatile
            .map(|(name, open)| {
                let tell = tell.clone();
                start("store-volatile", Role::Volatile, max_bytes, Safety::Process, open, tell).map(|jobs| (name, jobs))
            })
            .transpose()?;
        let durable = durable
            .map(|(name, open)| {
                let tell = tell.clone();
                start("store-durable", Role::Durable, max_bytes, Safety::PowerCut, open, tell).map(|jobs| (name, jobs))
            })
            .transpose()?;
        Ok(Self::of_desks(volatile, durable, (tell, answers), flush, now))
    }

    /// With somebody who does the jobs and answers each.
    fn of_desks(
        volatile: Option<(String, SyncSender<Job>)>,
        durable: Option<(String, SyncSender<Job>)>,
        (tell, answers): (UnboundedSender<(Role, Answer)>, Answers),
        flush: FlushConfig,
        now: MonoTime,
    ) -> Self {
        let volatile = volatile.map(|(name, jobs)| Place::open(Role::Volatile, name, jobs, now));
        let durable = durable.map(|(name, jobs)| Durable::new(Place::open(Role::Durable, name, jobs, now), flush));
        let (found, opened, seen) = (Vec::new(), Vec::new(), BTreeSet::new());
        Self { volatile, durable, answers, _open: tell, found, opened, seen }
    }

    /// Whether there is a place at all.
    fn is_there(&self) -> bool {
        self.volatile.is_some() || self.durable.is_some()
    }

    /// Waits until the places are open, at most until `deadline`, and takes up what earlier runs left behind.
    pub async fn begin<T: Copy + PartialEq>(&mut self, agent: &mut Agent<T>, context: &Context, deadline: Instant) {
        if !self.is_there() {
            return;
        }
        while self.is_opening() {
            let Ok(Some((role, answer))) = timeout_at(deadline, self.answers.recv()).await else { break };
            self.take_in(role, answer, MonoTime::now());
        }
        self.begin_now(agent, context);
    }

    /// Takes up what earlier runs left behind, as far as the places are open.
    pub fn begin_now<T: Copy + PartialEq>(&mut self, agent: &mut Agent<T>, context: &Context) {
        if !self.is_there() {
            return;
        }
        while let Ok((role, answer)) = self.answers.try_recv() {
            self.take_in(role, answer, context.now);
        }
        self.seen.insert(agent.identity().boot.0);
        let found = std::mem::take(&mut self.found);
        let of = |wanted| found.iter().find(|(role, _)| *role == wanted).map(|(_, recovered)| recovered);
        let nothing = Recovered::default();
        let restored = restore(of(Role::Volatile).unwrap_or(&nothing), of(Role::Durable).unwrap_or(&nothing));
        self.adopt(restored, agent);
        agent.begin_run(context);
    }

    fn is_opening(&self) -> bool {
        let durable = self.durable.as_ref().map(|durable| &durable.place);
        self.volatile.iter().chain(durable).any(Place::is_opening)
    }

    fn adopt<T: Copy + PartialEq>(&mut self, restored: Restored, agent: &mut Agent<T>) {
        self.seen.extend(restored.reports.iter().map(|report| report.kept.report.boot.0));
        self.seen.extend(restored.runs.iter().map(|(key, ..)| key.owner));
        if restored.not_understood > 0 {
            warn!(records = restored.not_understood, "records of the spool cannot be understood and are passed over");
        }
        let adopted = agent.restore(restored);
        if adopted.reports > 0 || adopted.closed > 0 {
            info!(
                reports = adopted.reports,
                unfinished_runs = adopted.closed,
                "reports of earlier runs wait for the broker again"
            );
        }
    }

    /// The next answer of a place, if somebody waits for one; the others are taken in by [`Self::step`], so that they wake
    /// nobody. Cancel-safe.
    pub async fn next<T: Copy + PartialEq>(&mut self, agent: &Agent<T>) -> Option<StoreEvent> {
        let durable_is_busy = self.durable.as_ref().is_some_and(|durable| !durable.place.is_idle());
        if !agent.waits_for_store() && !durable_is_busy {
            return std::future::pending().await;
        }
        self.next_of_all().await
    }

    /// The next answer of a place. Cancel-safe.
    pub async fn next_of_all(&mut self) -> Option<StoreEvent> {
        self.answers.recv().await.map(|(role, answer)| StoreEvent { role, answer })
    }

    /// Takes in what came of a write.
    pub fn handle<T: Copy + PartialEq>(&mut self, event: StoreEvent, agent: &mut Agent<T>, now: MonoTime) {
        self.take_in(event.role, event.answer, now);
        for (_, recovered) in std::mem::take(&mut self.found) {
            let restored = restore_late(&recovered, &self.seen);
            self.adopt(restored, agent);
        }
    }

    fn take_in(&mut self, role: Role, answer: Answer, now: MonoTime) {
        let opened = match role {
            Role::Volatile => self.volatile.as_mut().and_then(|place| match place.heard(answer, now) {
                Heard::Opened(recovered) => Some(recovered),
                Heard::Written | Heard::Failed => None,
            }),
            Role::Durable => self.durable.as_mut().and_then(|durable| durable.heard(answer, now)),
        };
        let Some(mut recovered) = opened else { return };
        if self.opened.contains(&role) {
            // Only what another disk may have brought: what this run did with the rest is not undone.
            let seen = &self.seen;
            recovered.kept.retain(|change| change.key.kind.is_of_run() && !seen.contains(&change.key.owner));
        } else {
            self.opened.push(role);
        }
        self.found.push((role, recovered));
    }

    /// Whether all that was handed over is done.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let durable = self.durable.as_ref().map(|durable| &durable.place);
        self.volatile.iter().chain(durable).all(Place::is_idle)
    }

    /// Hands over what has changed, and says what may be sent by now. Never waits.
    pub fn step<T: Copy + PartialEq>(&mut self, agent: &mut Agent<T>, now: MonoTime) {
        if !self.is_there() {
            return;
        }
        while let Ok((role, answer)) = self.answers.try_recv() {
            self.handle(StoreEvent { role, answer }, agent, now);
        }
        let changes = agent.take_changes();
        let journalled = match &mut self.volatile {
            Some(place) => step_volatile(place, changes, agent, now),
            None => Journalled::NotWaitedFor,
        };
        agent.spool().set_journalled(journalled);
        let backlog = match &mut self.durable {
            Some(durable) => {
                durable.step(agent, now);
                durable.backlog(agent, now)
            }
            None => Backlog::Free,
        };
        agent.spool().set_backlog(backlog);
    }

    /// Writes everything that is left, and waits for it, at most until `deadline`. Tells whether all of it is where it survives
    /// the end of this process.
    pub async fn finish<T: Copy + PartialEq>(&mut self, agent: &mut Agent<T>, deadline: Instant) -> AtTheEnd {
        if !self.is_there() {
            return AtTheEnd::NotKept;
        }
        let mut told_durable = false;
        loop {
            self.step(agent, MonoTime::now());
            if let Some(durable) = self.durable.as_mut().filter(|durable| durable.place.is_idle())
                && !told_durable
            {
                told_durable = true;
                if durable.place.is_open() {
                    durable.write_all(agent, MonoTime::now());
                }
            }
            let busy = |place: &Place| place.is_open() && !place.is_idle();
            let durable = self.durable.as_ref().map(|durable| &durable.place);
            if !self.volatile.iter().chain(durable).any(busy) {
                break;
            }
            match timeout_at(deadline, self.answers.recv()).await {
                Ok(Some((role, answer))) => self.take_in(role, answer, MonoTime::now()),
                Ok(None) | Err(_) => return AtTheEnd::NotKept,
            }
        }
        // The durable one, if there is one: the other is gone with the next power cut.
        let place = self.durable.as_ref().map(|durable| &durable.place).or(self.volatile.as_ref());
        if place.is_some_and(Place::is_open) { AtTheEnd::Kept } else { AtTheEnd::NotKept }
    }

    /// How the places are.
    #[must_use]
    pub fn status(&self) -> StoreStatus {
        StoreStatus {
            volatile: self.volatile.as_ref().map(|place| place.status().clone()),
            durable: self.durable.as_ref().map(|durable| durable.place.status().clone()),
        }
    }
}

/// What is with the reports that wait when the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtTheEnd {
    /// The next run will send them.
    Kept,
    /// They end with the process, or it is not known.
    NotKept,
}

/// Something came of a write.
#[derive(Debug)]
pub struct StoreEvent {
    role: Role,
    answer: Answer,
}

fn step_volatile<T: Copy + PartialEq>(
    place: &mut Place,
    changes: Vec<Change>,
    agent: &mut Agent<T>,
    now: MonoTime,
) -> Journalled {
    place.tick(now);
    if place.is_open() {
        let through = agent.spool().ledger().last();
        if !place.is_stale() && !changes.is_empty() {
            place.write(Batch { changes, others: Others::Stay }, through, now);
        } else if place.is_stale() && place.is_idle() {
            place.write(Batch { changes: everything(agent), others: Others::Go }, through, now);
        }
    }
    // Also while it is opened: that takes no time in memory.
    let works = (place.is_open() && !place.is_stale()) || place.is_opening();
    if works && !place.waits_longer_than(HOLD, now) {
        Journalled::UpTo(place.journalled())
    } else {
        Journalled::NotWaitedFor
    }
}

fn everything<T: Copy + PartialEq>(agent: &Agent<T>) -> Vec<Change> {
    let mut changes = Vec::new();
    agent.for_each_kept(&mut |kept| {
        if let Some(value) = (kept.encode)() {
            changes.push(Change { serial: kept.serial, key: kept.key, value: Some(value) });
        }
    });
    in_order(&mut changes);
    changes
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
