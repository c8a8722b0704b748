//! The grid of releases of one epoch, and the exact balance of those run and those skipped.

use shared_proto::wire::OverrunPolicy;

use crate::time::MonoTime;

/// Releases that may run late, back to back, under [`OverrunPolicy::CatchUp`].
const CATCH_UP_BOUND: u64 = 8;

/// Releases at `t0 + k·period`. The grid never moves: a late job makes the next wake-up late or skips releases, no more.
#[derive(Debug, Clone)]
pub struct Grid {
    t0: MonoTime,
    period_ns: u64,
    policy: OverrunPolicy,
    next: u64,
}

/// What the end of a job means for the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Released {
    /// Releases that passed and will never run.
    pub skipped: u64,
    /// The release to wait for next.
    pub next_release: MonoTime,
}

impl Grid {
    /// A grid whose first release is `t0`. A period of 0 is taken as 1 ns.
    #[must_use]
    pub fn new(t0: MonoTime, period_ns: u64, policy: OverrunPolicy) -> Self {
        Self { t0, period_ns: period_ns.max(1), policy, next: 0 }
    }

    /// When the next job is to start.
    #[must_use]
    pub fn next_release(&self) -> MonoTime {
        self.release(self.next)
    }

    /// The period in nanoseconds.
    #[must_use]
    pub fn period_ns(&self) -> u64 {
        self.period_ns
    }

    /// Accounts for the job of the next release, which ended at `end`. A release at the very instant of the end still runs.
    pub fn job_ended(&mut self, end: MonoTime) -> Released {
        let following = self.next + 1;
        // The first release that has not passed at `end`.
        let upcoming = end.nanos_since(self.t0).div_ceil(self.period_ns).max(following);
        self.next = match self.policy {
            OverrunPolicy::SkipNext => upcoming,
            OverrunPolicy::CatchUp => upcoming.saturating_sub(CATCH_UP_BOUND).max(following),
        };
        Released { skipped: self.next - following, next_release: self.next_release() }
    }

    /// The end at `now`: counts the releases that will never run although their deadline has passed.
    pub fn ended(&mut self, now: MonoTime, deadline_ns: u64) -> u64 {
        let late_ns = now.nanos_since(self.next_release().plus_nanos(deadline_ns));
        let skipped = late_ns.div_ceil(self.period_ns);
        self.next += skipped;
        skipped
    }

    fn release(&self, index: u64) -> MonoTime {
        self.t0.plus_nanos(index.saturating_mul(self.period_ns))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: u64 = 1_000_000;

    fn at(ms: u64) -> MonoTime {
        MonoTime::from_nanos(ms * MS)
    }

    fn grid(policy: OverrunPolicy) -> Grid {
        Grid::new(at(100), 20 * MS, policy)
    }

    #[test]
    fn a_job_within_its_period_skips_nothing() {
        let mut grid = grid(OverrunPolicy::SkipNext);
        assert_eq!(grid.next_release(), at(100));
        assert_eq!(grid.job_ended(at(119)), Released { skipped: 0, next_release: at(120) });
    }

    #[test]
    fn a_release_at_the_instant_of_the_end_still_runs() {
        let mut grid = grid(OverrunPolicy::SkipNext);
        assert_eq!(grid.job_ended(at(120)), Released { skipped: 0, next_release: at(120) });
    }

    #[test]
    fn releases_that_pass_during_a_job_are_skipped_and_the_grid_stays() {
        let mut grid = grid(OverrunPolicy::SkipNext);
        assert_eq!(grid.job_ended(at(165)), Released { skipped: 3, next_release: at(180) });
        assert_eq!(grid.job_ended(at(181)), Released { skipped: 0, next_release: at(200) });
    }

    #[test]
    fn catch_up_runs_late_releases_up_to_its_bound() {
        let mut grid = grid(OverrunPolicy::CatchUp);
        assert_eq!(grid.job_ended(at(165)), Released { skipped: 0, next_release: at(120) });
        assert_eq!(grid.job_ended(at(166)), Released { skipped: 0, next_release: at(140) });
        // 1 s late: of the 41 releases that have passed since, the last eight still run.
        assert_eq!(grid.job_ended(at(1_165)).next_release, at(1_180 - 8 * 20));
    }

    #[test]
    fn at_the_end_releases_past_their_deadline_are_skipped() {
        let deadline_ns = 30 * MS;
        for (now_ms, skipped) in [(90, 0), (100, 0), (130, 0), (131, 1), (150, 1), (151, 2)] {
            let mut grid = grid(OverrunPolicy::CatchUp);
            assert_eq!(grid.ended(at(now_ms), deadline_ns), skipped, "at {now_ms} ms");
            assert_eq!(grid.ended(at(now_ms), deadline_ns), 0, "counted once");
        }
    }

    proptest! {
        #[test]
        fn run_plus_skipped_is_released(catch_up: bool, durations in prop::collection::vec(0u64..200 * MS, 1..300)) {
            let policy = if catch_up { OverrunPolicy::CatchUp } else { OverrunPolicy::SkipNext };
            let mut grid = grid(policy);
            let (mut now, mut skipped) = (at(100), 0);
            for (run, duration) in (1u64..).zip(durations) {
                now = now.max(grid.next_release()).plus_nanos(duration);
                let released = grid.job_ended(now);
                skipped += released.skipped;
                let index = released.next_release.nanos_since(at(100)) / (20 * MS);
                prop_assert_eq!(run + skipped, index);
                prop_assert_eq!(released.next_release.nanos_since(at(100)) % (20 * MS), 0);
                if !catch_up {
                    prop_assert!(released.next_release >= now);
                }
            }
        }
    }
}
