//! What an agent counted.

/// Jobs, and how many of them missed their deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Counts {
    /// Releases, run or skipped.
    pub jobs: u64,
    /// Misses among them.
    pub misses: u64,
}

impl Counts {
    /// Misses per job; 0 without jobs.
    #[must_use]
    pub fn rate(self) -> f64 {
        if self.jobs == 0 { 0.0 } else { float(self.misses) / float(self.jobs) }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share of so many jobs needs no more")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}
