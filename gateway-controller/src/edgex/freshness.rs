//! How old a reading is by the gateway's clock. EdgeX stamps it on receipt, as a rule on the same machine.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The wall clock: nanoseconds since 1970. Tests have their own.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

/// What an age says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    /// It is of now.
    Fresh,
    /// It was true once.
    Old,
    /// It is so far ahead that one of the clocks is wrong.
    Ahead,
}

impl Clock {
    /// The machine's.
    pub(crate) fn system() -> Self {
        Self::new(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
        })
    }

    pub(crate) fn new(now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// How long ago EdgeX received it, in milliseconds; negative if that is to come.
    pub(crate) fn age_ms(&self, origin_ns: i64) -> i64 {
        self.0().saturating_sub(origin_ns) / 1_000_000
    }

    /// Judges what EdgeX received at `origin_ns`.
    pub(crate) fn age(&self, origin_ns: i64, max_age: Duration) -> Age {
        let age_ns = self.0().saturating_sub(origin_ns);
        let max_ns = i64::try_from(max_age.as_nanos()).unwrap_or(i64::MAX);
        if age_ns > max_ns {
            Age::Old
        } else if age_ns < -max_ns {
            Age::Ahead
        } else {
            Age::Fresh
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_bounds_on_both_sides() {
        let now = 1_763_690_000_000_000_000;
        let clock = Clock::new(move || now);
        let max = Duration::from_secs(5);
        let ms = 1_000_000;
        for (origin, age) in [
            (now, Age::Fresh),
            (now - 5_000 * ms, Age::Fresh),
            (now - 5_001 * ms, Age::Old),
            (now + 5_000 * ms, Age::Fresh),
            (now + 5_001 * ms, Age::Ahead),
            (0, Age::Old),
            (i64::MIN, Age::Old),
            (i64::MAX, Age::Ahead),
        ] {
            assert_eq!(clock.age(origin, max), age, "{origin}");
        }
    }
}
