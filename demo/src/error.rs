//! Why the demo failed.

use std::io;
use std::path::PathBuf;

use device_agent::supervisor::RunError;
use gateway_controller::run::StartError;
use shared_host::config::ConfigError;
use shared_host::control::ControlError;

use crate::broker::BrokerError;
use crate::schedule::PATIENCE;
use crate::stage::Broken;

/// Why the demo failed.
#[derive(Debug, thiserror::Error)]
pub enum ShowError {
    /// No broker.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// A configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The controller failed.
    #[error("controller: {0}")]
    Controller(#[from] StartError),
    /// The controller beside a fleet failed.
    #[error(transparent)]
    BesideFleet(#[from] ControllerError),
    /// The embedded broker takes so many connections only.
    #[error(
        "the embedded broker takes {0} connections at most: install Mosquitto (Debian: apt-get install mosquitto), or name a broker with --broker"
    )]
    SmallBroker(u32),
    /// Not all devices came up.
    #[error("{up} of {devices} devices have connected; the last trouble: {trouble}")]
    NotUp {
        /// How many have.
        up: usize,
        /// How many there are.
        devices: u32,
        /// The last failure.
        trouble: String,
    },
    /// The page cannot be served.
    #[error("page: {0}")]
    Page(#[from] gateway_controller::web::WebError),
    /// An agent failed.
    #[error("agent: {0}")]
    Agent(#[from] RunError),
    /// A component broke.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// The system refused something.
    #[error(transparent)]
    System(#[from] io::Error),
    /// The embedded broker ended.
    #[error("the embedded broker has ended by itself")]
    BrokerEnded,
    /// The controller or an agent ended.
    #[error("{0}: it has ended by itself")]
    Ended(String),
    /// Somebody did not want to wait.
    #[error("interrupted")]
    Interrupted,
    /// The two ends have counted differently.
    #[error("the totals of devices and gateway do not agree")]
    Disagreement,
    /// Mode changes stayed out.
    #[error("after {0} mode changes no further one came within {s} s: what was measured is not a sample of all", s = PATIENCE.as_secs())]
    TooFewChanges(usize),
    /// Nothing arrived.
    #[error("{0} of {1} devices did not report within {s} s; is the broker reachable?", s = PATIENCE.as_secs())]
    Silent(usize, usize),
}

/// A controller beside a fleet that does not do its part.
#[derive(Debug, thiserror::Error)]
pub enum ControllerError {
    /// Its program cannot be started.
    #[error("cannot start {}: {why}; build it with `cargo build --release -p gateway-controller`, or say --controller-program", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// It ended, or never had its broker.
    #[error("the controller does not come up: {words}")]
    NotUp {
        /// Its log.
        words: String,
    },
    /// It cannot be asked.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// Something else.
    #[error(transparent)]
    System(#[from] io::Error),
}
