//! Device agent: runs a periodic real-time task, measures its deadline misses, reports them over MQTT and switches between
//! NORMAL and DEGRADED.
//!
//! Two halves meet in two lock-free places only: the real-time thread ([`rt`]) and the supervisor.

#![deny(unsafe_code)]

pub mod agent;
pub mod cli;
pub mod commands;
pub mod config;
pub mod gpio;
pub mod host;
pub mod load;
pub mod measure;
pub mod mode;
pub mod rt;
pub mod spool;
pub mod supervisor;
mod task;
pub mod window;
pub mod workload;
