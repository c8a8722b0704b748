//! Two neighbours become one.

use super::{Spool, Waiting, key, put};
use crate::store::kept::History;

impl<T: Copy + PartialEq> Spool<T> {
    /// Merges the two waiting neighbours that cover the fewest windows together, so that the resolution falls evenly;
    /// neighbours of one mode first.
    pub(super) fn merge_one(&mut self) -> bool {
        let pairs = self.waiting.iter().zip(self.waiting.iter().skip(1)).enumerate();
        let best = pairs.filter(|(_, (a, b))| mergeable(a, b)).min_by_key(|(at, (a, b))| {
            let windows = u64::from(a.report.merged) + u64::from(b.report.merged);
            (a.report.mode != b.report.mode, windows, *at)
        });
        let Some((at, (_, next))) = best else { return false };
        let next = next.report.clone();
        let Some(first) = self.waiting.get_mut(at) else { return false };
        let absorbed = key(&first.report);
        if first.report.absorb(&next).is_err() {
            return false;
        }
        // In this order: what is told last may be lost.
        first.serial = put(&mut self.ledger, first);
        self.ledger.remove(absorbed);
        self.take_at(at + 1);
        true
    }
}

fn mergeable(a: &Waiting, b: &Waiting) -> bool {
    let unsent = a.history == History::Unsent && b.history == History::Unsent;
    let neighbours = b.report.seq.checked_sub(u64::from(b.report.merged)) == Some(a.report.seq);
    unsent && neighbours && a.report.boot == b.report.boot && a.report.epoch == b.report.epoch
}
