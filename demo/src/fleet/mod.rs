//! Thousands of light devices over real MQTT from one thread: load for a broker and a controller, with counts that must agree to the last job.

mod compare;
mod connection;
mod controller;
mod device;
mod limits;
mod options;
mod outcome;
mod process;
mod run;
mod scenario;
mod sent;
mod shared;
mod spool;
#[cfg(test)]
mod tests;
mod window;
mod wire;
mod workload;

pub use compare::Comparison;
pub use limits::TooFewFiles;
pub use options::{MAX_DEVICES, MAX_INTERVAL, MIN_INTERVAL, Options};
pub use outcome::{Outcome, Spread};
pub use process::Used;
pub use run::fleet;
pub use scenario::Scenario;
