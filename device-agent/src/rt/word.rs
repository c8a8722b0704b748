//! How a mode reaches the real-time thread: one atomic word, written by the supervisor, read at each release.

use std::sync::atomic::{AtomicU64, Ordering};

use shared_proto::mode::Mode;

const DEGRADED: u64 = 1;
const STOP: u64 = 2;
const CHANGE_SHIFT: u32 = 2;

/// Mode, number of the change and the wish to stop, in one word.
#[derive(Debug, Default)]
pub struct ModeWord(AtomicU64);

/// What the word says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Run in this mode; `change` grows with each order, so that each can be told from the next.
    Run {
        /// The mode.
        mode: Mode,
        /// Number of the order, below 2^62.
        change: u64,
    },
    /// Finish.
    Stop,
}

impl ModeWord {
    /// Orders a mode. A stop that was ordered before stays ordered.
    pub fn order(&self, mode: Mode, change: u64) {
        let word = (change << CHANGE_SHIFT) | if mode == Mode::Degraded { DEGRADED } else { 0 };
        // Relaxed is enough: the word carries everything itself, no other memory is published with it.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |old| Some(word | (old & STOP)));
    }

    /// Orders the thread to finish at its next look at the word.
    pub fn stop(&self) {
        self.0.fetch_or(STOP, Ordering::Relaxed);
    }

    /// What is ordered.
    #[must_use]
    pub fn read(&self) -> Wanted {
        let word = self.0.load(Ordering::Relaxed);
        if word & STOP != 0 {
            return Wanted::Stop;
        }
        let mode = if word & DEGRADED == 0 { Mode::Normal } else { Mode::Degraded };
        Wanted::Run { mode, change: word >> CHANGE_SHIFT }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_read_as_given_and_a_stop_is_final() {
        let word = ModeWord::default();
        assert_eq!(word.read(), Wanted::Run { mode: Mode::Normal, change: 0 });
        word.order(Mode::Degraded, 7);
        assert_eq!(word.read(), Wanted::Run { mode: Mode::Degraded, change: 7 });
        word.stop();
        word.order(Mode::Normal, 8);
        assert_eq!(word.read(), Wanted::Stop);
    }
}
