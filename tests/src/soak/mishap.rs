//! What can happen to one device.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::proxy::{Cut, Direction, Door, Faults};

/// What can happen to one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mishap {
    /// Its connection breaks.
    Cut(Cut),
    /// Its link is bad for a while.
    Link(Faults),
    /// Its agent is killed, and started again at once.
    Kill,
}

impl Mishap {
    pub(super) fn draw(random: &mut fastrand::Rng) -> Self {
        let trickle = Direction { bytes_per_s: NonZeroU32::new(random.u32(1_000..10_000)), ..Direction::default() };
        let delay = Duration::from_millis(random.u64(10..500));
        match random.u8(0..10) {
            0 => Self::Cut(Cut::Close),
            1 => Self::Cut(Cut::Reset),
            2 => Self::Link(Faults::black_hole()),
            3 => Self::Link(Faults::half_open_up()),
            4 => Self::Link(Faults::half_open_down()),
            5 => Self::Link(Faults::both(Direction::delayed(delay, delay / 2))),
            6 => Self::Link(Faults::both(trickle)),
            7 => Self::Link(Faults { door: Door::Refused, ..Faults::black_hole() }),
            8 => Self::Link(Faults::held_back()),
            _ => Self::Kill,
        }
    }
}
