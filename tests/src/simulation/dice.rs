//! The one source of chance: a seed decides everything that happens.

use std::ops::RangeInclusive;

/// Draws.
#[derive(Debug, Clone)]
pub(super) struct Dice(fastrand::Rng);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// Dice for somebody else: how often they draw changes nothing here.
    pub(super) fn split(&mut self) -> Self {
        Self(self.0.fork())
    }

    pub(super) fn between(&mut self, range: RangeInclusive<u64>) -> u64 {
        self.0.u64(range)
    }

    /// True in so many of a hundred draws.
    pub(super) fn percent(&mut self, percent: u64) -> bool {
        self.0.u64(0..100) < percent
    }

    pub(super) fn one_of<T: Copy>(&mut self, first: T, others: &[T]) -> T {
        let at = self.0.usize(0..=others.len());
        at.checked_sub(1).and_then(|at| others.get(at)).copied().unwrap_or(first)
    }

    pub(super) fn number(&mut self) -> u64 {
        self.0.u64(..)
    }
}
