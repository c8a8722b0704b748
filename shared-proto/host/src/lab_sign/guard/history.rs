//! The messages accepted last.

use std::collections::VecDeque;

use super::super::Stamp;
use super::{Course, NotFresh};

/// Messages that are remembered.
const CAPACITY: usize = 1_000;

/// The accepted messages, as many as there is room for.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct History {
    /// Oldest first.
    stamps: VecDeque<Stamp>,
    /// The latest time of a message that is forgotten: what is not later could be that one.
    forgotten_ms: Option<u64>,
}

impl History {
    /// Nothing is remembered of messages up to this time.
    pub(super) fn ended_at(ts_ms: u64) -> Self {
        Self { stamps: VecDeque::new(), forgotten_ms: Some(ts_ms) }
    }

    pub(super) fn check(&self, stamp: Stamp, course: Course) -> Result<(), NotFresh> {
        let ts_ms = stamp.ts_ms;
        if self.stamps.iter().any(|known| known.nonce == stamp.nonce) {
            return Err(NotFresh::Replayed);
        }
        match self.forgotten_ms {
            Some(forgotten_ms) if ts_ms <= forgotten_ms && !matches!(course, Course::Back { .. }) => {
                Err(NotFresh::Stale { ts_ms, least_ms: forgotten_ms.saturating_add(1) })
            }
            _ => Ok(()),
        }
    }

    pub(super) fn remember(&mut self, stamp: Stamp, course: Course, high_ms: u64) {
        if matches!(course, Course::Back { .. }) {
            // What is forgotten and lies ahead now, the mark looks after.
            self.forgotten_ms = self.forgotten_ms.filter(|forgotten_ms| *forgotten_ms < stamp.ts_ms);
        }
        if self.stamps.len() >= CAPACITY {
            let oldest = self.stamps.pop_front().map(|stamp| stamp.ts_ms).filter(|ts_ms| *ts_ms <= high_ms);
            self.forgotten_ms = self.forgotten_ms.max(oldest);
        }
        self.stamps.push_back(stamp);
    }
}
