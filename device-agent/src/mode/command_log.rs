//! The latest commands and what became of them, so that a repeated one is answered again and applied once; also when the
//! agent was restarted in between, for the log is kept.

use std::collections::VecDeque;

use shared_proto::ids::CommandId;
use shared_proto::wire::{Ack, Outcome};

use crate::store::kept::{KeptCommand, encode};
use crate::store::{Kept, Key, Kind, Ledger, Urgency};

/// Commands remembered. A sender has one or two under way; more than this many later, a repeat is a new command.
const REMEMBERED: usize = 32;

/// The latest commands.
#[derive(Debug, Default)]
pub struct CommandLog {
    entries: VecDeque<Entry>,
    /// Number of the next one, for its key.
    next: u64,
    urgency: Urgency,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    serial: u64,
    id: CommandId,
    state: State,
}

#[derive(Debug)]
enum State {
    UnderWay,
    /// An earlier run took it, and ended before its answer was kept.
    TakenBefore,
    Answered(Box<Ack>),
}

/// What is known of a command id.
#[derive(Debug, PartialEq)]
pub enum Known {
    /// Never seen, or forgotten.
    New,
    /// Taken, and on its way to the next release: the answer will come by itself.
    UnderWay,
    /// Taken by an earlier run, with an answer that nobody knows any more.
    TakenBefore,
    /// Answered like this.
    Answered(Box<Ack>),
}

impl CommandLog {
    /// What is known of `id`.
    #[must_use]
    pub fn look_up(&self, id: &CommandId) -> Known {
        match self.entries.iter().find(|entry| entry.id == *id).map(|entry| &entry.state) {
            None => Known::New,
            Some(State::UnderWay) => Known::UnderWay,
            Some(State::TakenBefore) => Known::TakenBefore,
            Some(State::Answered(ack)) => Known::Answered(ack.clone()),
        }
    }

    /// Commands remembered, at most 32.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no command was taken yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Remembers a command that is taken but not yet answered.
    pub fn taken(&mut self, id: CommandId, ledger: &mut Ledger) {
        let mut entry = Entry { number: self.next, serial: 0, id, state: State::UnderWay };
        self.next += 1;
        entry.serial = entry.put(ledger);
        self.entries.push_back(entry);
        self.bound(ledger);
    }

    fn bound(&mut self, ledger: &mut Ledger) {
        while self.entries.len() > REMEMBERED {
            // Those under way stay: they are fewer than these.
            let oldest = self.entries.iter().position(|entry| !matches!(entry.state, State::UnderWay));
            if let Some(entry) = self.entries.remove(oldest.unwrap_or(0)) {
                ledger.remove(entry.key());
            }
        }
    }

    /// Remembers the answer to a command that was taken.
    pub fn answered(&mut self, ack: &Ack, ledger: &mut Ledger) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == ack.id) {
            entry.state = State::Answered(Box::new(ack.clone()));
            entry.serial = entry.put(ledger);
            if ack.result == Outcome::Applied {
                self.urgency = Urgency::Soon;
            }
        }
    }

    /// Whether a command has changed the mode since the last call.
    pub fn take_urgency(&mut self) -> Urgency {
        std::mem::take(&mut self.urgency)
    }

    /// Takes up the commands of earlier runs, oldest first, with the serial numbers of their latest changes.
    pub fn restore(&mut self, commands: Vec<(Key, u64, KeptCommand)>, ledger: &mut Ledger) {
        let mut earlier = VecDeque::new();
        for (key, serial, KeptCommand { id, answer }) in commands {
            if self.entries.iter().any(|entry| entry.id == id) {
                ledger.remove(key);
                continue;
            }
            let state = answer.map_or(State::TakenBefore, |ack| State::Answered(Box::new(ack)));
            self.next = self.next.max(key.owner.saturating_add(1));
            earlier.push_back(Entry { number: key.owner, serial, id, state });
        }
        // Commands of this run that came before the place could be read: their numbers must be others.
        for mut entry in self.entries.drain(..) {
            ledger.remove(entry.key());
            entry.number = self.next;
            self.next += 1;
            entry.serial = entry.put(ledger);
            earlier.push_back(entry);
        }
        self.entries = earlier;
        self.bound(ledger);
    }

    /// Everything that is to be kept.
    pub fn for_each_kept(&self, visit: &mut dyn FnMut(&Kept<'_>)) {
        for entry in &self.entries {
            visit(&Kept { key: entry.key(), serial: entry.serial, encode: &|| entry.encode() });
        }
    }
}

impl Entry {
    fn key(&self) -> Key {
        Key::new(Kind::Command, self.number, 0)
    }

    fn put(&self, ledger: &mut Ledger) -> u64 {
        ledger.put(self.key(), || self.encode())
    }

    fn encode(&self) -> Option<Vec<u8>> {
        let answer = match &self.state {
            State::UnderWay | State::TakenBefore => None,
            State::Answered(ack) => Some(Ack::clone(ack)),
        };
        encode(&KeptCommand { id: self.id.clone(), answer })
    }
}
