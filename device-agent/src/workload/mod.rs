//! Workloads: what the task does in each job.

mod gpio_follow;
mod spin;

pub use gpio_follow::GpioFollow;
pub use spin::{Speed, Spin, SpinAim};

pub use crate::rt::{Job, Ran, Workload};
pub use shared_proto::mode::Mode;
