//! The picture with a clock.

use std::time::Instant;

use super::Picture;
use crate::event::Record;
use crate::wall_clock::wall_clock_ms;
use crate::watch::Watcher;

/// The picture, and the clock that it goes by.
#[derive(Debug)]
pub(crate) struct Live {
    /// The picture.
    pub(crate) picture: Picture,
    start: Instant,
    start_wall_ms: u64,
}

/// Two clocks at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Now {
    /// The picture's clock, in milliseconds.
    pub(crate) ms: u64,
    /// Wall clock in milliseconds since 1970.
    pub(crate) wall_ms: u64,
}

impl Default for Live {
    fn default() -> Self {
        Self { picture: Picture::default(), start: Instant::now(), start_wall_ms: wall_clock_ms() }
    }
}

impl Watcher for Live {
    fn take(&mut self, record: &Record) {
        let now_ms = self.now().ms;
        self.picture.take(record, now_ms);
    }
}

impl Live {
    /// The time. The picture's clock starts at two hours, so that what was kept before it began has a place.
    pub(crate) fn now(&self) -> Now {
        let ms = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(7_200_000);
        Now { ms, wall_ms: wall_clock_ms() }
    }

    /// Wall clock at the server's start, in milliseconds since 1970: tells two runs apart.
    pub(crate) fn started_ms(&self) -> u64 {
        self.start_wall_ms
    }
}
