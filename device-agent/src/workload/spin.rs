//! Burns a fixed amount of CPU work in each job.

use std::hint::black_box;

use shared_proto::mode::Mode;
use shared_proto::units::Ratio;

use super::{Job, Ran, Workload};
use crate::sys;

/// Steps between two looks at the wish to stop: well below 10 ms on any Raspberry Pi.
const STEPS_BETWEEN_LOOKS: u64 = 1_000_000;

/// CPU time that a job aims at in each mode, in nanoseconds on an undisturbed CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpinAim {
    /// In NORMAL.
    pub normal_ns: u64,
    /// In DEGRADED.
    pub degraded_ns: u64,
}

impl SpinAim {
    /// Shares of the period in each mode.
    #[must_use]
    pub fn of(normal: (Ratio, u64), degraded: (Ratio, u64)) -> Self {
        Self { normal_ns: share(normal), degraded_ns: share(degraded) }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a ratio of at most 1 of a period of at most one minute"
)]
fn share((ratio, period_ns): (Ratio, u64)) -> u64 {
    (ratio.get() * period_ns as f64) as u64
}

/// A fixed number of steps per job, calibrated once against the thread's own CPU time: whoever takes the CPU away makes the
/// job late, as with real work. (A loop that watched the wall clock would finish in time however little it got done.)
#[derive(Debug)]
pub struct Spin {
    aim: SpinAim,
    /// How fast the CPU was, if it was asked already.
    speed: Option<Speed>,
    steps: SpinSteps,
    mode: Mode,
}

#[derive(Debug, Default, Clone, Copy)]
struct SpinSteps {
    normal: u64,
    degraded: u64,
}

impl Spin {
    /// Name in the configuration and in reports.
    pub const NAME: &str = "spin";

    /// A workload that still has to be prepared.
    #[must_use]
    pub fn new(aim: SpinAim) -> Self {
        Self { aim, speed: None, steps: SpinSteps::default(), mode: Mode::Normal }
    }

    /// A workload of as much work as takes its time at this speed.
    #[must_use]
    pub fn at_speed(aim: SpinAim, speed: Speed) -> Self {
        Self { speed: Some(speed), ..Self::new(aim) }
    }
}

impl Workload for Spin {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn prepare(&mut self) {
        let speed = *self.speed.get_or_insert_with(Speed::of_this_thread);
        self.steps =
            SpinSteps { normal: speed.steps_in(self.aim.normal_ns), degraded: speed.steps_in(self.aim.degraded_ns) };
    }

    fn set_mode(&mut self, mode: Mode) {
        self.mode = mode;
    }

    fn run(&mut self, job: &mut Job<'_>) -> Ran {
        let mut left = match self.mode {
            Mode::Normal => self.steps.normal,
            Mode::Degraded => self.steps.degraded,
        };
        while left > 0 {
            let part = left.min(STEPS_BETWEEN_LOOKS);
            burn(part);
            left -= part;
            if left > 0 && job.is_cancelled() {
                return Ran::CutShort;
            }
        }
        Ran::Whole
    }
}

/// How fast a CPU burns steps.
#[derive(Debug, Clone, Copy)]
pub struct Speed {
    steps: u64,
    ns: u64,
}

impl Speed {
    /// On the CPU of the calling thread, by its own CPU time; takes the better part of 100 ms.
    #[must_use]
    pub fn of_this_thread() -> Self {
        calibrate()
    }

    fn steps_in(self, ns: u64) -> u64 {
        let steps = u128::from(ns) * u128::from(self.steps) / u128::from(self.ns.max(1));
        u64::try_from(steps).unwrap_or(u64::MAX)
    }
}

/// The best of several rounds, after the clock of the CPU had time to rise: disturbances only ever slow a round down.
fn calibrate() -> Speed {
    const WARM_UP_NS: u64 = 50_000_000;
    const ROUNDS: u32 = 20;
    const STEPS: u64 = 1_000_000;
    let begin = sys::thread_cpu_ns();
    while sys::thread_cpu_ns().saturating_sub(begin) < WARM_UP_NS {
        burn(STEPS / 10);
    }
    let round = |_| {
        let begin = sys::thread_cpu_ns();
        burn(STEPS);
        sys::thread_cpu_ns().saturating_sub(begin)
    };
    Speed { steps: STEPS, ns: (0..ROUNDS).map(round).min().unwrap_or(1) }
}

/// Each step needs the result of the one before, so that neither compiler nor CPU can shorten the work.
#[inline(never)]
fn burn(steps: u64) {
    let mut x = black_box(0x9E37_79B9_7F4A_7C15u64);
    for _ in 0..steps {
        // A step of Marsaglia's xorshift generator: three dependent shifts.
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    black_box(x);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_grow_with_the_aim() {
        let speed = Speed { steps: 1000, ns: 2000 };
        assert_eq!(speed.steps_in(0), 0);
        assert_eq!(speed.steps_in(14_000_000), 7_000_000);
    }

    #[test]
    fn a_long_job_is_cut_short_by_a_stop() {
        let word = crate::rt::ModeWord::default();
        let hour = SpinAim { normal_ns: 3_600_000_000_000, degraded_ns: 0 };
        let mut spin = Spin { steps: SpinSteps { normal: u64::MAX, degraded: 10 }, ..Spin::new(hour) };
        let mut lines = crate::gpio::NoLines;
        word.stop();
        assert_eq!(spin.run(&mut Job::new(&mut lines, &word)), Ran::CutShort);
        spin.set_mode(Mode::Degraded);
        assert_eq!(spin.run(&mut Job::new(&mut lines, &word)), Ran::Whole);
    }

    #[test]
    fn work_costs_what_was_calibrated() {
        let speed = calibrate();
        let aim = 20_000_000;
        // The thread's own CPU time, so that other load does not matter; the least of a few, as hypervisors steal.
        let used = (0..5).map(|_| {
            let begin = sys::thread_cpu_ns();
            burn(speed.steps_in(aim));
            sys::thread_cpu_ns() - begin
        });
        let best = used.min().unwrap();
        assert!(best >= aim * 8 / 10 && best <= aim * 2, "{best} ns for an aim of {aim} ns");
    }
}
