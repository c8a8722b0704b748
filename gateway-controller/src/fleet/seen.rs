//! What the controller needs of a report; the rest goes to those who watch.

use shared_proto::ids::{BootId, DeviceId};
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::policy::PolicyState;
use shared_proto::units::Ratio;
use shared_proto::wire::{Report, ReportRef};

use super::device::Newest;

/// The part of a report that decides.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) device: DeviceId,
    pub(super) boot: BootId,
    pub(super) seq: u64,
    pub(super) up_ms: u64,
    pub(super) span_ms: u64,
    pub(super) jobs: u64,
    pub(super) miss_rate: Ratio,
    pub(super) cpu: Option<Ratio>,
    pub(super) mode: Mode,
    pub(super) mode_source: ModeSource,
    pub(super) mode_age_ms: u64,
    pub(super) policy: PolicyState,
    pub(super) newest: Newest,
}

impl Seen {
    pub(super) fn of(report: &Report) -> Self {
        let wakeup = &report.wakeup_us;
        let wakeup_ns = wakeup.quantile_ns(0.5).zip(wakeup.quantile_ns(0.99)).zip(wakeup.max_ns());
        Self {
            device: report.device.clone(),
            boot: report.boot,
            seq: report.seq,
            up_ms: report.up_ms,
            span_ms: report.span_ms,
            jobs: report.jobs,
            miss_rate: report.miss_rate,
            cpu: report.host.cpu,
            mode: report.mode,
            mode_source: report.mode_source,
            mode_age_ms: report.mode_age_ms,
            policy: report.policy,
            newest: Newest {
                seq: Some(report.seq),
                miss_rate: report.miss_rate,
                wakeup_ns: wakeup_ns.map(|((p50, p99), max)| [p50, p99, max]),
            },
        }
    }

    pub(super) fn reference(&self) -> ReportRef {
        ReportRef { boot: self.boot, seq: self.seq }
    }
}
