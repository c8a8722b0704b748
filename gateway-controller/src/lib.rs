//! Watches the miss rates of a fleet and commands NORMAL or DEGRADED.

#![forbid(unsafe_code)]

pub mod event;
pub mod fleet;
