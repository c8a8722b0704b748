//! Whether a service of EdgeX answers: told when it changes, and not again and again.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::http::Service;

/// Least time between two log lines on the same service while it fails.
const PAUSE: Duration = Duration::from_secs(60);

/// A service and what was last told of it.
#[derive(Debug)]
pub(crate) struct Health {
    service: Service,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// Not asked yet.
    New,
    Answers,
    Fails {
        reason: String,
        failures: u64,
        told: Instant,
    },
}

/// A change of a service's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It answers.
    Up,
    /// It does not, and why.
    Down(String),
}

impl Health {
    pub(crate) fn new(service: Service) -> Self {
        Self { service, state: Mutex::new(State::New) }
    }

    /// It answered as it should.
    pub(crate) fn good(&self) -> Option<Turn> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let service = self.service;
        match std::mem::replace(&mut *state, State::Answers) {
            State::Answers => return None,
            State::New => tracing::info!(%service, "EdgeX answers"),
            State::Fails { failures, .. } => tracing::info!(%service, failures, "EdgeX answers again"),
        }
        Some(Turn::Up)
    }

    /// It did not.
    pub(crate) fn bad(&self, reason: &str) -> Option<Turn> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, service) = (Instant::now(), self.service);
        let before = match &mut *state {
            State::Fails { reason: known, failures, told } => {
                *failures = failures.saturating_add(1);
                if known == reason || now.duration_since(*told) < PAUSE {
                    return None;
                }
                *failures
            }
            State::New | State::Answers => 1,
        };
        tracing::warn!(%service, reason, failures = before, "EdgeX does not answer as it should");
        *state = State::Fails { reason: reason.to_owned(), failures: before, told: now };
        Some(Turn::Down(reason.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_same_trouble_is_told_once_and_another_one_not_before_a_minute() {
        let health = Health::new(Service::Data);
        assert_eq!(health.good(), Some(Turn::Up));
        assert_eq!(health.good(), None);
        assert_eq!(health.bad("refused"), Some(Turn::Down("refused".to_owned())));
        for _ in 0..500 {
            tokio::time::advance(Duration::from_secs(1)).await;
            assert_eq!(health.bad("refused"), None);
        }
        assert_eq!(health.bad("status 401"), Some(Turn::Down("status 401".to_owned())));
        assert_eq!(health.bad("refused"), None, "two kinds that alternate are not told each time");
        assert_eq!(health.good(), Some(Turn::Up));
    }
}
