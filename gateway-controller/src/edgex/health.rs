//! Whether a service of EdgeX answers: told when it changes, and not again and again.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::http::Service;

/// While a service fails, another reason is told after this time.
const PAUSE: Duration = Duration::from_secs(60);
/// So much is told of one thing in that time: what comes and goes with every request cannot flood the log.
const MOST: u8 = 5;

/// How much may be told.
#[derive(Debug)]
pub(super) struct Budget {
    since: Instant,
    told: u8,
}

impl Default for Budget {
    fn default() -> Self {
        Self { since: Instant::now(), told: 0 }
    }
}

impl Budget {
    /// Whether one thing more may be told now.
    pub(super) fn allows(&mut self) -> bool {
        let now = Instant::now();
        if now.duration_since(self.since) >= PAUSE {
            *self = Self { since: now, told: 0 };
        }
        self.told = self.told.saturating_add(1);
        self.told <= MOST
    }
}

/// A service and what was last told of it.
#[derive(Debug)]
pub(crate) struct Health {
    service: Service,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    state: State,
    budget: Budget,
}

#[derive(Debug)]
enum State {
    /// Not asked yet.
    New,
    Answers,
    Fails {
        reason: String,
        failures: u64,
        told: Option<Instant>,
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
        Self { service, known: Mutex::new(Known { state: State::New, budget: Budget::default() }) }
    }

    /// It answered as it should.
    pub(crate) fn good(&self) -> Option<Turn> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let service = self.service;
        match std::mem::replace(&mut known.state, State::Answers) {
            State::Answers | State::Fails { told: None, .. } => return None,
            State::New => tracing::info!(%service, "EdgeX answers"),
            State::Fails { failures, .. } => tracing::info!(%service, failures, "EdgeX answers again"),
        }
        Some(Turn::Up)
    }

    /// It did not.
    pub(crate) fn bad(&self, reason: &str) -> Option<Turn> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, service) = (Instant::now(), self.service);
        let Known { state, budget } = &mut *known;
        let (failures, told) = match state {
            State::Fails { reason: known, failures, told: Some(told) }
                if known == reason || now.duration_since(*told) < PAUSE =>
            {
                *failures = failures.saturating_add(1);
                return None;
            }
            State::Fails { failures, told, .. } => (failures.saturating_add(1), *told),
            State::New | State::Answers => (1, None),
        };
        let tells = budget.allows();
        let told = if tells { Some(now) } else { told };
        *state = State::Fails { reason: reason.to_owned(), failures, told };
        if !tells {
            return None;
        }
        tracing::warn!(%service, reason, failures, "EdgeX does not answer as it should");
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

    #[tokio::test(start_paused = true)]
    async fn what_comes_and_goes_is_told_a_few_times_a_minute_and_what_stays_is_told() {
        let health = Health::new(Service::Data);
        let mut told = 0;
        for _ in 0..100 {
            told += usize::from(health.bad("one device's answer is too long").is_some());
            told += usize::from(health.good().is_some());
        }
        assert_eq!(told, 10);
        assert_eq!(health.bad("refused"), None);
        tokio::time::advance(PAUSE).await;
        assert_eq!(health.bad("refused"), Some(Turn::Down("refused".to_owned())));
    }
}
