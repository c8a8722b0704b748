//! Counts of all runs of one device. Reports of an earlier run can still come, from a spool on the device's disk.

use std::collections::VecDeque;

use shared_proto::ids::BootId;
use shared_proto::wire::{Missing, Report, Totals};

use super::coverage::{Arrival, Coverage, plus};

/// Earlier runs that are remembered, so that what comes twice of one counts once. A machine that loses its power again and again
/// brings the reports of many, and the same ones at each start, until its disk has been told that they arrived.
const MOST_REMEMBERED: usize = 64;
/// So many are, once old reports come no more.
const REMEMBERED: usize = 8;
/// Reports of the current run without one of another run between them, after which none is expected any more: a backlog goes
/// out beside the reports of now, and faster.
const CALM: u16 = 1_000;

/// Counts of one device since it was first heard of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    current: Option<(BootId, Coverage)>,
    /// Other runs, the one that was current or reported last at the end.
    others: VecDeque<(BootId, Coverage)>,
    /// Reports of the current run since one of another run, up to [`CALM`].
    calm: u16,
    /// Sums over the runs before.
    closed: Sum,
    duplicates: u64,
}

/// What came and what did not.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sum {
    pub(crate) received: Totals,
    pub(crate) missing: Totals,
}

impl Tally {
    /// From now on this is the current run.
    pub(crate) fn start_boot(&mut self, boot: BootId) {
        let before = self.current.take();
        self.current = self.recall(boot);
        self.others.extend(before);
        self.retire();
    }

    /// Takes in a report of the current run.
    pub(crate) fn take(&mut self, report: &Report) -> Arrival {
        self.calm = self.calm.saturating_add(1).min(CALM);
        if self.calm == CALM {
            self.retire();
        }
        let arrival = take(&mut self.current, report);
        self.note(arrival)
    }

    /// Takes in a report of another run.
    pub(crate) fn take_foreign(&mut self, report: &Report) -> Arrival {
        self.calm = 0;
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
    pub(crate) fn sum(&self) -> Sum {
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
        let most = if self.calm == CALM { REMEMBERED } else { MOST_REMEMBERED };
        while self.others.len() > most {
            let Some((_, coverage)) = self.others.pop_front() else { return };
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
