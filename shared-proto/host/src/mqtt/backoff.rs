//! How long to wait before the next attempt to connect.

use std::time::Duration;

/// A wait of zero would never double.
const LEAST: Duration = Duration::from_millis(1);

/// Bounds of the waits between attempts to connect.
///
/// The upper bound of the wait doubles with every failed attempt, from `min` to `max`. The wait itself is drawn evenly
/// between zero and that bound, so that a fleet that lost its broker does not come back in step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Longest wait after the first failure; less than 1 ms acts as 1 ms.
    pub min: Duration,
    /// Longest wait at all; less than `min` acts as `min`.
    pub max: Duration,
}

impl Default for Backoff {
    /// 0.5 s to 30 s.
    fn default() -> Self {
        Self { min: Duration::from_millis(500), max: Duration::from_secs(30) }
    }
}

/// The waits of one series of failures.
#[derive(Debug)]
pub(super) struct Retry {
    backoff: Backoff,
    bound: Duration,
}

impl Retry {
    pub(super) fn new(backoff: Backoff) -> Self {
        let min = backoff.min.max(LEAST);
        Self { backoff: Backoff { min, max: backoff.max.max(min) }, bound: min }
    }

    /// The next wait. `fraction`, 0 to 1, is where it lies between zero and the bound.
    pub(super) fn next_wait(&mut self, fraction: f64) -> Duration {
        let wait = Duration::try_from_secs_f64(self.bound.as_secs_f64() * fraction).unwrap_or(self.bound);
        self.bound = self.bound.saturating_mul(2).min(self.backoff.max);
        wait.min(self.backoff.max)
    }

    /// Starts a new series.
    pub(super) fn reset(&mut self) {
        self.bound = self.backoff.min;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(retry: &mut Retry, fraction: f64) -> u128 {
        retry.next_wait(fraction).as_millis()
    }

    #[test]
    fn the_bound_doubles_up_to_the_maximum() {
        let mut retry = Retry::new(Backoff { min: Duration::from_millis(500), max: Duration::from_secs(3) });
        let waits: Vec<_> = (0..5).map(|_| millis(&mut retry, 1.0)).collect();
        assert_eq!(waits, [500, 1000, 2000, 3000, 3000]);
    }

    #[test]
    fn the_wait_lies_anywhere_below_the_bound() {
        let mut retry = Retry::new(Backoff::default());
        assert_eq!(millis(&mut retry, 0.0), 0);
        assert_eq!(millis(&mut retry, 0.5), 500);
        assert_eq!(millis(&mut retry, 0.25), 500);
    }

    #[test]
    fn a_reset_starts_at_the_minimum() {
        let mut retry = Retry::new(Backoff::default());
        for _ in 0..10 {
            retry.next_wait(1.0);
        }
        assert_eq!(millis(&mut retry, 1.0), 30_000);
        retry.reset();
        assert_eq!(millis(&mut retry, 1.0), 500);
    }

    #[test]
    fn odd_bounds_neither_spin_nor_overflow() {
        let mut spin = Retry::new(Backoff { min: Duration::ZERO, max: Duration::ZERO });
        assert_eq!(millis(&mut spin, 1.0), 1);
        let mut crossed = Retry::new(Backoff { min: Duration::from_secs(2), max: Duration::from_secs(1) });
        assert_eq!((millis(&mut crossed, 1.0), millis(&mut crossed, 1.0)), (2000, 2000));
        let mut huge = Retry::new(Backoff { min: Duration::MAX, max: Duration::MAX });
        assert!(huge.next_wait(1.0) <= Duration::MAX && huge.next_wait(1.0) > Duration::from_secs(1 << 40));
    }
}
