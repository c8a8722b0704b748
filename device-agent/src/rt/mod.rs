//! The real-time thread: an absolute grid of releases, exact accounting, and two lock-free meeting points with the rest of
//! the program: the [`ModeWord`] (in) and a ring of [`JobRecord`]s (out).
//!
//! In steady state a period costs one system call (the sleep) and no allocation, no lock, no log.

mod advice;
mod balance;
mod clock;
mod grid;
mod job;
mod overhead;
mod periodic;
mod record;
mod settings;
#[cfg(test)]
mod simulation;
mod thread;
mod trial;
mod word;

pub use balance::{Balance, Unbalanced};
pub use clock::{Clock, SystemClock};
pub use grid::{Grid, Released};
pub use job::{Job, Ran, Workload};
pub use overhead::run_empty_jobs;
pub use periodic::{Periodic, Timing};
pub use record::{Effect, JobRecord};
pub use settings::{Asked, Granted, SchedulerAsked};
pub use thread::{Handle, Panicked, Records, Ring, RtTask, StartError, spawn};
pub use trial::try_settings;
pub use word::{ModeWord, Wanted};
