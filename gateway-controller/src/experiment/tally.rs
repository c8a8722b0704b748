//! What a run has heard so far.

use std::collections::BTreeMap;

use analysis::experiment::{Kept, Line, Reactions};
use shared_proto::ids::{BootId, DeviceId};
use shared_proto::wire::Report;

use super::known::{Known, Newest};

/// Counts of one run, for people.
#[derive(Debug)]
pub(crate) struct Tally {
    /// The newest report of each device.
    pub(super) known: Known,
    /// The run of the agent that said last that it is there.
    boots: BTreeMap<DeviceId, BootId>,
    pub(super) devices: BTreeMap<DeviceId, Heard>,
    pub(super) reactions: Reactions,
    pub(super) reports: u64,
    /// Times that the connection broke.
    pub(super) downs: u64,
    /// Messages that were not recorded.
    pub(super) lost: u64,
    pub(super) kept: Kept,
}

/// Of one device.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) reports: u64,
    runs: BTreeMap<BootId, Windows>,
}

/// Windows of one run of an agent that reports have brought, as stretches from the first to the last number.
#[derive(Debug, Default)]
struct Windows(BTreeMap<u64, u64>);

impl Tally {
    pub(super) fn new(degrade_above: f64) -> Self {
        Self {
            known: Known::new(),
            boots: BTreeMap::new(),
            devices: BTreeMap::new(),
            reactions: Reactions::new(degrade_above),
            reports: 0,
            downs: 0,
            lost: 0,
            kept: Kept::default(),
        }
    }

    /// Whether no report was heard.
    pub(crate) fn is_empty(&self) -> bool {
        self.reports == 0
    }

    /// Takes a line that was recorded.
    pub(super) fn take(&mut self, line: &Line) {
        self.reactions.take(line);
        match line {
            Line::Report(heard) => self.report(&heard.message, heard.at_ms),
            Line::Status(heard) if heard.message.online => {
                self.boots.insert(heard.message.device.clone(), heard.message.boot);
            }
            Line::Down(_) => self.downs += 1,
            Line::Lost(lost) => self.lost = self.lost.saturating_add(lost.count),
            _ => {}
        }
    }

    fn report(&mut self, report: &Report, at_ms: f64) {
        self.reports += 1;
        let device = self.devices.entry(report.device.clone()).or_default();
        device.reports += 1;
        let first = report.seq.saturating_sub(u64::from(report.merged).saturating_sub(1));
        device.runs.entry(report.boot).or_default().add(first, report.seq);
        let newest = Newest::of(report, at_ms);
        // Devices send again what they kept while they were offline.
        let status = self.boots.get(&report.device);
        if self.known.get(&report.device).is_none_or(|known| newest.replaces(known, status)) {
            self.known.insert(report.device.clone(), newest);
        }
    }
}

impl Heard {
    /// Windows between the first and the last that were heard, of each run of the agent, that no report has brought.
    pub(super) fn missing(&self) -> u64 {
        self.runs.values().map(Windows::missing).fold(0, u64::saturating_add)
    }
}

impl Windows {
    fn add(&mut self, first: u64, last: u64) {
        let (mut first, mut last) = (first, last);
        // Those that touch it become one with it.
        while let Some((&from, &to)) = self.0.range(..=last.saturating_add(1)).next_back() {
            if to.saturating_add(1) < first {
                break;
            }
            self.0.remove(&from);
            (first, last) = (first.min(from), last.max(to));
        }
        self.0.insert(first, last);
    }

    fn missing(&self) -> u64 {
        let gaps = self.0.values().zip(self.0.keys().skip(1));
        gaps.map(|(end, next)| next.saturating_sub(*end).saturating_sub(1)).fold(0, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_missing_until_a_report_brings_them() {
        let mut windows = Windows::default();
        for (first, last, missing) in
            [(5, 5, 0), (6, 6, 0), (9, 10, 2), (20, 20, 11), (7, 7, 10), (7, 7, 10), (8, 8, 9), (1, 30, 0), (3, 4, 0)]
        {
            windows.add(first, last);
            assert_eq!(windows.missing(), missing, "{first} to {last}: {windows:?}");
        }
        assert_eq!(windows.0.len(), 1);
    }
}
