//! Time in the simulated world, and the clocks of the devices in it.

use std::fmt;

use device_agent::time::MonoTime;

/// True time, in microseconds since the world began. Nobody in the world can read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Time(u64);

impl Time {
    pub(super) const fn from_ms(ms: u64) -> Self {
        Self(ms.saturating_mul(1_000))
    }

    pub(super) const fn us(self) -> u64 {
        self.0
    }

    pub(super) const fn plus_us(self, us: u64) -> Self {
        Self(self.0.saturating_add(us))
    }

    pub(super) const fn plus_ms(self, ms: u64) -> Self {
        self.plus_us(ms.saturating_mul(1_000))
    }

    pub(super) const fn us_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    pub(super) const fn ms_since(self, earlier: Self) -> u64 {
        self.us_since(earlier) / 1_000
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>4}.{:06} s", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

/// A device's monotonic clock: it began at some time of its own and runs a little too fast or too slow.
#[derive(Debug, Clone, Copy)]
pub(super) struct DeviceClock {
    pub(super) zero_ns: u64,
    /// True microseconds that this clock takes for a second.
    pub(super) us_per_s: u64,
}

impl DeviceClock {
    pub(super) fn read(self, at: Time) -> MonoTime {
        MonoTime::from_nanos(self.zero_ns.saturating_add(at.us().saturating_mul(self.us_per_s) / 1_000))
    }

    /// The first true microsecond at which the clock shows `instant` or more.
    pub(super) fn when(self, instant: MonoTime) -> Time {
        let since_zero = instant.as_nanos().saturating_sub(self.zero_ns);
        Time(since_zero.saturating_mul(1_000).div_ceil(self.us_per_s.max(1)))
    }
}
