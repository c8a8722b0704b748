//! What is known of how much a device has done: counted here window by window, or by the device's own word.

use shared_proto::ids::BootId;
use shared_proto::wire::{Missing, Report, Totals};

use crate::tally::{Arrival, Sum, Tally};

/// Counts of one device.
#[derive(Debug)]
pub(super) enum Counts {
    /// Of all runs, each window counted as it came: of a controller that gets all reports.
    Received(Tally<Totals>),
    /// Of the present run, as the newest report that came tells it: of one that shares the reports with others.
    Told(Option<Word>),
}

/// The device's word.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word {
    boot: BootId,
    /// Number of the newest report.
    seq: u64,
    total: Totals,
}

impl Default for Counts {
    fn default() -> Self {
        Self::Received(Tally::default())
    }
}

impl Counts {
    /// By the device's own word.
    pub(super) fn told() -> Self {
        Self::Told(None)
    }

    /// From now on this is the current run.
    pub(super) fn start_boot(&mut self, boot: BootId) {
        match self {
            Self::Received(tally) => tally.start_boot(boot),
            Self::Told(word) => *word = word.filter(|word| word.boot == boot),
        }
    }

    /// Takes in a report of the current run. What came before may have gone to others, so none is called a duplicate.
    pub(super) fn take(&mut self, report: &Report) -> Arrival {
        let word = match self {
            Self::Received(tally) => return tally.take(report),
            Self::Told(word) => word,
        };
        if word.is_some_and(|word| word.boot == report.boot && word.seq >= report.seq) {
            return Arrival::Late;
        }
        *word = Some(Word { boot: report.boot, seq: report.seq, total: report.total });
        Arrival::Newest
    }

    /// Takes in a report of another run.
    pub(super) fn take_foreign(&mut self, report: &Report) -> Arrival {
        match self {
            Self::Received(tally) => tally.take_foreign(report),
            Self::Told(_) => Arrival::Late,
        }
    }

    /// What was received so far, if some of this report came before.
    pub(super) fn overlap(&self, report: &Report) -> Option<Totals> {
        match self {
            Self::Received(tally) => tally.overlaps(report).then(|| tally.sum().received),
            Self::Told(_) => None,
        }
    }

    /// What was received since then.
    pub(super) fn since(&self, before: &Totals) -> Totals {
        self.sum().received.since(before)
    }

    /// The newest windows of the current run that are missing.
    pub(super) fn missing(&self) -> Option<Missing> {
        match self {
            Self::Received(tally) => tally.missing(),
            Self::Told(_) => None,
        }
    }

    /// What came and what did not.
    pub(super) fn sum(&self) -> Sum<Totals> {
        match self {
            Self::Received(tally) => tally.sum(),
            Self::Told(word) => {
                Sum { received: word.map(|word| word.total).unwrap_or_default(), missing: Totals::default() }
            }
        }
    }

    /// Reports that came more than once.
    pub(super) fn duplicates(&self) -> u64 {
        match self {
            Self::Received(tally) => tally.duplicates(),
            Self::Told(_) => 0,
        }
    }
}
