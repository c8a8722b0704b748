//! Time on `CLOCK_MONOTONIC`, in whole nanoseconds.

use std::time::Duration;

use crate::sys;

/// An instant on `CLOCK_MONOTONIC`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MonoTime(u64);

impl MonoTime {
    /// An instant this many nanoseconds after the clock's zero.
    #[must_use]
    pub const fn from_nanos(ns: u64) -> Self {
        Self(ns)
    }

    /// Nanoseconds since the clock's zero.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// This instant and `ns` more; the clock's end (584 years) if it does not fit.
    #[must_use]
    pub const fn plus_nanos(self, ns: u64) -> Self {
        Self(self.0.saturating_add(ns))
    }

    /// This instant and `duration` more.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        self.plus_nanos(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
    }

    /// Nanoseconds since `earlier`; zero if that is later.
    #[must_use]
    pub const fn nanos_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Whole milliseconds since `earlier`; zero if that is later.
    #[must_use]
    pub const fn millis_since(self, earlier: Self) -> u64 {
        self.nanos_since(earlier) / 1_000_000
    }

    /// Now, on the system's clock.
    #[must_use]
    pub fn now() -> Self {
        Self(sys::monotonic_ns())
    }
}
