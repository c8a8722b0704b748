//! Pushes releases of the device agent onto devices over `ssh`, one or a fleet in waves, and takes back what keeps its time
//! worse than the release before it.
//!
//! Decisions are pure ([`health`], [`plan`]); what is done on a device goes through [`device::Device`], and is one POSIX shell
//! script there (`device.sh`).

#![forbid(unsafe_code)]

pub mod artefact;
pub mod broker;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod counts;
pub mod device;
pub mod health;
pub mod inventory;
mod parallel;
pub mod plan;
mod progress;
pub mod release;
pub mod rollout;
pub mod update;
