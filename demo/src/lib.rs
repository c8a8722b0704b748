//! The whole loop on one machine: brokers as child processes, controller and agents as threads, a load that comes and goes.
//! The program shows it; the system tests are built on it.

#![forbid(unsafe_code)]

pub mod broker;
mod cast;
mod cleanup;
pub mod cli;
pub mod disturbance;
pub mod error;
pub mod fleet;
mod interrupts;
pub mod page;
pub mod reaction;
mod schedule;
mod screen;
pub mod show;
pub mod stage;
pub mod story;
pub mod summary;
pub mod table;
