//! What the task does in each job.

mod gpio_follow;
mod spin;

pub use gpio_follow::GpioFollow;
pub use spin::{Spin, SpinAim};

use shared_proto::mode::Mode;

use crate::gpio::Lines;

/// What a job does. All of it runs in the real-time thread: no lock, no allocation, no log, no waiting.
pub trait Workload {
    /// Name in the configuration and in reports.
    fn name(&self) -> &'static str;

    /// Called once in the real-time thread, before the first release: the place for slow preparations.
    fn prepare(&mut self) {}

    /// The mode changes; called between two jobs, after the mode lines were switched.
    fn set_mode(&mut self, mode: Mode);

    /// One job.
    fn run(&mut self, lines: &mut dyn Lines);
}
