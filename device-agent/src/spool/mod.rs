//! Reports wait here until the broker has acknowledged them. Full, neighbours merge instead of being dropped.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use shared_proto::wire::Report;

/// Reports on their way, oldest first.
#[derive(Debug)]
pub struct Spool<T> {
    /// Published, but not acknowledged. The transport bounds how many.
    under_way: VecDeque<(T, Box<Report>)>,
    waiting: VecDeque<Waiting>,
    capacity: usize,
    given_up: u64,
}

#[derive(Debug)]
struct Waiting {
    report: Box<Report>,
    history: History,
}

/// Whether the receiver may know a report already. If so it must never change: `(boot, seq)` names its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum History {
    NeverSent,
    PerhapsDelivered,
}

impl<T: Copy + PartialEq> Spool<T> {
    /// A spool in which at most `capacity` reports wait, at least 2, besides those that are or were under way.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { under_way: VecDeque::new(), waiting: VecDeque::new(), capacity: capacity.max(2), given_up: 0 }
    }

    /// Adds the newest report. In a full spool two neighbours become one; if none can, the oldest that waits is given up.
    pub fn push(&mut self, report: Report) {
        self.waiting.push_back(Waiting { report: Box::new(report), history: History::NeverSent });
        // Those that were sent before are at the front, and no more than the transport has under way at one time.
        let never_sent = self.waiting.iter().rev().take_while(|waiting| waiting.history == History::NeverSent).count();
        if never_sent > self.capacity && !self.merge_one() {
            self.give_up_one();
        }
    }

    /// The oldest report that is not under way.
    #[must_use]
    pub fn next_to_send(&self) -> Option<&Report> {
        self.waiting.front().map(|waiting| &*waiting.report)
    }

    /// The report of [`Self::next_to_send`] is now under way as `token`.
    pub fn sent(&mut self, token: T) {
        self.under_way.extend(self.waiting.pop_front().map(|waiting| (token, waiting.report)));
    }

    /// The broker has this one. `false` if it was not a report.
    pub fn acknowledged(&mut self, token: T) -> bool {
        let place = self.under_way.iter().position(|(sent, _)| *sent == token);
        place.and_then(|place| self.under_way.remove(place)).is_some()
    }

    /// A connection is gone: what was under way on it waits again, in its old order.
    pub fn connection_lost(&mut self, was_on_it: impl Fn(T) -> bool) {
        for (token, report) in std::mem::take(&mut self.under_way).into_iter().rev() {
            if was_on_it(token) {
                self.waiting.push_front(Waiting { report, history: History::PerhapsDelivered });
            } else {
                self.under_way.push_front((token, report));
            }
        }
    }

    /// Gives up the report of [`Self::next_to_send`].
    pub fn give_up_next(&mut self) {
        self.give_up_at(0);
    }

    fn give_up_one(&mut self) {
        let oldest = self.waiting.iter().position(|waiting| waiting.history == History::NeverSent);
        self.give_up_at(oldest.unwrap_or(0));
    }

    fn give_up_at(&mut self, at: usize) {
        if let Some(waiting) = self.waiting.remove(at) {
            self.given_up += u64::from(waiting.report.merged);
        }
    }

    /// Forgets every report: for a wire that has none.
    pub fn discard(&mut self) {
        self.waiting.clear();
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

    /// Windows given up since the start.
    #[must_use]
    pub fn given_up(&self) -> u64 {
        self.given_up
    }

    /// Merges the two waiting neighbours that cover the fewest windows together, so that the resolution falls evenly;
    /// neighbours of one mode first.
    fn merge_one(&mut self) -> bool {
        let pairs = self.waiting.iter().zip(self.waiting.iter().skip(1)).enumerate();
        let best = pairs.filter(|(_, (a, b))| mergeable(a, b)).min_by_key(|(at, (a, b))| {
            let windows = u64::from(a.report.merged) + u64::from(b.report.merged);
            (a.report.mode != b.report.mode, windows, *at)
        });
        let Some((at, _)) = best else { return false };
        let Some(next) = self.waiting.get(at + 1).map(|waiting| waiting.report.clone()) else { return false };
        let merged = self.waiting.get_mut(at).is_some_and(|waiting| waiting.report.absorb(&next).is_ok());
        if merged {
            self.waiting.remove(at + 1);
        }
        merged
    }
}

fn mergeable(a: &Waiting, b: &Waiting) -> bool {
    let never_sent = a.history == History::NeverSent && b.history == History::NeverSent;
    let neighbours = b.report.seq.checked_sub(u64::from(b.report.merged)) == Some(a.report.seq);
    never_sent && neighbours && a.report.epoch == b.report.epoch
}
