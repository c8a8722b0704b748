//! What earlier runs left behind, from both places. Pure.
//!
//! The volatile place is told everything at once, the durable one seldom. So the volatile one alone is right if it is intact and
//! not behind the other. After a power cut it is empty, and the durable one is what there is. In doubt both are taken: then
//! a report may come twice, which is harmless, and none counts as unsent, so that none is merged that somebody knows.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use shared_host::order::{SortKey, sort_by_key};
use shared_proto::wire::Report;

use super::format::{Change, in_order};
use super::kept::{History, KeptCommand, KeptReport, KeptRun, KeptTail, KeptValue, Sending};
use super::key::{Key, Kind};
use super::recovery::Recovered;

/// What earlier runs left behind.
#[derive(Debug, Default)]
pub struct Restored {
    /// Reports that wait, oldest first.
    pub reports: Vec<RestoredReport>,
    /// Runs that have not ended in good order, with what they had counted.
    pub runs: Vec<(Key, KeptRun, Option<KeptTail>)>,
    /// Commands, oldest first, with serial numbers.
    pub commands: Vec<(Key, u64, KeptCommand)>,
    /// Named values, with serial numbers.
    pub values: Vec<(Key, u64, KeptValue)>,
    /// The highest serial number so far.
    pub last_serial: u64,
    /// The highest number of a run so far.
    pub last_run: u64,
    /// Intact records whose content cannot be understood.
    pub not_understood: u64,
}

/// A report that waits.
#[derive(Debug)]
pub struct RestoredReport {
    /// Serial number of its latest change; `None` if its record does not say any more what is to be believed of it.
    pub serial: Option<u64>,
    /// The report.
    pub kept: KeptReport,
}

/// How far the marks of single reports can be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marks {
    Exact,
    /// Any report may have been sent.
    Doubtful,
}

/// Puts together what the places held. A place that is not there held nothing.
#[must_use]
pub fn restore(volatile: &Recovered, durable: &Recovered) -> Restored {
    let (changes, marks) = choose(volatile, durable);
    understand(&changes, marks, volatile.last_serial.max(durable.last_serial))
}

/// What a place held that could be opened only later: but the runs that were `seen` before. In doubt all of it may have been sent.
pub(crate) fn restore_late(place: &Recovered, seen: &BTreeSet<u64>) -> Restored {
    let is_new = |change: &&Change| !(change.key.kind.is_of_run() && seen.contains(&change.key.owner));
    let changes: Vec<Change> = place.kept.iter().filter(is_new).cloned().collect();
    understand(&changes, Marks::Doubtful, place.last_serial)
}

fn understand(changes: &[Change], marks: Marks, last_serial: u64) -> Restored {
    let mut restored = Restored { last_serial, ..Restored::default() };
    let mut tails = BTreeMap::new();
    for change in changes {
        restored.take(change, &mut tails);
    }
    for (key, _, tail) in &mut restored.runs {
        *tail = tails.remove(&key.owner);
    }
    if marks == Marks::Doubtful {
        for report in restored.reports.iter_mut().filter(|report| report.kept.history == History::Unsent) {
            (report.kept.history, report.serial) = (History::Sent, None);
        }
    }
    sort_by_key(&mut restored.reports, |report| age(&report.kept));
    restored.drop_covered();
    restored
}

/// Sorts reports by age.
pub(crate) fn age(kept: &KeptReport) -> SortKey {
    [kept.run, kept.report.boot.0, kept.report.seq]
}

fn choose(volatile: &Recovered, durable: &Recovered) -> (Vec<Change>, Marks) {
    if volatile.damage.is_empty() && volatile.last_serial >= durable.last_serial {
        return (volatile.kept.clone(), Marks::Exact);
    }
    if volatile.last_serial == 0 {
        let said = durable.kept.iter().rev().find(|change| change.key.kind == Kind::Sending);
        let rests = said.is_none_or(|change| read(change) == Some(Sending::Rests));
        let is_exact = rests && durable.damage.is_empty();
        return (durable.kept.clone(), if is_exact { Marks::Exact } else { Marks::Doubtful });
    }
    let mut latest: BTreeMap<Key, &Change> = BTreeMap::new();
    for change in durable.kept.iter().chain(&volatile.kept) {
        let known = latest.entry(change.key).or_insert(change);
        if known.serial < change.serial {
            *known = change;
        }
    }
    let mut changes: Vec<Change> = latest.into_values().cloned().collect();
    in_order(&mut changes);
    (changes, Marks::Doubtful)
}

impl Restored {
    fn take(&mut self, change: &Change, tails: &mut BTreeMap<u64, KeptTail>) {
        let Change { serial, key, .. } = *change;
        let understood = match key.kind {
            Kind::Report => read(change).filter(is_whole).map(|kept: KeptReport| {
                self.last_run = self.last_run.max(kept.run);
                self.reports.push(RestoredReport { serial: Some(serial), kept });
            }),
            Kind::Run => read(change).map(|run: KeptRun| {
                self.last_run = self.last_run.max(run.run);
                self.runs.push((key, run, None));
            }),
            Kind::Tail => read(change).map(|tail| drop(tails.insert(key.owner, tail))),
            Kind::Command => read(change).map(|command| self.commands.push((key, serial, command))),
            Kind::Value => read(change).map(|value| self.values.push((key, serial, value))),
            Kind::Sending => read::<Sending>(change).map(drop),
        };
        self.not_understood += u64::from(understood.is_none());
    }

    /// A merged report stands for those that it covers; they are still there if their removal was lost.
    fn drop_covered(&mut self) {
        let windows = |report: &Report| (report.boot, report.seq.saturating_sub(report.merged.into()), report.seq);
        // From the newest to the oldest: of one run, the one that covers comes first.
        let mut from: Option<(shared_proto::ids::BootId, u64)> = None;
        let mut kept = Vec::new();
        for report in std::mem::take(&mut self.reports).into_iter().rev() {
            let (boot, first, last) = windows(&report.kept.report);
            let covered = from.is_some_and(|(known, from)| known == boot && first >= from && last > from);
            if !covered {
                from = Some((boot, first));
                kept.push(report);
            }
        }
        kept.reverse();
        self.reports = kept;
    }
}

fn is_whole(kept: &KeptReport) -> bool {
    kept.report.validate().is_ok()
}

fn read<T: DeserializeOwned>(change: &Change) -> Option<T> {
    serde_json::from_slice(change.value.as_deref()?).ok()
}
