//! How many publishes may be under way at present: few on a link that is slow.
//!
//! All that is under way lies before the next ping. On a link that takes longer for it than the keep-alive time, a connection
//! that works would be taken for dead, again and again.

use std::time::Duration;

/// Bounds of the publishes under way, and where between them the link allows to be.
#[derive(Debug)]
pub(super) struct Pace {
    burst: usize,
    max: usize,
    late: Duration,
    allowed: usize,
}

impl Pace {
    /// Begins with `burst`; an acknowledgement that takes longer than `late` is a late one.
    pub(super) fn new(burst: usize, max: usize, late: Duration) -> Self {
        let burst = burst.clamp(1, max.max(1));
        Self { burst, max, late, allowed: burst }
    }

    /// Publishes that may be under way now.
    pub(super) fn allowed(&self) -> usize {
        self.allowed
    }

    /// A publish was acknowledged after so long: one more with each that was in time, half as many after a late one.
    pub(super) fn acknowledged(&mut self, after: Duration) {
        self.allowed =
            if after > self.late { (self.allowed / 2).max(1) } else { self.allowed.saturating_add(1).min(self.max) };
    }

    /// The next connection begins anew: its link may be another one.
    pub(super) fn reset(&mut self) {
        self.allowed = self.burst;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATE: Duration = Duration::from_secs(1);
    const PROMPT: Duration = Duration::from_millis(1000);
    const TOO_LATE: Duration = Duration::from_millis(1001);

    fn after(pace: &mut Pace, acknowledgements: &[Duration]) -> usize {
        acknowledgements.iter().for_each(|after| pace.acknowledged(*after));
        pace.allowed()
    }

    #[test]
    fn it_grows_by_one_with_each_prompt_acknowledgement_up_to_the_limit() {
        let mut pace = Pace::new(2, 16, LATE);
        assert_eq!(pace.allowed(), 2);
        assert_eq!(after(&mut pace, &[PROMPT; 5]), 7);
        assert_eq!(after(&mut pace, &[PROMPT; 50]), 16);
    }

    #[test]
    fn it_halves_with_a_late_one_and_never_closes() {
        let mut pace = Pace::new(16, 16, LATE);
        assert_eq!(after(&mut pace, &[TOO_LATE]), 8);
        assert_eq!(after(&mut pace, &[TOO_LATE; 10]), 1);
        pace.reset();
        assert_eq!(pace.allowed(), 16);
    }

    #[test]
    fn odd_bounds_act_as_the_nearest() {
        assert_eq!(Pace::new(0, 16, LATE).allowed(), 1);
        assert_eq!(Pace::new(usize::MAX, 16, LATE).allowed(), 16);
    }
}
