//! A window in few bytes: what a report says of it is made again from it whenever it is sent, and is the same each time.

use shared_proto::ids::{BootId, DeviceId};
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::policy::PolicyState;
use shared_proto::units::Ratio;
use shared_proto::wire::{
    CannotMerge, Host, Lost, MissBurst, MissWindow, OverrunPolicy, Report, RtContext, Schedule, Task, Totals, Version,
};

use super::workload::{BURST_JOBS, Course, Effort, PERIOD_NS, Spreads};

/// One window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) boot: BootId,
    pub(super) seq: u64,
    /// Wall clock at its close.
    pub(super) t_ms: u64,
    /// Device time at its close.
    pub(super) up_ms: u64,
    pub(super) span_ms: u64,
    pub(super) mode: Mode,
    pub(super) mode_source: ModeSource,
    pub(super) mode_age_ms: u64,
    pub(super) effort: Effort,
    /// Counts of the run at its close.
    pub(super) total: Totals,
    /// Of the device's own policy before it judged this window.
    pub(super) policy: PolicyState,
}

/// The task that all devices run.
pub(super) fn task() -> Task {
    Task {
        name: "simulated".into(),
        period_us: PERIOD_NS / 1_000,
        deadline_us: PERIOD_NS / 1_000,
        overrun: OverrunPolicy::SkipNext,
    }
}

impl Window {
    /// What is told of it.
    pub(super) fn report(&self, device: &DeviceId, spreads: &Spreads) -> Report {
        let course = self.effort.run(spreads);
        let jobs = u64::from(self.effort.releases);
        let Course { misses, skipped, longest_miss_run, worst_burst, wakeup, response } = course;
        Report {
            v: Version,
            device: device.clone(),
            boot: self.boot,
            seq: self.seq,
            t_ms: self.t_ms,
            up_ms: self.up_ms,
            clock_synced: true,
            span_ms: self.span_ms,
            task: task(),
            epoch: 1,
            mode: self.mode,
            mode_source: self.mode_source,
            mode_age_ms: self.mode_age_ms,
            jobs,
            misses,
            skipped,
            miss_rate: Ratio::of(misses, jobs),
            miss_window: MissWindow {
                jobs: self.effort.releases,
                misses: u32::try_from(misses).unwrap_or(self.effort.releases),
            },
            longest_miss_run,
            worst_burst: MissBurst { misses: worst_burst, jobs: BURST_JOBS },
            wakeup_us: wakeup,
            response_us: response,
            workload: share(self.effort.after),
            host: Host {
                cpu: Some(share(self.effort.after)),
                steal: None,
                temp_c: Some(51.5),
                throttled: Some(0),
                freq_mhz: Some(1_500),
                rss_kb: Some(4_100),
            },
            rt: RtContext {
                schedule: Schedule::Fifo,
                priority: 80,
                cpu: Some(3),
                locked: true,
                self_overhead_ns: 400,
                preemptions: 0,
                faults: 0,
            },
            lost: Lost::default(),
            merged: 1,
            total: self.total,
            policy: self.policy,
        }
    }
}

/// One window, or neighbours that have become one report.
#[derive(Debug, Clone)]
pub(super) struct Stretch {
    pub(super) first: Window,
    /// Those after it, without a gap.
    pub(super) more: Vec<Window>,
}

impl Stretch {
    /// Its newest window.
    pub(super) fn last(&self) -> &Window {
        self.more.last().unwrap_or(&self.first)
    }

    /// Whether the next stretch continues this one.
    pub(super) fn joins(&self, next: &Self) -> bool {
        let last = self.last();
        last.boot == next.first.boot && last.seq + 1 == next.first.seq
    }

    /// What is told of it.
    ///
    /// # Errors
    /// Its windows are no neighbours.
    pub(super) fn report(&self, device: &DeviceId, spreads: &Spreads) -> Result<Report, CannotMerge> {
        let mut report = self.first.report(device, spreads);
        for window in &self.more {
            report.absorb(&window.report(device, spreads))?;
        }
        Ok(report)
    }
}

fn share(of_period: f32) -> Ratio {
    Ratio::try_from(f64::from(of_period).clamp(0.0, 1.0)).unwrap_or(Ratio::ONE)
}
