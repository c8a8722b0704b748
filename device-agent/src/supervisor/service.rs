//! What the service manager is told (sd_notify(3)): ready, alive, stalled, stopping. Nothing, if there is none.

use std::io;
use std::time::Duration;

use sd_notify::NotifyState;
use tracing::warn;

/// The service manager.
pub(super) struct Service {
    ping_every: Option<Duration>,
    failed: bool,
}

impl Service {
    /// As the environment says: `NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID`.
    pub(super) fn from_environment() -> Self {
        Self {
            ping_every: sd_notify::watchdog_enabled().map(|limit| limit / 2).filter(|every| !every.is_zero()),
            failed: false,
        }
    }

    /// How often it wants to hear that all is well; half its limit.
    pub(super) fn ping_every(&self) -> Option<Duration> {
        self.ping_every
    }

    /// The task runs.
    pub(super) fn ready(&mut self, status: &str) {
        self.tell(&[NotifyState::Ready, NotifyState::Status(status)]);
    }

    /// All is well.
    pub(super) fn alive(&mut self) {
        self.tell(&[NotifyState::Watchdog]);
    }

    /// One line about how things are, for `systemctl status`.
    pub(super) fn status(&mut self, status: &str) {
        self.tell(&[NotifyState::Status(status)]);
    }

    /// The end has begun.
    pub(super) fn stopping(&mut self) {
        self.tell(&[NotifyState::Stopping]);
    }

    fn tell(&mut self, states: &[NotifyState<'_>]) {
        let told = sd_notify::notify(states);
        if let Err(error) = &told
            && !self.failed
            && error.kind() != io::ErrorKind::WouldBlock
        {
            warn!(%error, "the service manager cannot be told (NOTIFY_SOCKET)");
        }
        self.failed = told.is_err();
    }
}
