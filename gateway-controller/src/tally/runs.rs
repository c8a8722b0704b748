//! Counts of all runs of one device, or site. Windows of an earlier run can still come, from a spool on its disk.

use std::collections::VecDeque;

use shared_proto::ids::BootId;
use shared_proto::wire::Missing;

use super::coverage::{Arrival, Coverage};
use super::{Counts, Window};

/// Earlier runs that are remembered, so that what comes twice of one counts once. A machine that loses its power again and again
/// brings the reports of many, and the same ones at each start, until its disk has been told that they arrived.
const MOST_REMEMBERED: usize = 64;
/// So many are, once old reports come no more.
const REMEMBERED: usize = 8;
/// Reports of the current run without one of another run between them, after which none is expected any more: a backlog goes
/// out beside the reports of now, and faster.
const CALM: u16 = 1_000;

/// Counts of one device, or site, since it was first heard of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally<C> {
    current: Option<(BootId, Coverage<C>)>,
    /// Other runs, the one that was current or reported last at the end.
    others: VecDeque<(BootId, Coverage<C>)>,
    /// Reports of the current run since one of another run, up to [`CALM`].
    calm: u16,
    /// Sums over the runs before.
    closed: Sum<C>,
    duplicates: u64,
    /// Whether any run is remembered no more.
    has_forgotten: bool,
}

/// What came and what did not.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sum<C> {
    pub(crate) received: C,
    pub(crate) missing: C,
}

impl<C: Counts> Tally<C> {
    /// From now on this is the current run.
    pub(crate) fn start_boot(&mut self, boot: BootId) {
        let before = self.current.take();
        self.current = self.recall(boot);
        self.others.extend(before);
        self.retire();
    }

    /// Takes in a report of the current run.
    pub(crate) fn take(&mut self, message: &impl Window<Counts = C>) -> Arrival {
        self.calm = self.calm.saturating_add(1).min(CALM);
        if self.calm == CALM {
            self.retire();
        }
        let arrival = take(&mut self.current, message);
        self.note(arrival)
    }

    /// Takes in a report of another run.
    pub(crate) fn take_foreign(&mut self, message: &impl Window<Counts = C>) -> Arrival {
        self.calm = 0;
        let mut other = self.recall(message.boot());
        let arrival = take(&mut other, message);
        self.others.extend(other);
        self.retire();
        self.note(arrival)
    }

    /// The newest windows of the current run that are missing.
    pub(crate) fn missing(&self) -> Option<Missing> {
        let (boot, coverage) = self.current.as_ref()?;
        coverage.newest_gap().map(|(after, up_to)| Missing { boot: *boot, after, up_to })
    }

    /// What is missing of a run that ended with the window `up_to`. Of one that is not known all of it; but once any is forgotten
    /// nobody can tell what came of it.
    pub(crate) fn missing_of(&self, boot: BootId, up_to: u64) -> Option<Missing> {
        let mut known = self.current.iter().chain(&self.others);
        let (after, up_to) = match known.find(|(known, _)| *known == boot) {
            Some((_, coverage)) if coverage.last() < up_to => (coverage.last(), up_to),
            Some((_, coverage)) => coverage.newest_gap()?,
            None if self.has_forgotten => return None,
            None => (0, up_to),
        };
        Some(Missing { boot, after, up_to })
    }

    /// Whether any of the windows of a message came already.
    pub(crate) fn overlaps(&self, message: &impl Window<Counts = C>) -> bool {
        let mut known = self.current.iter().chain(&self.others);
        known.find(|(boot, _)| *boot == message.boot()).is_some_and(|(_, coverage)| coverage.overlaps(message))
    }

    /// Whether all windows of a message came already.
    pub(crate) fn has_all(&self, message: &impl Window<Counts = C>) -> bool {
        let mut known = self.current.iter().chain(&self.others);
        known.find(|(boot, _)| *boot == message.boot()).is_some_and(|(_, coverage)| coverage.has_all(message))
    }

    fn recall(&mut self, boot: BootId) -> Option<(BootId, Coverage<C>)> {
        let place = self.others.iter().position(|(known, _)| *known == boot);
        place.and_then(|place| self.others.remove(place))
    }

    /// What came and what did not, over all runs.
    pub(crate) fn sum(&self) -> Sum<C> {
        self.current.iter().chain(&self.others).fold(self.closed, |sum, (_, coverage)| sum.plus(coverage))
    }

    /// Reports that came more than once.
    pub(crate) fn duplicates(&self) -> u64 {
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
            self.has_forgotten = true;
        }
    }
}

impl<C: Counts> Sum<C> {
    fn plus(self, coverage: &Coverage<C>) -> Self {
        Self { received: self.received.plus(&coverage.received()), missing: self.missing.plus(&coverage.missing()) }
    }
}

fn take<C: Counts>(place: &mut Option<(BootId, Coverage<C>)>, message: &impl Window<Counts = C>) -> Arrival {
    match place {
        Some((_, coverage)) => coverage.take(message),
        None => {
            *place = Some((message.boot(), Coverage::begin(message)));
            Arrival::Newest
        }
    }
}
