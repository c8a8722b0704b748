//! The real-time loop in the quiet time and during the fault, told apart by the device's own count of jobs: no clock is
//! asked, as clocks are among the faults.

use serde::Serialize;
use shared_proto::histogram::Latency;
use shared_proto::wire::Totals;

use crate::site::{DeviceLedger, Window, plus};

/// How far a run of the agent has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) boot: String,
    pub(super) jobs: u64,
}

/// How the loop kept its time in one phase.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Phase {
    /// Releases.
    pub jobs: u64,
    /// Deadlines missed.
    pub misses: u64,
    /// 99th percentile of the wake-up latency in microseconds.
    pub wakeup_p99_us: Option<f64>,
}

/// Both phases.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Phases {
    /// Before the fault.
    pub quiet: Phase,
    /// From the fault on, until everything was back.
    pub fault: Phase,
}

impl Phases {
    /// The quiet time lies between two marks of one run; the fault from there to `end`, which may be in another run.
    pub(super) fn of(books: &DeviceLedger, [begin, middle]: &[Mark; 2], end: &Mark) -> Self {
        let place = |mark: &Mark| books.runs.iter().position(|(boot, _)| boot.to_string() == mark.boot);
        let (first, last) = (place(middle).unwrap_or(0), place(end).unwrap_or(usize::MAX));
        let windows = || {
            books
                .runs
                .iter()
                .enumerate()
                .flat_map(|(run, (_, windows))| windows.windows.values().map(move |w| (run, w)))
        };
        let start = |window: &Window| window.total.jobs.saturating_sub(window.own.jobs);
        let quiet = windows()
            .filter(|&(run, window)| run == first && start(window) >= begin.jobs && window.total.jobs <= middle.jobs);
        let fault = windows().filter(|&(run, window)| {
            (run > first || start(window) >= middle.jobs) && (run < last || window.total.jobs <= end.jobs)
        });
        let of = |windows: &mut dyn Iterator<Item = &Window>| {
            let (mut counts, mut wakeup) = (Totals::default(), Latency::default());
            for window in windows {
                counts = plus(&counts, &window.own);
                if let Some(latency) = &window.wakeup {
                    // Fails with more than four billion jobs alone.
                    let _ = wakeup.merge(latency);
                }
            }
            let p99 = wakeup.quantile_ns(0.99).map(shared_proto::units::ns_to_micros);
            Phase { jobs: counts.jobs, misses: counts.misses, wakeup_p99_us: p99 }
        };
        Self { quiet: of(&mut quiet.map(|(_, window)| window)), fault: of(&mut fault.map(|(_, window)| window)) }
    }

    /// Miss rate during the fault, as a multiple of that before; `None` where nothing was missed before.
    #[must_use]
    pub fn miss_rate_ratio(&self) -> Option<f64> {
        let before = self.quiet.miss_rate()?;
        (before > 0.0).then_some(self.fault.miss_rate()? / before)
    }

    /// 99th percentile of the wake-up latency during the fault, as a multiple of that before.
    #[must_use]
    pub fn p99_ratio(&self) -> Option<f64> {
        Some(self.fault.wakeup_p99_us? / self.quiet.wakeup_p99_us?)
    }
}

impl Phase {
    /// Misses a release; `None` without releases.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^53")]
    pub fn miss_rate(&self) -> Option<f64> {
        (self.jobs > 0).then(|| self.misses as f64 / self.jobs as f64)
    }
}
