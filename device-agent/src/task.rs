//! The task as it is configured: its workload, and how reports describe it.

use shared_proto::text::Name;
use shared_proto::units::Ratio;

use crate::agent::TaskPlan;
use crate::config::WorkloadConfig;
use crate::rt::Timing;
use crate::workload::{GpioFollow, Speed, Spin, SpinAim, Workload};

/// The configured workload; it calibrates itself in its thread.
pub(crate) fn workload(config: WorkloadConfig, timing: &Timing) -> Box<dyn Workload + Send> {
    match config {
        WorkloadConfig::Spin { normal, degraded } => Box::new(Spin::new(aim(normal, degraded, timing))),
        WorkloadConfig::GpioFollow => Box::new(GpioFollow::default()),
    }
}

/// The configured workload, with the work that takes its time at this speed.
pub(crate) fn workload_at(config: WorkloadConfig, timing: &Timing, speed: Speed) -> Box<dyn Workload + Send> {
    match config {
        WorkloadConfig::Spin { normal, degraded } => Box::new(Spin::at_speed(aim(normal, degraded, timing), speed)),
        WorkloadConfig::GpioFollow => Box::new(GpioFollow::default()),
    }
}

fn aim(normal: Ratio, degraded: Ratio, timing: &Timing) -> SpinAim {
    SpinAim::of((normal, timing.normal_period_ns), (degraded, timing.degraded_period_ns))
}

/// How reports describe a task; `config` only if the workload is the configured one.
pub(crate) fn plan(workload: &dyn Workload, config: Option<WorkloadConfig>, timing: Timing) -> TaskPlan {
    let (normal_load, degraded_load) = match config {
        Some(WorkloadConfig::Spin { normal, degraded }) => (normal, degraded),
        Some(WorkloadConfig::GpioFollow) | None => (Ratio::ZERO, Ratio::ZERO),
    };
    TaskPlan { workload: Name::from(workload.name()), timing, normal_load, degraded_load }
}
