//! Patience with those who show wrong tokens: each address has a few tries, and one more every few seconds. It keeps the log
//! short; the right token needs no patience.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

/// Wrong tokens that are taken at once.
const TRIES: u32 = 5;
/// Time until there is one try more.
const ONE_MORE: Duration = Duration::from_secs(5);
/// Addresses that are remembered.
const MAX_ADDRESSES: usize = 1_000;

/// Who has guessed wrong lately.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// Wrong tries, and when the last one counted or was forgiven.
    guessers: HashMap<IpAddr, (u32, Instant)>,
}

impl Patience {
    /// How long to wait; zero if a wrong token counts as a try.
    pub(super) fn wait(&mut self, who: IpAddr, now: Instant) -> Duration {
        self.forgive(now);
        match self.guessers.get(&who) {
            Some((wrong, since)) if *wrong >= TRIES => ONE_MORE.saturating_sub(now.saturating_duration_since(*since)),
            // Many addresses at a time are one guesser with many.
            None if self.guessers.len() >= MAX_ADDRESSES => ONE_MORE,
            _ => Duration::ZERO,
        }
    }

    /// The token was wrong.
    pub(super) fn wrong(&mut self, who: IpAddr, now: Instant) {
        let (wrong, since) = self.guessers.entry(who).or_insert((0, now));
        if *wrong == 0 || *wrong >= TRIES {
            *since = now;
        }
        *wrong = wrong.saturating_add(1).min(TRIES);
    }

    fn forgive(&mut self, now: Instant) {
        self.guessers.retain(|_, (wrong, since)| {
            while *wrong > 0 && now.saturating_duration_since(*since) >= ONE_MORE {
                *wrong -= 1;
                *since += ONE_MORE;
            }
            *wrong > 0
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_guesses_waits_and_others_do_not() {
        let (mut patience, start) = (Patience::default(), Instant::now());
        let (guesser, other) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        for _ in 0..TRIES {
            assert_eq!(patience.wait(guesser, start), Duration::ZERO);
            patience.wrong(guesser, start);
        }
        assert_eq!(patience.wait(guesser, start), ONE_MORE);
        assert_eq!(patience.wait(other, start), Duration::ZERO);
        let later = start + ONE_MORE;
        assert_eq!(patience.wait(guesser, later), Duration::ZERO);
        patience.wrong(guesser, later);
        assert_eq!(patience.wait(guesser, later), ONE_MORE);
        assert_eq!(patience.wait(guesser, later + ONE_MORE * TRIES), Duration::ZERO);
        assert!(patience.guessers.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn its_memory_is_bounded() {
        let (mut patience, now) = (Patience::default(), Instant::now());
        for number in 0..2_000u32 {
            let who = IpAddr::from(number.to_be_bytes());
            if patience.wait(who, now).is_zero() {
                patience.wrong(who, now);
            }
        }
        assert_eq!(patience.guessers.len(), MAX_ADDRESSES);
    }
}
