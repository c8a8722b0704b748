//! The recorder's books: every window of every run once, by `(boot, seq)`, and how often each came.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use shared_host::json;
use shared_host::mqtt::{Received, Retained};
use shared_proto::dialect::native::{self, Kind};
use shared_proto::histogram::Latency;
use shared_proto::ids::{BootId, DeviceId, TopicRoot};
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::wire::{Report, Status, Totals};

use super::plus;
use super::recorder::Detail;

/// What was heard of all devices.
#[derive(Debug)]
pub struct Ledger {
    root: TopicRoot,
    detail: Detail,
    devices: HashMap<DeviceId, DeviceLedger>,
    /// Messages so far.
    pub arrived: u64,
    /// Messages that nobody can read, or that came on a topic of nobody.
    pub unreadable: u64,
}

/// What was heard of one device.
#[derive(Debug, Default)]
pub struct DeviceLedger {
    /// The runs of its agent, in the order of their first report.
    pub runs: Vec<(BootId, Run)>,
    /// What a scenario wants of it.
    pub wanted: Option<Mode>,
    /// The mode that it told last, by status or acknowledgement, and who decided it.
    pub mode: Option<(Mode, ModeSource)>,
    /// Run and connection of its latest birth.
    pub born: Option<(BootId, u64)>,
    /// From each birth to the wanted mode by the gateway's word.
    pub reconnections: Vec<Duration>,
    /// Wall clock of the newest report, in milliseconds since 1970.
    pub t_ms: u64,
    /// A birth that the wanted mode has not followed yet.
    waiting_since: Option<Instant>,
}

/// What was heard of one run of an agent.
#[derive(Debug, Default)]
pub struct Run {
    /// Reports by number, each once.
    pub windows: BTreeMap<u64, Window>,
    /// Reports that came again.
    pub duplicates: u64,
    /// Reports that came again with another content: `(boot, seq)` must name one.
    pub contradictions: u64,
}

/// What one report tells.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// Windows that it covers, up to its number.
    pub merged: u32,
    /// Its own counts.
    pub own: Totals,
    /// Counts since the agent's start, at its end.
    pub total: Totals,
    /// Its wake-up latencies, if they are kept.
    pub wakeup: Option<Latency>,
    /// Number of the message that brought it, the last one if it came again.
    pub arrived: u64,
}

impl Ledger {
    /// Empty books for topics below this root.
    #[must_use]
    pub fn new(root: TopicRoot, detail: Detail) -> Self {
        Self { root, detail, devices: HashMap::new(), arrived: 0, unreadable: 0 }
    }

    /// The books of one device.
    pub fn device(&mut self, device: &DeviceId) -> &mut DeviceLedger {
        self.devices.entry(device.clone()).or_default()
    }

    /// Takes in a message that came at `now`.
    pub fn take(&mut self, message: &Received, now: Instant) {
        self.arrived += 1;
        let Some((device, kind)) = native::parse(&self.root, &message.topic) else {
            self.unreadable += 1;
            return;
        };
        // Somebody cleared a retained status.
        if message.payload.is_empty() {
            return;
        }
        let (detail, arrived) = (self.detail, self.arrived);
        let books = self.device(&device);
        let taken = match kind {
            Kind::Report => json::decode_report(&message.payload).map(|report| books.report(report, detail, arrived)),
            Kind::Status => json::decode_status(&message.payload).map(|status| {
                if message.retained == Retained::Live {
                    books.status(&status, now);
                }
            }),
            Kind::Ack => json::decode_ack(&message.payload).map(|ack| books.told(ack.mode, ack.mode_source, now)),
            Kind::Command => return,
        };
        if taken.is_err() {
            self.unreadable += 1;
        }
    }
}

impl DeviceLedger {
    fn report(&mut self, report: Report, detail: Detail, arrived: u64) {
        self.t_ms = report.t_ms;
        let window = Window {
            merged: report.merged,
            own: Totals { jobs: report.jobs, misses: report.misses, skipped: report.skipped },
            total: report.total,
            wakeup: (detail == Detail::Latencies).then_some(report.wakeup_us),
            arrived,
        };
        let run = self.run(report.boot);
        // The later one counts: the first may have been spoilt on the way.
        if let Some(known) = run.windows.insert(report.seq, window.clone()) {
            run.duplicates += 1;
            run.contradictions += u64::from(Window { arrived, ..known } != window);
        }
    }

    fn run(&mut self, boot: BootId) -> &mut Run {
        let at = self.runs.iter().position(|(known, _)| *known == boot).unwrap_or_else(|| {
            self.runs.push((boot, Run::default()));
            self.runs.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "found or pushed just now")]
        &mut self.runs[at].1
    }

    fn status(&mut self, status: &Status, now: Instant) {
        if !status.online {
            return;
        }
        let birth = (status.boot, status.conn);
        if self.born != Some(birth) {
            self.born = Some(birth);
            self.waiting_since = self.wanted.map(|_| now);
        }
        self.told(status.mode, status.mode_source, now);
    }

    fn told(&mut self, mode: Mode, source: ModeSource, now: Instant) {
        self.mode = Some((mode, source));
        if self.wanted == Some(mode)
            && source == ModeSource::Gateway
            && let Some(since) = self.waiting_since.take()
        {
            self.reconnections.push(now.duration_since(since));
        }
    }

    /// Whether it has the wanted mode by the gateway's word.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.wanted.is_some_and(|wanted| self.mode == Some((wanted, ModeSource::Gateway)))
    }

    /// Forgets a birth under way: it falls into a time in which nothing can be agreed on.
    pub fn forget_birth(&mut self) {
        self.waiting_since = None;
    }

    /// The run of this name.
    #[must_use]
    pub fn run_named(&self, boot: &str) -> Option<&Run> {
        self.runs.iter().find(|(known, _)| known.to_string() == boot).map(|(_, run)| run)
    }

    /// What was received over all runs, each window once.
    #[must_use]
    pub fn received(&self) -> Totals {
        self.runs.iter().map(|(_, run)| run.received()).fold(Totals::default(), |sum, run| plus(&sum, &run))
    }

    /// Reports that came, those that came again too, over all runs.
    #[must_use]
    pub fn reports(&self) -> u64 {
        let of = |run: &Run| u64::try_from(run.windows.len()).unwrap_or(u64::MAX).saturating_add(run.duplicates);
        self.runs.iter().map(|(_, run)| of(run)).sum()
    }

    /// Reports that came again, over all runs.
    #[must_use]
    pub fn duplicates(&self) -> u64 {
        self.runs.iter().map(|(_, run)| run.duplicates).sum()
    }
}

impl Run {
    /// What was received, each window once.
    #[must_use]
    pub fn received(&self) -> Totals {
        self.windows.values().fold(Totals::default(), |sum, window| plus(&sum, &window.own))
    }

    /// Windows missing before the newest one, and windows that two different reports count.
    #[must_use]
    pub fn gaps_and_overlaps(&self) -> (u64, u64) {
        let (mut gaps, mut overlaps, mut end) = (0, 0, 0);
        for (seq, window) in &self.windows {
            let start = seq.saturating_sub(window.merged.into());
            gaps += start.saturating_sub(end);
            overlaps += end.saturating_sub(start);
            end = *seq;
        }
        (gaps, overlaps)
    }

    /// Number and counts of the newest window.
    #[must_use]
    pub fn newest(&self) -> Option<(u64, Totals)> {
        self.windows.last_key_value().map(|(seq, window)| (*seq, window.total))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(windows: &[(u64, u32)]) -> Run {
        let window = |&(seq, merged): &(u64, u32)| {
            let of = |windows: u64| Totals { jobs: 10 * windows, misses: windows, skipped: 0 };
            (seq, Window { merged, own: of(merged.into()), total: of(seq), wakeup: None, arrived: 0 })
        };
        Run { windows: windows.iter().map(window).collect(), ..Run::default() }
    }

    #[test]
    fn windows_in_a_row_have_neither_gaps_nor_overlaps_however_they_were_merged() {
        let whole = run(&[(1, 1), (2, 1), (5, 3), (6, 1)]);
        assert_eq!(whole.gaps_and_overlaps(), (0, 0));
        assert_eq!(whole.received(), Totals { jobs: 60, misses: 6, skipped: 0 });
        assert_eq!(whole.newest(), Some((6, Totals { jobs: 60, misses: 6, skipped: 0 })));
    }

    #[test]
    fn what_is_missing_and_what_is_there_twice_is_counted() {
        assert_eq!(run(&[(2, 1), (5, 1)]).gaps_and_overlaps(), (3, 0));
        assert_eq!(run(&[(3, 3), (4, 2)]).gaps_and_overlaps(), (0, 1));
    }
}
