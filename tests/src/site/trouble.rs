//! What keeps a scenario from being played to its end.

use std::io;
use std::time::Duration;

use demo::broker::BrokerError;
use shared_host::control::ControlError;
use shared_host::mqtt::UrlError;

/// What keeps a scenario from being played to its end. A fault that is not survived shows as one of these, too.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The broker.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The system.
    #[error("{what}: {why}")]
    System {
        /// What was tried.
        what: String,
        /// What the system says.
        why: io::Error,
    },
    /// The broker's address.
    #[error("address of the broker: {0}")]
    Url(#[from] UrlError),
    /// A program's control socket.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// Something did not happen.
    #[error("never came within {} s: {what}", waited.as_secs())]
    Never {
        /// What.
        what: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// A program ended that should run, or did not end well.
    #[error("{program} {how}; its last words: {words}")]
    Program {
        /// Which.
        program: String,
        /// How it ended.
        how: String,
        /// What it wrote last.
        words: String,
    },
    /// This machine cannot provoke the fault.
    #[error("{0}")]
    NotHere(String),
    /// Somebody ended the run.
    #[error("interrupted")]
    Interrupted,
}

impl Trouble {
    /// Says what was tried when the system failed.
    pub(crate) fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |why| Self::System { what: what.into(), why }
    }
}
