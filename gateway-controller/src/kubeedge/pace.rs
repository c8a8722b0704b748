//! How fast EdgeCore may be called: a token bucket.

use crate::fleet::Moment;

/// EdgeCore takes one call a second of all mappers of a node together, after a first allowance.
const INTERVAL_MS: u64 = 1_000;
/// Calls that may follow each other at once, so that a change after a quiet time is told at once. Small: others use EdgeCore too.
pub(crate) const BURST: u64 = 3;

/// A token bucket of [`BURST`] calls that fills by one a second.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pace {
    /// When the bucket is full again.
    full_at: Moment,
}

impl Pace {
    /// Takes a token, if there is one.
    pub(crate) fn take(&mut self, now: Moment) -> bool {
        // There is a token while the bucket is full again no later than this.
        let ready = self.full_at <= now.plus_millis((BURST - 1) * INTERVAL_MS);
        if ready {
            self.spend(now);
        }
        ready
    }

    /// Takes a token that somebody used without asking.
    pub(crate) fn spend(&mut self, now: Moment) {
        self.full_at = self.full_at.max(now).plus_millis(INTERVAL_MS);
    }
}
