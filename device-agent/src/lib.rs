//! Device agent: runs a periodic real-time task, measures its deadline misses, reports them over MQTT and switches between
//! NORMAL and DEGRADED.
//!
//! Two halves meet in two lock-free places only: the real-time thread ([`rt`]) and the supervisor.
//!
//! # A program with a task of its own
//!
//! Whatever implements [`workload::Workload`] gets all of it: the periodic thread with its settings, exact counts, reports,
//! modes and GPIO lines, and a measurement before it goes into service. The folder `examples/line-follower` has such a
//! program with tests.
//!
//! ```no_run
//! use std::error::Error;
//! use std::path::Path;
//!
//! use device_agent::measure::{Options, Plan, measure_with, table};
//! use device_agent::program::{self, until_signal};
//! use device_agent::supervisor::Parts;
//! use device_agent::workload::{Job, Mode, Ran, Workload};
//!
//! struct Blink;
//!
//! impl Workload for Blink {
//!     fn name(&self) -> &'static str {
//!         "blink"
//!     }
//!
//!     fn set_mode(&mut self, _: Mode) {}
//!
//!     fn run(&mut self, job: &mut Job<'_>) -> Ran {
//!         let level = job.lines.input().inverse();
//!         job.lines.output(level);
//!         Ran::Whole
//!     }
//! }
//!
//! fn main() -> Result<(), Box<dyn Error>> {
//!     // How well does it keep its time on this machine? No network needed.
//!     let plan = Plan::new(&Options { workload: Some(0.0), ..Options::default() })?;
//!     let outcome = until_signal(async |stop| measure_with(&plan, &|| Box::new(Blink), &mut (), stop).await)?;
//!     print!("{}", table(&outcome.file));
//!
//!     // Then in earnest, until SIGTERM or Ctrl-C.
//!     program::run(Some(Path::new("agent.toml")), Parts { workload: Some(Box::new(Blink)), ..Parts::default() })?;
//!     Ok(())
//! }
//! ```

#![deny(unsafe_code)]

pub mod agent;
pub mod cli;
pub mod commands;
pub mod config;
pub mod doctor;
pub mod finding;
pub mod gpio;
pub mod host;
pub mod keeper;
pub mod link;
pub mod load;
pub mod measure;
mod minisign;
pub mod mode;
pub mod program;
pub mod rt;
mod signals;
pub mod spool;
pub mod store;
pub mod supervisor;
pub mod sys;
mod task;
pub mod time;
pub mod window;
pub mod workload;
