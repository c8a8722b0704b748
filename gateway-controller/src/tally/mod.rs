//! Counting windows that may come late, twice, merged, or not at all: each counts once, and what is missing is known exactly.

mod coverage;
mod runs;

use shared_proto::ids::BootId;
use shared_proto::wire::{Report, Site, SiteCounts, Totals};

pub(crate) use coverage::Arrival;
pub(crate) use runs::{Sum, Tally};

/// Counts that add and subtract.
pub(crate) trait Counts: Copy + Default {
    /// Both together.
    fn plus(&self, other: &Self) -> Self;
    /// What was counted since `earlier`; zero where `earlier` is ahead.
    fn since(&self, earlier: &Self) -> Self;
}

/// A message that covers the windows `seq − merged + 1 ..= seq` of a run, with what was counted in them, and since the start of the run.
pub(crate) trait Window {
    /// What it counts.
    type Counts: Counts;
    /// The run.
    fn boot(&self) -> BootId;
    /// Number of the last window.
    fn seq(&self) -> u64;
    /// How many windows.
    fn merged(&self) -> u32;
    /// What was counted in them.
    fn counts(&self) -> Self::Counts;
    /// What was counted up to their end.
    fn total(&self) -> Self::Counts;
}

impl Counts for Totals {
    fn plus(&self, other: &Self) -> Self {
        Self {
            jobs: self.jobs.saturating_add(other.jobs),
            misses: self.misses.saturating_add(other.misses),
            skipped: self.skipped.saturating_add(other.skipped),
        }
    }

    fn since(&self, earlier: &Self) -> Self {
        Self::since(self, earlier)
    }
}

impl Counts for SiteCounts {
    fn plus(&self, other: &Self) -> Self {
        Self::plus(self, other)
    }

    fn since(&self, earlier: &Self) -> Self {
        Self::since(self, earlier)
    }
}

impl Window for Report {
    type Counts = Totals;

    fn boot(&self) -> BootId {
        self.boot
    }

    fn seq(&self) -> u64 {
        self.seq
    }

    fn merged(&self) -> u32 {
        self.merged
    }

    fn counts(&self) -> Totals {
        Totals { jobs: self.jobs, misses: self.misses, skipped: self.skipped }
    }

    fn total(&self) -> Totals {
        self.total
    }
}

impl Window for Site {
    type Counts = SiteCounts;

    fn boot(&self) -> BootId {
        self.boot
    }

    fn seq(&self) -> u64 {
        self.seq
    }

    fn merged(&self) -> u32 {
        self.merged
    }

    fn counts(&self) -> SiteCounts {
        self.counts
    }

    fn total(&self) -> SiteCounts {
        self.total
    }
}
