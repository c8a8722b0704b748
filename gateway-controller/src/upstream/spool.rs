//! Windows wait here until the broker above has acknowledged them. Full, neighbours merge instead of being dropped. No input or output.
//!
//! What may have been sent is never merged and never changes, so that its name, `(boot, seq)`, means the same to everybody.

use std::collections::VecDeque;

use shared_proto::ids::BootId;
use shared_proto::wire::{Site, SiteMissing};

/// Windows under way at one time: enough for a site that comes back, and little for whoever else is at that broker.
const UNDER_WAY: usize = 8;
/// Acknowledged windows that are kept: a broker acknowledges what it has nobody to give to.
const DELIVERED: usize = 64;

/// Whether anybody else may have a window as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum History {
    Unsent,
    MayHaveBeenSent,
}

/// Names a window.
pub(super) type Key = (BootId, u64);

/// What the store has to do, in this order.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Change {
    /// Keep this one, instead of what is kept under the same name.
    Keep(Box<Site>, History),
    /// Keep it no more.
    Drop(Key),
}

#[derive(Debug)]
struct Waiting {
    site: Box<Site>,
    history: History,
}

/// Windows on their way, the oldest first.
#[derive(Debug)]
pub(super) struct Spool<T> {
    under_way: VecDeque<(T, Waiting)>,
    waiting: VecDeque<Waiting>,
    delivered: VecDeque<Waiting>,
    capacity: usize,
    given_up: u64,
    /// Empty between two calls of [`Spool::changes`].
    changes: Vec<Change>,
}

impl<T: Copy + PartialEq> Spool<T> {
    /// At most `capacity` windows wait, at least 2, besides those that are or may have been under way.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            under_way: VecDeque::new(),
            waiting: VecDeque::new(),
            delivered: VecDeque::new(),
            capacity: capacity.max(2),
            given_up: 0,
            changes: Vec::new(),
        }
    }

    /// Adds a window that an earlier run kept, the oldest first.
    pub(super) fn restore(&mut self, site: Site, history: History) {
        self.waiting.push_back(Waiting { site: Box::new(site), history });
        self.bound();
    }

    /// Adds the newest window.
    pub(super) fn push(&mut self, site: Site) {
        let site = Box::new(site);
        self.changes.push(Change::Keep(site.clone(), History::Unsent));
        self.waiting.push_back(Waiting { site, history: History::Unsent });
        self.bound();
    }

    fn bound(&mut self) {
        let is_unsent = |waiting: &Waiting| waiting.history == History::Unsent;
        while self.waiting.iter().filter(|waiting| is_unsent(waiting)).count() > self.capacity {
            if !self.merge_one() {
                let oldest = self.waiting.iter().position(is_unsent);
                self.give_up(oldest.unwrap_or(0));
            }
        }
    }

    /// Merges the two unsent neighbours that cover the fewest windows together, so that the resolution falls evenly; if they cannot be
    /// merged, the next two.
    fn merge_one(&mut self) -> bool {
        let pairs = self.waiting.iter().zip(self.waiting.iter().skip(1)).enumerate();
        let mergeable = |(_, (a, b)): &(usize, (&Waiting, &Waiting))| {
            let unsent = a.history == History::Unsent && b.history == History::Unsent;
            unsent && a.site.boot == b.site.boot && b.site.after() == a.site.seq
        };
        let covers = |(at, (a, b)): (usize, (&Waiting, &Waiting))| {
            (u64::from(a.site.merged).saturating_add(b.site.merged.into()), at)
        };
        let mut candidates: Vec<_> = pairs.filter(mergeable).map(covers).collect();
        candidates.sort_unstable();
        candidates.into_iter().any(|(_, at)| self.merge_at(at))
    }

    fn merge_at(&mut self, at: usize) -> bool {
        let Some(next) = self.waiting.remove(at + 1) else { return false };
        let Some(first) = self.waiting.get_mut(at) else { return false };
        let absorbed = key(&first.site);
        if first.site.absorb(&next.site).is_err() {
            self.waiting.insert(at + 1, next);
            return false;
        }
        // In this order: whoever ends in between has both, of which the receiver takes one.
        self.changes.push(Change::Keep(first.site.clone(), History::Unsent));
        self.changes.push(Change::Drop(absorbed));
        true
    }

    fn give_up(&mut self, at: usize) {
        if let Some(oldest) = self.waiting.remove(at) {
            self.given_up = self.given_up.saturating_add(oldest.site.merged.into());
            self.changes.push(Change::Drop(key(&oldest.site)));
        }
    }

    /// Marks the window that is to be sent next, so that it is never merged; `None` if there is none, or enough are under way. To be sent
    /// once the store has the mark.
    pub(super) fn next_to_send(&mut self) -> Option<&Site> {
        if self.under_way.len() >= UNDER_WAY {
            return None;
        }
        let next = self.waiting.front_mut()?;
        if next.history == History::Unsent {
            next.history = History::MayHaveBeenSent;
            self.changes.push(Change::Keep(next.site.clone(), next.history));
        }
        Some(&next.site)
    }

    /// The window of [`Self::next_to_send`] is now under way as `token`.
    pub(super) fn sent(&mut self, token: T) {
        if let Some(waiting) = self.waiting.pop_front() {
            self.under_way.push_back((token, waiting));
        }
    }

    /// Gives up the window of [`Self::next_to_send`], which nobody will ever take.
    pub(super) fn give_up_next(&mut self) {
        self.give_up(0);
    }

    /// The broker has this one. `false` if it was no window.
    pub(super) fn acknowledged(&mut self, token: T) -> bool {
        let place = self.under_way.iter().position(|(sent, _)| *sent == token);
        let Some((_, waiting)) = place.and_then(|place| self.under_way.remove(place)) else { return false };
        self.changes.push(Change::Drop(key(&waiting.site)));
        if self.delivered.len() == DELIVERED {
            self.delivered.pop_front();
        }
        self.delivered.push_back(waiting);
        true
    }

    /// The connection is gone: what was under way waits again, before all others.
    pub(super) fn connection_lost(&mut self) {
        for (_, waiting) in std::mem::take(&mut self.under_way).into_iter().rev() {
            self.waiting.push_front(waiting);
        }
    }

    /// The controller above misses windows that its broker has acknowledged: what is kept of them waits again, before all others.
    pub(super) fn send_again(&mut self, missing: &SiteMissing) {
        let is_missing =
            |site: &Site| site.boot == missing.boot && site.seq > missing.after && site.after() < missing.up_to;
        let (again, kept): (VecDeque<_>, _) = self.delivered.drain(..).partition(|waiting| is_missing(&waiting.site));
        self.delivered = kept;
        for waiting in again.into_iter().rev() {
            self.changes.push(Change::Keep(waiting.site.clone(), waiting.history));
            self.waiting.push_front(waiting);
        }
    }

    /// What the store has to do since the last call.
    pub(super) fn changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Windows that wait or are under way.
    pub(super) fn len(&self) -> usize {
        self.under_way.len() + self.waiting.len()
    }

    /// Windows given up since the start.
    pub(super) fn given_up(&self) -> u64 {
        self.given_up
    }
}

fn key(site: &Site) -> Key {
    (site.boot, site.seq)
}
