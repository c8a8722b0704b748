//! Reports wait here until the broker has acknowledged them. Full, neighbours merge instead of being dropped.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use shared_proto::wire::Report;

/// Reports that wait, oldest first.
#[derive(Debug)]
pub struct Spool<T> {
    entries: VecDeque<Entry<T>>,
    capacity: usize,
    given_up: u64,
}

#[derive(Debug)]
struct Entry<T> {
    report: Box<Report>,
    /// The publish under way, if there is one: such a report must not change any more.
    sent: Option<T>,
}

impl<T: Copy + PartialEq> Spool<T> {
    /// A spool of at most `capacity` reports, at least 2.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { entries: VecDeque::new(), capacity: capacity.max(2), given_up: 0 }
    }

    /// Adds the newest report. In a full spool two neighbours become one; if none can, the oldest that waits is given up.
    pub fn push(&mut self, report: Report) {
        if self.entries.len() >= self.capacity && !self.merge_one() {
            self.give_up_one();
        }
        self.entries.push_back(Entry { report: Box::new(report), sent: None });
    }

    /// The oldest report that is not under way.
    #[must_use]
    pub fn next_to_send(&self) -> Option<&Report> {
        self.entries.iter().find(|entry| entry.sent.is_none()).map(|entry| &*entry.report)
    }

    /// The report of [`Self::next_to_send`] is now under way as `token`.
    pub fn sent(&mut self, token: T) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.sent.is_none()) {
            entry.sent = Some(token);
        }
    }

    /// The broker has this one. `false` if it was not a report.
    pub fn acknowledged(&mut self, token: T) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.sent != Some(token));
        self.entries.len() != before
    }

    /// A connection is gone: what was under way on it waits again.
    pub fn connection_lost(&mut self, was_on_it: impl Fn(T) -> bool) {
        for entry in &mut self.entries {
            entry.sent = entry.sent.filter(|&token| !was_on_it(token));
        }
    }

    /// The oldest waiting report can never be sent: gives it up.
    pub fn give_up_next(&mut self) {
        self.give_up_one();
    }

    /// Forgets every report: for a wire that has none.
    pub fn discard(&mut self) {
        self.entries.clear();
    }

    /// Reports that wait or are under way.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Reports given up since the start.
    #[must_use]
    pub fn given_up(&self) -> u64 {
        self.given_up
    }

    /// Merges the two waiting neighbours that cover the fewest windows together, so that the resolution falls evenly;
    /// neighbours of one mode first.
    fn merge_one(&mut self) -> bool {
        let mut pairs: Vec<(bool, u64, usize)> = self
            .entries
            .iter()
            .zip(self.entries.iter().skip(1))
            .enumerate()
            .filter(|(_, (a, b))| a.sent.is_none() && b.sent.is_none() && a.report.epoch == b.report.epoch)
            .map(|(at, (a, b))| {
                let windows = u64::from(a.report.merged) + u64::from(b.report.merged);
                (a.report.mode != b.report.mode, windows, at)
            })
            .collect();
        pairs.sort_unstable();
        pairs.into_iter().any(|(_, _, at)| self.merge_at(at))
    }

    fn merge_at(&mut self, at: usize) -> bool {
        let Some(next) = self.entries.get(at + 1).map(|entry| entry.report.clone()) else { return false };
        let merged = self.entries.get_mut(at).is_some_and(|entry| entry.report.absorb(&next).is_ok());
        if merged {
            self.entries.remove(at + 1);
        }
        merged
    }

    fn give_up_one(&mut self) {
        let Some(at) = self.entries.iter().position(|entry| entry.sent.is_none()) else { return };
        if let Some(entry) = self.entries.remove(at) {
            self.given_up += u64::from(entry.report.merged);
        }
    }
}
