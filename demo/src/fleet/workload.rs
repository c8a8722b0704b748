//! What the jobs of one window do: wake-ups and execution times that are log-normal, and misses as a real loop counts them. The same seed
//! gives the same window again.

use fastrand::Rng;
use shared_proto::histogram::Latency;

/// Period and deadline of the task, in nanoseconds.
pub(super) const PERIOD_NS: u64 = 10_000_000;
/// Jobs among which most misses are looked for.
pub(super) const BURST_JOBS: u32 = 10;
/// Drawn from again and again: a logarithm for each job would cost more than all the rest.
const DRAWS: usize = 4096;
/// Median wake-up latency in nanoseconds.
const WAKEUP_NS: f64 = 60_000.0;
/// Of every so many jobs one wakes up late.
const LATE_ONE_OF: u32 = 500;
/// How much later.
const LATE_FACTOR: f64 = 12.0;

/// Log-normal factors with median 1.
#[derive(Debug)]
pub(super) struct Spread {
    factors: Vec<f64>,
}

impl Spread {
    /// With this standard deviation of the logarithm.
    pub(super) fn new(sigma: f64) -> Self {
        let mut rng = Rng::with_seed(7);
        let mut normal = || (-2.0 * (1.0 - rng.f64()).ln()).sqrt() * (std::f64::consts::TAU * rng.f64()).cos();
        Self { factors: (0..DRAWS).map(|_| (sigma * normal()).exp()).collect() }
    }

    fn draw(&self, rng: &mut Rng) -> f64 {
        self.factors.get(rng.usize(..DRAWS)).copied().unwrap_or(1.0)
    }
}

/// Both spreads.
#[derive(Debug)]
pub(super) struct Spreads {
    wakeup: Spread,
    run: Spread,
}

impl Default for Spreads {
    fn default() -> Self {
        Self { wakeup: Spread::new(0.5), run: Spread::new(0.08) }
    }
}

/// How much there is to do in a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Effort {
    /// Releases in the window.
    pub(super) releases: u32,
    /// Execution time of a job as a share of the period, up to the change.
    pub(super) before: f32,
    /// From the change on.
    pub(super) after: f32,
    /// Releases before the change.
    pub(super) changes_at: u32,
    /// What is drawn.
    pub(super) seed: u64,
}

/// How the jobs went.
#[derive(Debug, Default)]
pub(super) struct Course {
    pub(super) misses: u64,
    pub(super) skipped: u64,
    pub(super) longest_miss_run: u64,
    pub(super) worst_burst: u32,
    pub(super) wakeup: Latency,
    pub(super) response: Latency,
}

impl Effort {
    /// Runs the jobs.
    pub(super) fn run(&self, spreads: &Spreads) -> Course {
        let mut rng = Rng::with_seed(self.seed);
        let mut course = Course::default();
        let (mut run, mut burst, mut behind_ns) = (0, 0u32, 0u64);
        for release in 0..self.releases {
            // The job before still runs: this release is skipped.
            let skipped = behind_ns >= PERIOD_NS;
            let missed = if skipped {
                behind_ns -= PERIOD_NS;
                course.skipped += 1;
                true
            } else {
                let share = if release < self.changes_at { self.before } else { self.after };
                let late = if rng.u32(..LATE_ONE_OF) == 0 { LATE_FACTOR } else { 1.0 };
                let wakeup_ns = nanos(WAKEUP_NS * late * spreads.wakeup.draw(&mut rng));
                let response_ns = wakeup_ns + nanos(f64::from(share) * 1e7 * spreads.run.draw(&mut rng));
                course.wakeup.record(wakeup_ns);
                course.response.record(response_ns);
                // What goes on into the next period costs the release there.
                behind_ns = if response_ns > PERIOD_NS { response_ns } else { 0 };
                response_ns > PERIOD_NS
            };
            run = if missed { run + 1 } else { 0 };
            burst = (burst << 1 | u32::from(missed)) & ((1 << BURST_JOBS) - 1);
            course.misses += u64::from(missed);
            course.longest_miss_run = course.longest_miss_run.max(run);
            course.worst_burst = course.worst_burst.max(burst.count_ones());
        }
        course
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and far below a minute")]
fn nanos(value: f64) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(before: f32, after: f32, changes_at: u32) -> Course {
        Effort { releases: 1_000, before, after, changes_at, seed: 3 }.run(&Spreads::default())
    }

    #[test]
    fn light_jobs_meet_their_deadlines_and_heavy_ones_do_not() {
        let light = run(0.3, 0.3, 0);
        assert_eq!((light.misses, light.skipped, light.longest_miss_run, light.worst_burst), (0, 0, 0, 0));
        assert_eq!(light.wakeup.count(), 1_000);
        let heavy = run(1.2, 1.2, 0);
        assert!(heavy.misses > 900 && heavy.skipped > 400, "{heavy:?}");
        assert_eq!(heavy.response.count() + heavy.skipped, 1_000);
        assert_eq!(heavy.worst_burst, BURST_JOBS);
    }

    #[test]
    fn a_change_takes_effect_within_the_window() {
        let changed = run(1.2, 0.3, 500);
        assert!((400..=501).contains(&changed.misses), "{changed:?}");
    }

    #[test]
    fn the_same_seed_gives_the_same_window() {
        let (one, two) = (run(0.98, 0.98, 0), run(0.98, 0.98, 0));
        assert_eq!((one.misses, one.response), (two.misses, two.response));
        assert!(one.misses > 0);
    }
}
