//! Reports wait here until the broker has acknowledged them. Full, neighbours merge instead of being dropped.
//!
//! Every change goes into a [`Ledger`] too, for the store. If there is one, a report is handed out for sending only when the
//! store has it, together with the mark that it may have been sent: so whatever happens to this process, nobody merges or
//! invents anew what a receiver may know.

mod keeping;
mod merge;
mod restoring;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use shared_host::order::{SortKey, sort_by_key};
use shared_proto::wire::{Missing, Report};

use crate::store::kept::{History, Sending, encode_report};
use crate::store::{Key, Kind, Ledger};
pub(crate) use keeping::SENDING;
use merge::{Merged, Spare};

/// Reports of each lane that are marked before they are sent, so that none waits for its mark. The transport has no more under way.
const MARKED_AHEAD: usize = 16;
/// Old reports under way at one time: the rest of what the transport takes is for new ones.
const BACKLOG_UNDER_WAY: usize = 8;
/// Reports that may have been sent and wait again, from connections that ended before an answer. Beyond these no new ones are
/// added to them, and the old ones go first.
const SENT_AND_WAITING: usize = 256;

/// So many more may wait rather than that two are merged which the durable place has.
const RATHER_THAN_UNPIN: usize = 64;

/// Acknowledged reports that are kept: a broker that restarts acknowledges what it has nobody to give to, until the gateway is back.
const DELIVERED: usize = 64;

/// Which reports are to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Those closed since the connection came up. They are of now: somebody may decide by them.
    Live,
    /// All older ones, those of earlier runs among them.
    Backlog,
}

/// Reports on their way, oldest first.
#[derive(Debug)]
pub struct Spool<T> {
    /// Published, but not acknowledged. The transport bounds how many.
    under_way: VecDeque<(T, Lane, Waiting)>,
    waiting: VecDeque<Waiting>,
    /// The latest that the broker has acknowledged, for a gateway that did not get them.
    delivered: VecDeque<Waiting>,
    /// From this one on they are of the lane `Live`.
    live_from: usize,
    connection: Connection,
    /// Reports among `waiting` that may have been sent.
    sent_and_waiting: usize,
    sent_limit: usize,
    capacity: usize,
    given_up: u64,
    /// Number of this run.
    run: u64,
    ledger: Ledger,
    journalled: Journalled,
    /// Whether a report that is due waits for the store.
    is_held: bool,
    backlog: Backlog,
    sending: Option<(u64, Sending)>,
    /// Reports up to this serial number are in the durable place as they are.
    pinned: u64,
}

#[derive(Debug, Clone)]
struct Waiting {
    report: Box<Report>,
    /// Number of the run that made it.
    run: u64,
    history: History,
    /// Serial number of its latest change.
    serial: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Connection {
    Up,
    Down,
}

/// What the store has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Journalled {
    /// All changes up to this serial number: what is not among them must not be sent yet.
    UpTo(u64),
    /// It is not waited for: there is no store, or it is in trouble.
    NotWaitedFor,
}

impl Journalled {
    /// Whether what depends on the change `serial` may go out.
    #[must_use]
    pub fn has(self, serial: u64) -> bool {
        match self {
            Self::UpTo(last) => serial <= last,
            Self::NotWaitedFor => true,
        }
    }
}

/// Whether old reports may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backlog {
    /// They may.
    Free,
    /// Not yet: the durable place does not know that sending goes on.
    Held,
}

impl<T: Copy + PartialEq> Spool<T> {
    /// A spool in which at most `capacity` reports wait, at least 2, besides those that are or were under way.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            under_way: VecDeque::new(),
            waiting: VecDeque::new(),
            delivered: VecDeque::new(),
            live_from: 0,
            connection: Connection::Down,
            sent_and_waiting: 0,
            sent_limit: SENT_AND_WAITING,
            capacity: capacity.max(2),
            given_up: 0,
            run: 1,
            ledger: Ledger::default(),
            journalled: Journalled::NotWaitedFor,
            is_held: false,
            backlog: Backlog::Free,
            sending: None,
            pinned: 0,
        }
    }

    /// Adds the newest report. In a full spool two neighbours become one; if none can, the oldest that waits is given up.
    pub fn push(&mut self, report: Report) {
        let mut waiting = Waiting { report: Box::new(report), run: self.run, history: History::Unsent, serial: 0 };
        let goes_out = self.connection == Connection::Up && self.marked(Lane::Live) < MARKED_AHEAD;
        if goes_out && self.may_mark(Lane::Live) {
            // It goes out next: no need to write it twice.
            waiting.history = History::Sent;
            self.sent_and_waiting += 1;
        }
        waiting.serial = put(&mut self.ledger, &waiting);
        self.waiting.push_back(waiting);
        if self.connection == Connection::Down {
            self.live_from = self.waiting.len();
        }
        self.bound();
    }

    fn bound(&mut self) {
        loop {
            let unsent = self.waiting.len().saturating_sub(self.sent_and_waiting);
            let Some(over) = unsent.checked_sub(self.capacity).filter(|over| *over > 0) else { return };
            match self.merge_one(if over <= RATHER_THAN_UNPIN { Spare::Pinned } else { Spare::Nothing }) {
                Merged::Two => {}
                Merged::NoneButPinned => return,
                Merged::None => self.give_up_one(),
            }
        }
    }

    /// The oldest report of a lane that is not under way, if it may be sent now.
    #[must_use]
    pub fn next_to_send(&mut self, lane: Lane) -> Option<&Report> {
        if lane == Lane::Backlog {
            let under_way = self.under_way.iter().filter(|(_, lane, _)| *lane == Lane::Backlog).count();
            if self.backlog == Backlog::Held || under_way >= BACKLOG_UNDER_WAY {
                return None;
            }
        }
        self.mark_ahead(lane);
        // The lane `Live` is always asked first.
        self.is_held &= lane == Lane::Backlog;
        let too_many = self.sent_and_waiting >= self.sent_limit;
        let at = self.first(lane)?;
        let next = self.waiting.get(at)?;
        if lane == Lane::Live && too_many && next.history == History::Unsent {
            return None;
        }
        let journalled = self.journalled.has(next.serial);
        self.is_held |= !journalled;
        let marked = next.history == History::Sent || !self.ledger.is_kept();
        (journalled && marked).then_some(&*next.report)
    }

    /// The report of [`Self::next_to_send`] is now under way as `token`.
    pub fn sent(&mut self, lane: Lane, token: T) {
        if let Some(mut waiting) = self.first(lane).and_then(|at| self.take_at(at)) {
            waiting.history = History::Sent;
            self.under_way.push_back((token, lane, waiting));
        }
    }

    /// The broker has this one. `false` if it was not a report.
    pub fn acknowledged(&mut self, token: T) -> bool {
        let place = self.under_way.iter().position(|(sent, ..)| *sent == token);
        let Some((.., waiting)) = place.and_then(|place| self.under_way.remove(place)) else { return false };
        self.ledger.remove(key(&waiting.report));
        if self.delivered.len() == DELIVERED {
            self.delivered.pop_front();
        }
        self.delivered.push_back(waiting);
        true
    }

    /// The gateway misses windows that the broker has acknowledged, because nobody was there to get them: of the latest, those
    /// reports wait again.
    pub fn send_again(&mut self, missing: &Missing) {
        let is_missing = |report: &Report| {
            let first = report.seq.saturating_sub(u64::from(report.merged)) + 1;
            report.boot == missing.boot && report.seq > missing.after && first <= missing.up_to
        };
        let (again, kept) = self.delivered.drain(..).partition(|waiting| is_missing(&waiting.report));
        self.delivered = kept;
        let again: VecDeque<Waiting> = again;
        for mut waiting in again {
            waiting.serial = put(&mut self.ledger, &waiting);
            let older = |other: &Waiting| age(other) < age(&waiting);
            let at = self.waiting.iter().take(self.live_from).take_while(|other| older(other)).count();
            self.waiting.insert(at, waiting);
            self.live_from += 1;
            self.sent_and_waiting += 1;
        }
    }

    /// A connection is there: reports from now on are of the lane [`Lane::Live`].
    pub fn connection_made(&mut self) {
        self.connection = Connection::Up;
        self.live_from = self.waiting.len();
        self.note_sending(Sending::Goes);
    }

    /// A connection is gone: what was under way on it waits again, in its old order.
    pub fn connection_lost(&mut self, was_on_it: impl Fn(T) -> bool) {
        (self.connection, self.is_held) = (Connection::Down, false);
        for (token, lane, waiting) in std::mem::take(&mut self.under_way) {
            if was_on_it(token) {
                self.sent_and_waiting += 1;
                self.waiting.push_front(waiting);
            } else {
                self.under_way.push_back((token, lane, waiting));
            }
        }
        self.sort();
        // After the marks of the reports, which are exact now.
        self.note_sending(Sending::Rests);
    }

    /// By age; all are of the backlog then.
    fn sort(&mut self) {
        sort_by_key(self.waiting.make_contiguous(), age);
        self.live_from = self.waiting.len();
    }

    /// Gives up the report of [`Self::next_to_send`].
    pub fn give_up_next(&mut self, lane: Lane) {
        if let Some(at) = self.first(lane) {
            self.give_up_at(at);
        }
    }

    fn give_up_one(&mut self) {
        let oldest = self.waiting.iter().position(|waiting| waiting.history == History::Unsent);
        self.give_up_at(oldest.unwrap_or(0));
    }

    fn give_up_at(&mut self, at: usize) {
        if let Some(waiting) = self.take_at(at) {
            self.given_up += u64::from(waiting.report.merged);
            self.ledger.remove(key(&waiting.report));
        }
    }

    fn first(&self, lane: Lane) -> Option<usize> {
        match lane {
            Lane::Live => Some(self.live_from).filter(|at| *at < self.waiting.len()),
            Lane::Backlog => Some(0).filter(|_| self.live_from > 0),
        }
    }

    fn take_at(&mut self, at: usize) -> Option<Waiting> {
        let waiting = self.waiting.remove(at)?;
        self.live_from -= usize::from(at < self.live_from);
        self.sent_and_waiting -= usize::from(waiting.history == History::Sent);
        Some(waiting)
    }

    /// Whether reports of a lane may be marked before they are sent: for the store. Old ones go first if too many wait again
    /// already.
    fn may_mark(&self, lane: Lane) -> bool {
        self.ledger.is_kept() && (lane == Lane::Backlog || self.sent_and_waiting < self.sent_limit)
    }

    fn lane(&self, lane: Lane) -> std::ops::Range<usize> {
        match lane {
            Lane::Live => self.live_from..self.waiting.len(),
            Lane::Backlog => 0..self.live_from,
        }
    }

    /// How many of the next reports of a lane are marked.
    fn marked(&self, lane: Lane) -> usize {
        let reports = self.waiting.range(self.lane(lane));
        reports.take(MARKED_AHEAD).filter(|waiting| waiting.history == History::Sent).count()
    }

    fn mark_ahead(&mut self, lane: Lane) {
        if !self.may_mark(lane) {
            return;
        }
        let range = self.lane(lane);
        for waiting in self.waiting.range_mut(range).take(MARKED_AHEAD) {
            if waiting.history == History::Unsent {
                waiting.history = History::Sent;
                self.sent_and_waiting += 1;
                waiting.serial = put(&mut self.ledger, waiting);
            }
        }
    }

    /// Forgets every report: for a wire that has none.
    pub fn discard(&mut self) {
        for waiting in self.waiting.drain(..) {
            self.ledger.remove(key(&waiting.report));
        }
        (self.live_from, self.sent_and_waiting) = (0, 0);
    }

    /// The durable place is being told all reports up to this serial number, as they are now.
    pub fn pin(&mut self, serial: u64) {
        self.pinned = self.pinned.max(serial);
    }

    /// What the store has by now.
    pub fn set_journalled(&mut self, journalled: Journalled) {
        self.journalled = journalled;
    }

    /// What the store has, as told last.
    #[must_use]
    pub fn journalled(&self) -> Journalled {
        self.journalled
    }

    /// Whether a report that is due waits for the store.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.is_held
    }

    /// Whether old reports may be sent.
    pub fn set_backlog(&mut self, backlog: Backlog) {
        self.backlog = backlog;
    }

    /// The changes of what is to be kept, this spool's and others'.
    pub fn ledger(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    /// Number of this run: reports of a lower one are older.
    #[must_use]
    pub fn run(&self) -> u64 {
        self.run
    }

    /// The reports that wait or are under way, in no order.
    pub fn reports(&self) -> impl Iterator<Item = &Report> {
        self.under_way.iter().map(|(.., waiting)| waiting).chain(&self.waiting).map(|waiting| &*waiting.report)
    }

    /// Reports that wait or are under way.
    #[must_use]
    pub fn len(&self) -> usize {
        self.under_way.len() + self.waiting.len()
    }

    /// Whether nothing waits and nothing is under way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Windows given up since the start, those of earlier runs among them.
    #[must_use]
    pub fn given_up(&self) -> u64 {
        self.given_up
    }
}

fn key(report: &Report) -> Key {
    Key::new(Kind::Report, report.boot.0, report.seq)
}

fn age(waiting: &Waiting) -> SortKey {
    [waiting.run, waiting.report.boot.0, waiting.report.seq]
}

fn put(ledger: &mut Ledger, waiting: &Waiting) -> u64 {
    ledger.put(key(&waiting.report), || encode_report(waiting.run, waiting.history, &waiting.report))
}
