//! Why the demo failed.

use std::io;

use device_agent::supervisor::RunError;
use gateway_controller::run::StartError;
use shared_host::config::ConfigError;

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
