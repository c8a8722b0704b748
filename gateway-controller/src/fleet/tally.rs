//! Counts of all runs of one device. Reports of an earlier run can still come, from a spool on the device's disk.

use std::collections::VecDeque;

use shared_proto::ids::BootId;
use shared_proto::wire::{Missing, Report, Totals};

use super::coverage::{Arrival, Coverage, plus};

/// Earlier runs that are remembered, so that what comes twice of one counts once. An agent that fails again and again while it is
/// offline brings the reports of many.
const REMEMBERED_RUNS: usize = 16;
/// Runs before those, by their names alone: what still comes of them counts as come before. A machine that loses its power
/// again and again sends the same reports at each start, until its disk has been told that they arrived.
const REMEMBERED_NAMES: usize = 64;

/// Counts of one device since it was first heard of.
#[derive(Debug, Default)]
pub(super) struct Tally {
    current: Option<(BootId, Coverage)>,
    /// Other runs, the one that was current or reported last at the end.
    others: VecDeque<(BootId, Coverage)>,
    /// Runs whose account is closed.
    retired: VecDeque<BootId>,
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
        self.current = self.recall(boot);
        self.others.extend(before);
        self.retire();
    }

    /// Takes in a report of the current run.
    pub(super) fn take(&mut self, report: &Report) -> Arrival {
        if self.current.is_none() && self.retired.contains(&report.boot) {
            return self.note(Arrival::Duplicate);
        }
        let arrival = take(&mut self.current, report);
        self.note(arrival)
    }

    /// Takes in a report of another run.
    pub(super) fn take_foreign(&mut self, report: &Report) -> Arrival {
        if self.retired.contains(&report.boot) {
            return self.note(Arrival::Duplicate);
        }
        let mut other = self.recall(report.boot);
        let arrival = take(&mut other, report);
        self.others.extend(other);
        self.retire();
        self.note(arrival)
    }

    /// The newest windows of the current run that are missing.
    pub(super) fn missing(&self) -> Option<Missing> {
        let (boot, coverage) = self.current.as_ref()?;
        coverage.newest_gap().map(|(after, up_to)| Missing { boot: *boot, after, up_to })
    }

    fn recall(&mut self, boot: BootId) -> Option<(BootId, Coverage)> {
        let place = self.others.iter().position(|(known, _)| *known == boot);
        place.and_then(|place| self.others.remove(place))
    }

    /// What came and what did not, over all runs.
    pub(super) fn sum(&self) -> Sum {
        self.current.iter().chain(&self.others).fold(self.closed, |sum, (_, coverage)| sum.plus(coverage))
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
        while self.others.len() > REMEMBERED_RUNS {
            let Some((boot, coverage)) = self.others.pop_front() else { return };
            self.closed = self.closed.plus(&coverage);
            if self.retired.len() == REMEMBERED_NAMES {
                self.retired.pop_front();
            }
            self.retired.push_back(boot);
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
