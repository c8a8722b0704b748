//! Deadlines met and missed over the latest N jobs.

use std::collections::VecDeque;

/// What became of a job's deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deadline {
    Met,
    Missed,
}

pub(super) use Deadline::{Met, Missed};

/// A ring of the latest jobs.
#[derive(Debug)]
pub(super) struct History {
    latest: VecDeque<Deadline>,
    capacity: u32,
    misses: u32,
}

impl History {
    /// Looks at the latest `capacity` jobs.
    pub(super) fn new(capacity: u32) -> Self {
        Self { latest: VecDeque::with_capacity(capacity as usize), capacity, misses: 0 }
    }

    /// Adds `count` jobs with the same outcome; more than the ring holds cost no more than a full ring.
    pub(super) fn push(&mut self, outcome: Deadline, count: u64) {
        for _ in 0..count.min(self.capacity.into()) {
            if self.latest.len() == self.capacity as usize && self.latest.pop_front() == Some(Missed) {
                self.misses -= 1;
            }
            self.latest.push_back(outcome);
            self.misses += u32::from(outcome == Missed);
        }
    }

    pub(super) fn capacity(&self) -> u32 {
        self.capacity
    }

    pub(super) fn jobs(&self) -> u32 {
        // Never more than the capacity, which is a u32.
        u32::try_from(self.latest.len()).unwrap_or(self.capacity)
    }

    pub(super) fn misses(&self) -> u32 {
        self.misses
    }
}
