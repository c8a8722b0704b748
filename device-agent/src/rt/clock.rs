//! The clock that the loop runs on.

use crate::sys;
use crate::time::MonoTime;

/// What the periodic loop needs of a clock; tests have one that obeys them.
pub trait Clock {
    /// Now.
    fn now(&mut self) -> MonoTime;
    /// Returns at `instant` or later, or earlier if a signal came: the caller looks at the time again.
    fn sleep_until(&mut self, instant: MonoTime);
}

/// The system's `CLOCK_MONOTONIC`.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&mut self) -> MonoTime {
        MonoTime::now()
    }

    fn sleep_until(&mut self, instant: MonoTime) {
        sys::sleep_until_ns(instant.as_nanos());
    }
}
