//! Load that disturbs a task on purpose: for measurements and demonstrations.

mod cpu;
mod io;

pub use cpu::{Hog, cpus_for_tasks};
pub use io::{IoLoad, IoLoadError};
