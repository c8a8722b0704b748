//! Notices a task that takes its whole CPU, and says what the kernel does about that.

use std::fmt;
use std::fs;

use shared_proto::units::Ratio;
use shared_proto::wire::Schedule;

use crate::rt::SchedulerAsked;

/// From this share of what it may have on, a task leaves nothing to spare.
const NEARLY_ALL: f64 = 0.98;

/// Watches the CPU share of the real-time thread.
#[derive(Debug)]
pub(super) struct Runaway {
    limit: Limit,
    running_away: bool,
    /// The last looks in a row that speak against what was told.
    contrary_looks: u32,
}

/// Looks in a row that change the judgement: one alone may have met a single long job.
const LOOKS: u32 = 2;

/// What the kernel lets a thread have.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Limit {
    /// `SCHED_FIFO`: what real-time throttling leaves to real-time threads (sched(7)).
    RealTime { runtime_us: i64, period_us: i64 },
    /// `SCHED_DEADLINE`: its reservation.
    Reserved { runtime_ns: u64, period_ns: u64 },
    /// The ordinary scheduler: no limit of its own.
    None,
}

/// What is to be told.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum News {
    /// The task takes all it can get.
    RunsAway { share: Ratio, consequence: String },
    /// It leaves something again.
    Behaves { share: Ratio },
}

impl Runaway {
    /// For a thread with this scheduling.
    pub(super) fn new(schedule: Schedule, asked: SchedulerAsked) -> Self {
        let limit = match (schedule, asked) {
            (Schedule::Deadline, SchedulerAsked::Deadline { runtime_ns, period_ns, .. }) => {
                Limit::Reserved { runtime_ns, period_ns }
            }
            // As kernels come, if they do not tell.
            (Schedule::Fifo, _) => Limit::RealTime {
                runtime_us: sysctl("sched_rt_runtime_us").unwrap_or(950_000),
                period_us: sysctl("sched_rt_period_us").unwrap_or(1_000_000),
            },
            _ => Limit::None,
        };
        Self { limit, running_away: false, contrary_looks: 0 }
    }

    /// Takes in the share of one CPU that the thread used over several periods.
    pub(super) fn see(&mut self, share: Ratio) -> Option<News> {
        let running_away = share.get() >= self.limit.share() * NEARLY_ALL;
        self.contrary_looks = if running_away == self.running_away { 0 } else { self.contrary_looks + 1 };
        if self.contrary_looks < LOOKS {
            return None;
        }
        (self.running_away, self.contrary_looks) = (running_away, 0);
        Some(if running_away {
            News::RunsAway { share, consequence: self.limit.to_string() }
        } else {
            News::Behaves { share }
        })
    }
}

impl Limit {
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 53 bits")]
    fn share(self) -> f64 {
        match self {
            // -1 switches throttling off.
            Self::RealTime { runtime_us, .. } if runtime_us < 0 => 1.0,
            Self::RealTime { runtime_us, period_us } => (runtime_us as f64 / period_us.max(1) as f64).min(1.0),
            Self::Reserved { runtime_ns, period_ns } => (runtime_ns as f64 / period_ns.max(1) as f64).min(1.0),
            Self::None => 1.0,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RealTime { runtime_us, .. } if *runtime_us < 0 => f.write_str(
                "real-time throttling is off (kernel.sched_rt_runtime_us = -1): nothing else runs on this CPU",
            ),
            Self::RealTime { runtime_us, period_us } => write!(
                f,
                "real-time throttling: the kernel keeps {} us of every {period_us} us for others \
                 (kernel.sched_rt_runtime_us = {runtime_us}; since Linux 6.12 its fair server does, if somebody waits), \
                 which shows as gaps in the task",
                period_us - runtime_us
            ),
            Self::Reserved { runtime_ns, period_ns } => write!(
                f,
                "SCHED_DEADLINE throttling: the reservation of {} us in every {} us is used up, and the thread rests until the next",
                runtime_ns / 1000,
                period_ns / 1000
            ),
            Self::None => f.write_str("no CPU time is left: jobs run late and releases are skipped"),
        }
    }
}

fn sysctl(name: &str) -> Option<i64> {
    fs::read_to_string(format!("/proc/sys/kernel/{name}")).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(share: f64) -> Ratio {
        Ratio::try_from(share).unwrap()
    }

    fn of(limit: Limit) -> Runaway {
        Runaway { limit, running_away: false, contrary_looks: 0 }
    }

    #[test]
    fn throttling_is_named_once_and_its_end_too() {
        let mut runaway = of(Limit::RealTime { runtime_us: 950_000, period_us: 1_000_000 });
        let told: Vec<_> =
            [0.9, 0.94, 0.9, 0.94, 0.95, 0.95, 0.5, 0.94, 0.5].map(|now| runaway.see(share(now)).is_some()).to_vec();
        assert_eq!(told, [false, false, false, false, true, false, false, false, false]);
        assert_eq!(runaway.see(share(0.5)), Some(News::Behaves { share: share(0.5) }));
        runaway.see(share(1.0));
        let Some(News::RunsAway { consequence, .. }) = runaway.see(share(1.0)) else { panic!("not noticed") };
        assert!(consequence.contains("50000 us of every 1000000 us"), "{consequence}");
    }

    #[test]
    fn the_limit_is_that_of_the_scheduler() {
        let twice = |limit: Limit, now: f64| {
            let mut runaway = of(limit);
            runaway.see(share(now)).or(runaway.see(share(now))).is_some()
        };
        assert!(twice(Limit::Reserved { runtime_ns: 300_000, period_ns: 1_000_000 }, 0.3));
        let off = Limit::RealTime { runtime_us: -1, period_us: 1_000_000 };
        assert!(!twice(off, 0.96) && twice(off, 0.99));
        assert!(!twice(Limit::None, 0.97));
    }
}
