//! What can be wrong with a link.

use std::num::NonZeroU32;
use std::time::Duration;

/// What is wrong with a link; by default nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// New connections.
    pub door: Door,
    /// From the client to the broker.
    pub up: Direction,
    /// From the broker to the client.
    pub down: Direction,
}

/// What becomes of new connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Door {
    /// They reach the broker.
    #[default]
    Open,
    /// They are accepted, and nobody ever answers.
    Silent,
    /// Nobody listens.
    Refused,
}

/// What becomes of the bytes in one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Direction {
    /// Whether they arrive.
    pub flow: Flow,
    /// How much later they arrive.
    pub delay: Duration,
    /// How much the delay varies to either side, at most; the order stays.
    pub jitter: Duration,
    /// So many bytes a second arrive at most; what does not fit waits, at last with the sender.
    pub bytes_per_s: Option<NonZeroU32>,
    /// About one in so many bytes has a flipped bit.
    pub flip_one_in: Option<NonZeroU32>,
}

/// Whether bytes arrive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Flow {
    /// They do.
    #[default]
    Through,
    /// They wait.
    Held,
    /// They are lost, and so is all that follows on the same connection: a stream with a hole is none. The sockets live.
    Swallowed,
}

/// How a connection breaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Cut {
    /// Both ends see the other one close it (FIN).
    #[default]
    Close,
    /// Both ends see it reset (RST).
    Reset,
}

impl Faults {
    /// Nothing arrives, nobody is told, and whoever connects waits for an answer for ever.
    #[must_use]
    pub fn black_hole() -> Self {
        Self { door: Door::Silent, up: Direction::swallowed(), down: Direction::swallowed() }
    }

    /// The broker hears nothing; what it says arrives.
    #[must_use]
    pub fn half_open_up() -> Self {
        Self { up: Direction::swallowed(), ..Self::default() }
    }

    /// The broker hears all; nothing of what it says arrives.
    #[must_use]
    pub fn half_open_down() -> Self {
        Self { down: Direction::swallowed(), ..Self::default() }
    }

    /// The same in both directions.
    #[must_use]
    pub fn both(direction: Direction) -> Self {
        Self { door: Door::Open, up: direction, down: direction }
    }

    /// Nobody new is let in, and what the clients say waits.
    #[must_use]
    pub fn held_back() -> Self {
        Self {
            door: Door::Refused,
            up: Direction { flow: Flow::Held, ..Direction::default() },
            down: Direction::default(),
        }
    }
}

impl Direction {
    /// All bytes are lost.
    #[must_use]
    pub fn swallowed() -> Self {
        Self { flow: Flow::Swallowed, ..Self::default() }
    }

    /// Bytes arrive later by `delay` ± `jitter`.
    #[must_use]
    pub fn delayed(delay: Duration, jitter: Duration) -> Self {
        Self { delay, jitter, ..Self::default() }
    }
}
