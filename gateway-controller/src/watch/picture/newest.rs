//! Figures of the newest report, and sums over all.

use serde::Serialize;
use shared_proto::histogram::Latency;
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::text::Reason;
use shared_proto::units::ns_to_micros;
use shared_proto::wire::{Host, Lost, MissBurst, MissWindow, Report, RtContext, Task, Totals};

use crate::sparse::Sparse;

/// The mode, and what is known of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct ModeNow {
    /// The mode.
    pub(crate) mode: Mode,
    /// Who decided it; `null` on a wire that does not tell.
    pub(crate) source: Option<ModeSource>,
    /// Why.
    pub(crate) reason: Reason,
}

/// Figures of the newest report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Newest {
    pub(crate) seq: u64,
    pub(crate) up_ms: u64,
    pub(crate) clock_synced: bool,
    pub(crate) span_ms: u64,
    pub(crate) merged: u32,
    pub(crate) task: Task,
    pub(crate) epoch: u32,
    pub(crate) mode_age_ms: u64,
    pub(crate) miss_rate: f64,
    pub(crate) miss_window: MissWindow,
    pub(crate) longest_miss_run: u64,
    pub(crate) worst_burst: MissBurst,
    pub(crate) wakeup_us: Option<Quantiles>,
    pub(crate) response_us: Option<Quantiles>,
    pub(crate) host: Host,
    pub(crate) rt: RtContext,
    pub(crate) lost: Lost,
    pub(crate) total: Totals,
}

/// Microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Quantiles {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

/// Sums over the reports that were accepted since the controller's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub(crate) struct Received {
    pub(crate) reports: u64,
    /// Windows in them: more than reports if some were merged.
    pub(crate) windows: u64,
    /// Reports that came later than newer ones.
    pub(crate) late: u64,
    pub(crate) jobs: u64,
    pub(crate) misses: u64,
    pub(crate) skipped: u64,
    /// Jobs whose times are in no histogram.
    pub(crate) records_lost: u64,
}

impl From<&Report> for Newest {
    fn from(report: &Report) -> Self {
        Self {
            seq: report.seq,
            up_ms: report.up_ms,
            clock_synced: report.clock_synced,
            span_ms: report.span_ms,
            merged: report.merged,
            task: report.task.clone(),
            epoch: report.epoch,
            mode_age_ms: report.mode_age_ms,
            miss_rate: report.miss_rate.get(),
            miss_window: report.miss_window,
            longest_miss_run: report.longest_miss_run,
            worst_burst: report.worst_burst,
            wakeup_us: Quantiles::of(&report.wakeup_us),
            response_us: Quantiles::of(&report.response_us),
            host: report.host.clone(),
            rt: report.rt.clone(),
            lost: report.lost,
            total: report.total,
        }
    }
}

impl Quantiles {
    pub(super) fn of(latency: &Latency) -> Option<Self> {
        let quantile = |q| latency.quantile_ns(q).map(ns_to_micros);
        Some(Self { p50: quantile(0.5)?, p99: quantile(0.99)?, max: latency.max_ns().map(ns_to_micros)? })
    }

    pub(crate) fn of_sparse(sparse: &Sparse) -> Option<Self> {
        let [p50, p99] = sparse.quantiles_ns([0.5, 0.99])?.map(ns_to_micros);
        Some(Self { p50, p99, max: ns_to_micros(sparse.max_ns()?) })
    }
}
