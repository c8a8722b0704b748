//! What can go wrong.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use analysis::CompareError;
use device_agent::measure::{MeasureError, PlanError};
use device_agent::rt::Unbalanced;
use device_agent::supervisor::RunError;
use shared_host::config::{ConfigError, WriteError};
use shared_host::control::ControlError;

use super::Arm;
use crate::broker::BrokerError;

/// Why there is no table.
#[derive(Debug, thiserror::Error)]
pub enum DisturbanceError {
    /// An option is out of range.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The agent's defaults are wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No release fits a run.
    #[error("--seconds {seconds}: allowed are at least one --period, which is {}", humantime::format_duration(*period))]
    ShorterThanPeriod {
        /// What was given.
        seconds: u32,
        /// The period.
        period: Duration,
    },
    /// No such directory.
    #[error("--disk {}: {why}", directory.display())]
    Disk {
        /// What was given.
        directory: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// No broker where one was said to be.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The system refused something.
    #[error(transparent)]
    System(#[from] io::Error),
    /// Somebody ended it.
    #[error("interrupted: there is no table of a part of the runs")]
    Interrupted,
    /// A run failed.
    #[error("{arm}, run {repetition}: {trouble}")]
    Run {
        /// The arm.
        arm: Arm,
        /// Its round.
        repetition: u32,
        /// What happened.
        #[source]
        trouble: Trouble,
    },
    /// The runs cannot be compared.
    #[error(transparent)]
    Compare(#[from] CompareError),
    /// The file could not be written.
    #[error(transparent)]
    Output(#[from] WriteError),
    /// The runs cannot be written as JSON.
    #[error("cannot write JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// No broker.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The agent's configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The loop alone failed.
    #[error(transparent)]
    Measure(#[from] MeasureError),
    /// The agent failed.
    #[error("the agent: {0}")]
    Agent(#[from] RunError),
    /// The agent ended by itself.
    #[error("the agent ended before its time")]
    Ended,
    /// The agent's counts do not fit its releases.
    #[error(transparent)]
    Unbalanced(#[from] Unbalanced),
    /// The agent does not answer.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The system refused something.
    #[error(transparent)]
    System(#[from] io::Error),
    /// The agent did not get into the state that is to be measured.
    #[error("{waited_s} s have passed, and {missing}")]
    NotReady {
        /// How long it was waited for, in seconds.
        waited_s: u64,
        /// What did not happen.
        missing: String,
    },
    /// The arm did not do what it is there for, so its figures say nothing.
    #[error("{0}: its figures say nothing")]
    Idle(String),
}
