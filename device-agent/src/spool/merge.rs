//! Two neighbours become one.

use super::{Connection, Spool, Waiting, key, put};
use crate::store::kept::{History, Sending};

/// Whether two neighbours became one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Merged {
    /// They did.
    Two,
    /// Only such could that the durable place has.
    NoneButPinned,
    /// None could.
    None,
}

/// What is not to be merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spare {
    /// Reports that the durable place has.
    Pinned,
    /// Any may be.
    Nothing,
}

impl<T: Copy + PartialEq> Spool<T> {
    /// Merges the two waiting neighbours that cover the fewest windows together, so that the resolution falls evenly;
    /// neighbours of one mode first.
    ///
    /// While there is a connection, those that the durable place has come last, and not at all if they are to be spared: what is sent
    /// must be there as it is sent, so they would have to be written anew.
    pub(super) fn merge_one(&mut self, spare: Spare) -> Merged {
        let is_pinned = |it: &Waiting| self.connection == Connection::Up && it.serial <= self.pinned && it.serial > 0;
        let pairs = self.waiting.iter().zip(self.waiting.iter().skip(1)).enumerate();
        let best = pairs.filter(|(_, (a, b))| mergeable(a, b)).min_by_key(|(at, (a, b))| {
            let windows = u64::from(a.report.merged) + u64::from(b.report.merged);
            (is_pinned(a) || is_pinned(b), a.report.mode != b.report.mode, windows, *at)
        });
        let Some((at, (first, next))) = best else { return Merged::None };
        let pinned = is_pinned(first) || is_pinned(next);
        if pinned && spare == Spare::Pinned {
            return Merged::NoneButPinned;
        }
        let next = next.report.clone();
        let Some(first) = self.waiting.get_mut(at) else { return Merged::None };
        let absorbed = key(&first.report);
        if first.report.absorb(&next).is_err() {
            return Merged::None;
        }
        // In this order: what is told last may be lost.
        first.serial = put(&mut self.ledger, first);
        self.ledger.remove(absorbed);
        self.take_at(at + 1);
        if pinned {
            self.renew_sending(Sending::Goes);
        }
        Merged::Two
    }
}

fn mergeable(a: &Waiting, b: &Waiting) -> bool {
    let unsent = a.history == History::Unsent && b.history == History::Unsent;
    let neighbours = b.report.seq.checked_sub(u64::from(b.report.merged)) == Some(a.report.seq);
    unsent && neighbours && a.report.boot == b.report.boot && a.report.epoch == b.report.epoch
}
