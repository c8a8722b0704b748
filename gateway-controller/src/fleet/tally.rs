//! Counts of all runs of one device. Reports of an earlier run can still come, from a spool on the device's disk.

use shared_proto::ids::BootId;
use shared_proto::wire::{Missing, Report, Totals};

use super::coverage::{Arrival, Coverage, plus};

/// Counts of one device since it was first heard of.
#[derive(Debug, Default)]
pub(super) struct Tally {
    current: Option<(BootId, Coverage)>,
    /// The run that counted last besides the current one.
    other: Option<(BootId, Coverage)>,
    /// Sums over the runs before.
    closed: Sum,
    duplicates: u64,
}

/// What came and what did not.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sum {
    pub(super) received: Totals,
    pub(super) missing: Totals,
}

impl Tally {
    /// From now on this is the current run.
    pub(super) fn start_boot(&mut self, boot: BootId) {
        let before = self.current.take();
        if self.other.as_ref().is_some_and(|(other, _)| *other == boot) {
            self.current = self.other.take();
        }
        if before.is_some() {
            self.retire();
            self.other = before;
        }
    }

    /// Takes in a report of the current run.
    pub(super) fn take(&mut self, report: &Report) -> Arrival {
        let arrival = take(&mut self.current, report);
        self.note(arrival)
    }

    /// Takes in a report of another run.
    pub(super) fn take_foreign(&mut self, report: &Report) -> Arrival {
        if self.other.as_ref().is_some_and(|(other, _)| *other != report.boot) {
            self.retire();
        }
        let arrival = take(&mut self.other, report);
        self.note(arrival)
    }

    /// The newest windows of the current run that are missing.
    pub(super) fn missing(&self) -> Option<Missing> {
        let (boot, coverage) = self.current.as_ref()?;
        coverage.newest_gap().map(|(after, up_to)| Missing { boot: *boot, after, up_to })
    }

    /// What came and what did not, over all runs.
    pub(super) fn sum(&self) -> Sum {
        let known = [&self.current, &self.other];
        known.into_iter().flatten().fold(self.closed, |sum, (_, coverage)| sum.plus(coverage))
    }

    /// Reports that came more than once.
    pub(super) fn duplicates(&self) -> u64 {
        self.duplicates
    }

    fn note(&mut self, arrival: Arrival) -> Arrival {
        if arrival == Arrival::Duplicate {
            self.duplicates = self.duplicates.saturating_add(1);
        }
        arrival
    }

    fn retire(&mut self) {
        if let Some((_, coverage)) = self.other.take() {
            self.closed = self.closed.plus(&coverage);
        }
    }
}

impl Sum {
    fn plus(self, coverage: &Coverage) -> Self {
        Self { received: plus(&self.received, &coverage.received()), missing: plus(&self.missing, &coverage.missing()) }
    }
}

fn take(place: &mut Option<(BootId, Coverage)>, report: &Report) -> Arrival {
    match place {
        Some((_, coverage)) => coverage.take(report),
        None => {
            *place = Some((report.boot, Coverage::begin(report)));
            Arrival::Newest
        }
    }
}
