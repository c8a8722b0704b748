//! The durable place: what is written there, and when.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use shared_host::tree;

use super::place::{Heard, Place};
use super::plan::{Flush, FlushConfig, FlushPlan, Look, News, There};
use super::worker::Answer;
use crate::agent::Agent;
use crate::spool::{Backlog, SENDING};
use crate::store::Recovered;
use crate::store::Urgency;
use crate::store::{Batch, Others};
use crate::store::{Change, in_order};
use crate::store::{Key, Kind};
use crate::time::MonoTime;

/// How long old reports wait for the disk to know that they may be sent.
const HOLD: Duration = Duration::from_secs(2);
/// How often it is looked whether something is due.
const LOOK_EVERY: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Durable {
    pub(super) place: Place,
    plan: FlushPlan,
    /// What is in the journal, with the serial numbers of the latest changes.
    known: BTreeMap<Key, u64>,
    /// Whether that is doubtful since a write failed: then all is written anew.
    trust: Trust,
    /// What the write under way will change of that.
    writing: Vec<(Key, Option<u64>)>,
    commands: News,
    looked: Option<MonoTime>,
    held_since: Option<MonoTime>,
}

/// Whether it is known what is in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    Known,
    /// What was read back may not be on the disk: a failed fsync tells nothing.
    Doubtful,
}

impl Durable {
    pub(super) fn new(place: Place, config: FlushConfig) -> Self {
        Self {
            place,
            plan: FlushPlan::new(config),
            known: BTreeMap::new(),
            trust: Trust::Known,
            writing: Vec::new(),
            commands: News::None,
            looked: None,
            held_since: None,
        }
    }

    pub(super) fn heard(&mut self, answer: Answer, now: MonoTime) -> Option<Recovered> {
        let wrote = std::mem::take(&mut self.writing);
        match self.place.heard(answer, now) {
            Heard::Opened(recovered) => {
                self.known = tree::map(recovered.kept.iter().map(|change| (change.key, change.serial)));
                Some(recovered)
            }
            Heard::Written => {
                self.trust = Trust::Known;
                for (key, serial) in wrote {
                    match serial {
                        Some(serial) => drop(self.known.insert(key, serial)),
                        None => drop(self.known.remove(&key)),
                    }
                }
                None
            }
            Heard::Failed => {
                self.trust = Trust::Doubtful;
                None
            }
        }
    }

    /// Writes what is due, if anything is.
    pub(super) fn step<T: Copy + PartialEq>(&mut self, agent: &mut Agent<T>, now: MonoTime) {
        if agent.take_urgency() == Urgency::Soon {
            self.commands = News::Some;
        }
        self.place.tick(now);
        let sending = self.sending_news(agent);
        let is_time = sending == News::Some || self.looked.is_none_or(|looked| now >= looked.plus(LOOK_EVERY));
        if !is_time || !self.place.is_open() || !self.place.is_idle() {
            return;
        }
        self.looked = Some(now);
        let look = Look { oldest: agent.oldest_window(), there: self.there(agent), sending, commands: self.commands };
        if let Some(flush) = self.plan.due(&look, now) {
            self.write(flush, agent, now);
        }
    }

    /// Whether old reports may be sent: not before the disk knows of it, or has taken too long.
    pub(super) fn backlog<T: Copy + PartialEq>(&mut self, agent: &Agent<T>, now: MonoTime) -> Backlog {
        // Those of a write under way may be there already.
        let mut there = self.known.keys().chain(self.writing.iter().map(|(key, _)| key));
        let to_tell = self.sending_news(agent) == News::Some && there.any(|key| key.kind == Kind::Report);
        if !to_tell || !self.place.is_open() {
            self.held_since = None;
            return Backlog::Free;
        }
        let since = *self.held_since.get_or_insert(now);
        if now >= since.plus(HOLD) { Backlog::Free } else { Backlog::Held }
    }

    /// Whether there is a connection that the journal does not know of.
    fn sending_news<T: Copy + PartialEq>(&self, agent: &Agent<T>) -> News {
        match agent.sending_since() {
            Some(serial) if self.known.get(&SENDING) != Some(&serial) => News::Some,
            _ => News::None,
        }
    }

    fn there<T: Copy + PartialEq>(&self, agent: &Agent<T>) -> There {
        let mut there = tree::set(self.known.keys().filter(|key| key.kind == Kind::Report).copied());
        if there.is_empty() {
            return There::None;
        }
        let all = there.len();
        agent.for_each_kept(&mut |kept| {
            there.remove(&kept.key);
        });
        if there.len() == all { There::Delivered } else { There::Waiting }
    }

    /// Writes everything that is not there yet; at the end. Tells whether there was something to write.
    pub(super) fn write_all<T: Copy + PartialEq>(&mut self, agent: &mut Agent<T>, now: MonoTime) {
        self.write(Flush::Backlog, agent, now);
    }

    fn write<T: Copy + PartialEq>(&mut self, flush: Flush, agent: &mut Agent<T>, now: MonoTime) {
        let anew = self.trust == Trust::Doubtful && !self.known.is_empty();
        let mut live = BTreeSet::new();
        let mut changes = Vec::new();
        agent.for_each_kept(&mut |kept| {
            if !is_durable(kept.key.kind) {
                return;
            }
            live.insert(kept.key);
            let differs = self.known.get(&kept.key) != Some(&kept.serial);
            // A backlog that is not due stays out, unless it is there already.
            let wanted = puts(flush, kept.key.kind) || (anew && self.known.contains_key(&kept.key));
            if wanted
                && (anew || differs)
                && let Some(value) = (kept.encode)()
            {
                changes.push(Change { serial: kept.serial, key: kept.key, value: Some(value) });
            }
        });
        in_order(&mut changes);
        let serial = agent.spool().ledger().last();
        let gone = self.known.keys().filter(|key| !live.contains(key) && removes(flush, key.kind));
        if !anew {
            changes.extend(gone.map(|key| Change { serial, key: *key, value: None }));
        }
        if puts(flush, Kind::Command) {
            self.commands = News::None;
        }
        if puts(flush, Kind::Report) {
            agent.spool().pin(serial);
        }
        if changes.is_empty() && !anew {
            return;
        }
        self.writing = changes.iter().map(|it| (it.key, it.value.is_some().then_some(it.serial))).collect();
        let others = if anew {
            let stays = tree::set(changes.iter().map(|change| change.key));
            self.writing.extend(self.known.keys().filter(|key| !stays.contains(key)).map(|key| (*key, None)));
            Others::Go
        } else {
            Others::Stay
        };
        self.place.write(Batch { changes, others }, serial, now);
    }
}

/// Runs and tails change too often; after a power cut nobody knows them anyway.
fn is_durable(kind: Kind) -> bool {
    !matches!(kind, Kind::Run | Kind::Tail)
}

fn puts(flush: Flush, kind: Kind) -> bool {
    match flush {
        // Before reports are sent, the disk knows them as they are sent.
        Flush::Backlog | Flush::Sending => true,
        Flush::Commands | Flush::Delivered => matches!(kind, Kind::Command | Kind::Value),
    }
}

fn removes(flush: Flush, kind: Kind) -> bool {
    puts(flush, kind) || (flush == Flush::Delivered && kind == Kind::Report)
}
