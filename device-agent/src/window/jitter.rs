//! The classroom's jitter: |time between the ends of two jobs − period|.

use crate::time::MonoTime;

/// Mean and greatest jitter of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Jitter {
    last_end: Option<MonoTime>,
    sum_ns: u64,
    count: u64,
    max_ns: u64,
}

impl Jitter {
    pub(super) fn job_ended(&mut self, end: MonoTime, period_ns: u64) {
        if let Some(last) = self.last_end {
            let jitter_ns = end.nanos_since(last).abs_diff(period_ns);
            self.sum_ns = self.sum_ns.saturating_add(jitter_ns);
            self.count += 1;
            self.max_ns = self.max_ns.max(jitter_ns);
        }
        self.last_end = Some(end);
    }

    /// The next end has no known predecessor.
    pub(super) fn forget_last(&mut self) {
        self.last_end = None;
    }

    /// Gives the window's jitter and starts the next window.
    pub(super) fn take(&mut self) -> Self {
        std::mem::replace(self, Self { last_end: self.last_end, ..Self::default() })
    }

    /// Mean in milliseconds; 0 without jobs.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds of one window")]
    pub fn mean_ms(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum_ns as f64 / self.count as f64 / 1e6 }
    }

    /// Greatest in milliseconds; 0 without jobs.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds of one window")]
    pub fn max_ms(&self) -> f64 {
        self.max_ns as f64 / 1e6
    }
}
