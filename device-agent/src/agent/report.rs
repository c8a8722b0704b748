//! How a closed window becomes a report.

use shared_proto::dialect::lab;
use shared_proto::ids::{BootId, DeviceId};
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::policy::PolicyState;
use shared_proto::text::Name;
use shared_proto::units::Ratio;
use shared_proto::wire::{Host, Lost, Report, RtContext, Task, Version};

use crate::rt::Timing;
use crate::time::MonoTime;
use crate::window::Closed;

/// Who reports.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The device.
    pub device: DeviceId,
    /// This run of the agent.
    pub boot: BootId,
}

/// The task, as it was configured.
#[derive(Debug, Clone)]
pub struct TaskPlan {
    /// Name of the workload.
    pub workload: Name,
    /// Periods and deadline.
    pub timing: Timing,
    /// CPU share that the workload aims at in NORMAL.
    pub normal_load: Ratio,
    /// CPU share that the workload aims at in DEGRADED.
    pub degraded_load: Ratio,
}

/// What is known at the close of a window beside the jobs.
#[derive(Debug, Clone)]
pub struct Context {
    /// Now.
    pub now: MonoTime,
    /// Wall clock in milliseconds since 1970.
    pub t_ms: u64,
    /// Whether the wall clock is synchronised.
    pub clock_synced: bool,
    /// The machine.
    pub host: Host,
    /// The real-time thread.
    pub rt: RtContext,
}

impl TaskPlan {
    /// The task at a period in nanoseconds.
    #[must_use]
    pub fn task(&self, period_ns: u64) -> Task {
        Task {
            name: self.workload.clone(),
            period_us: period_ns / 1000,
            deadline_us: self.timing.deadline_at(period_ns) / 1000,
            overrun: self.timing.overrun,
        }
    }

    /// CPU share that the workload aims at in `mode`.
    #[must_use]
    pub fn load(&self, mode: Mode) -> Ratio {
        match mode {
            Mode::Normal => self.normal_load,
            Mode::Degraded => self.degraded_load,
        }
    }

    /// The report of a window; mode and policy are still to be filled in by who knows them.
    pub(super) fn report(
        &self,
        identity: &Identity,
        seq: u64,
        span_ms: u64,
        closed: &Closed,
        context: &Context,
    ) -> Report {
        Report {
            v: Version,
            device: identity.device.clone(),
            boot: identity.boot,
            seq,
            t_ms: context.t_ms,
            up_ms: 0,
            clock_synced: context.clock_synced,
            span_ms,
            task: self.task(closed.period_ns),
            epoch: closed.epoch,
            mode: Mode::Normal,
            mode_source: ModeSource::Default,
            mode_age_ms: 0,
            jobs: closed.counts.jobs,
            misses: closed.counts.misses,
            skipped: closed.counts.skipped,
            miss_rate: Ratio::of(closed.miss_window.misses.into(), closed.miss_window.jobs.into()),
            miss_window: closed.miss_window,
            longest_miss_run: closed.longest_miss_run,
            worst_burst: closed.worst_burst,
            wakeup_us: closed.wakeup.clone(),
            response_us: closed.response.clone(),
            workload: Ratio::ZERO,
            host: context.host.clone(),
            rt: context.rt.clone(),
            lost: Lost { records: closed.lost_records, reports: 0 },
            merged: 1,
            total: closed.total,
            policy: PolicyState::default(),
        }
    }

    /// The same window as the classroom sees it.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are exact in 53 bits")]
    pub(super) fn lab_metrics(&self, report: &Report, closed: &Closed) -> lab::Metrics {
        lab::Metrics {
            timestamp: report.t_ms as f64 / 1000.0,
            mode: report.mode,
            jitter_mean: closed.jitter.mean_ms(),
            jitter_max: closed.jitter.max_ms(),
            miss_rate: report.miss_rate,
            workload: report.workload,
        }
    }

    /// Fills in the mode.
    pub(super) fn in_mode(&self, report: &mut Report, mode: Mode, source: ModeSource, age_ms: u64) {
        report.mode = mode;
        report.mode_source = source;
        report.mode_age_ms = age_ms;
        report.workload = self.load(mode);
    }
}
