//! What of the core outlives the process: it tells the store every change, and takes up what earlier runs left behind.

use std::collections::BTreeMap;

use shared_proto::wire::{Report, Totals};

use super::{Agent, Context};
use crate::store::kept::{KeptRun, KeptTail, KeptValue, encode};
use crate::store::{Change, Kept, Key, Kind, Restored, Urgency};
use crate::window::Window;

/// How far this run has come, as the store knows it.
#[derive(Debug)]
pub(super) struct Progress {
    run: KeptRun,
    run_serial: u64,
    tail: Option<(u64, KeptTail)>,
}

/// Named values that are kept.
#[derive(Debug, Default)]
pub(super) struct Values {
    entries: BTreeMap<String, (u64, String)>,
    /// Whether the durable place should hear of it soon.
    news: Urgency,
}

/// What was taken up of earlier runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Adopted {
    /// Reports that wait again.
    pub reports: usize,
    /// Runs that ended without a word and were given a last report.
    pub closed: usize,
    /// Commands that are known.
    pub commands: usize,
}

impl<T: Copy + PartialEq> Agent<T> {
    /// Takes up what earlier runs left behind; at the start, or later, when a place can be read at last.
    pub fn restore(&mut self, restored: Restored) -> Adopted {
        let Restored { reports, runs, commands, values, last_serial, last_run, .. } = restored;
        let device = self.setup.identity.device.clone();
        let mut latest: BTreeMap<u64, &Report> = BTreeMap::new();
        for report in &reports {
            let newest = latest.entry(report.kept.report.boot.0).or_insert(&report.kept.report);
            if newest.seq < report.kept.report.seq {
                *newest = &report.kept.report;
            }
        }
        let last = |(key, run, tail): (Key, KeptRun, Option<KeptTail>)| {
            // Its last report may have been kept and this not.
            let newer = latest.get(&run.last.boot.0).filter(|report| report.seq > run.last.seq);
            let run = newer.map_or(run.clone(), |newer| KeptRun { run: run.run, last: Box::new(stripped(newer)) });
            let report = tail.and_then(|tail| run.close(&tail)).filter(|report| report.device == device);
            (key, run.run, report)
        };
        let runs: Vec<_> = runs.into_iter().map(last).collect();

        self.spool.ledger().skip_to(last_serial);
        self.spool.ledger().begin();
        self.spool.skip_to_run(last_run);
        let mut adopted = Adopted { reports: reports.len(), closed: 0, commands: commands.len() };
        self.spool.restore(reports, &device);
        for (key, run, report) in runs {
            if key.owner == self.setup.identity.boot.0 {
                continue;
            }
            if let Some(report) = report {
                adopted.closed += 1;
                self.spool.restore_last(run, report);
            }
            // After its report: what is told last may be lost.
            self.spool.ledger().remove(key);
            self.spool.ledger().remove(Key::new(Kind::Tail, key.owner, 0));
        }
        self.commands.restore(commands, self.spool.ledger());
        for (_, serial, KeptValue { name, value }) in values {
            self.values.entries.entry(name).or_insert((serial, value));
        }
        adopted
    }

    /// From now on this run is known to the store, so that it is closed if it ends without a word.
    pub fn begin_run(&mut self, context: &Context) {
        let closed = Window::new(self.setup.window, self.setup.plan.timing.normal_period_ns).close();
        let mut report = self.setup.plan.report(&self.setup.identity, 0, 0, &closed, context);
        report.up_ms = self.up_ms(context.now);
        self.note_report(stripped(&report));
    }

    /// Adds a report to the spool; and if this run should end without a word, its last one will be made after this.
    pub(super) fn spool_report(&mut self, report: Report) {
        if self.progress.is_none() {
            return self.spool.push(report);
        }
        let last = stripped(&report);
        self.spool.push(report);
        self.note_report(last);
    }

    fn note_report(&mut self, last: Report) {
        let run = KeptRun { run: self.spool.run(), last: Box::new(last) };
        let key = self.run_key();
        let run_serial = self.spool.ledger().put(key, || encode(&run));
        self.progress = Some(Progress { run, run_serial, tail: None });
    }

    /// The ring was read: tells the store how far the run has counted.
    pub fn note_progress(&mut self, context: &Context) {
        let total = self.window.total();
        let Some(progress) = &self.progress else { return };
        let known = progress.tail.as_ref().map_or(progress.run.last.total, |(_, tail)| tail.total);
        if known == total {
            return;
        }
        let tail = self.tail(total, context);
        let key = Key::new(Kind::Tail, self.setup.identity.boot.0, 0);
        let serial = self.spool.ledger().put(key, || encode(&tail));
        if let Some(progress) = &mut self.progress {
            progress.tail = Some((serial, tail));
        }
    }

    fn tail(&self, total: Totals, context: &Context) -> KeptTail {
        let (epoch, period_ns) = self.window.epoch();
        KeptTail {
            total,
            span_ms: context.now.millis_since(self.closed_at),
            t_ms: context.t_ms,
            up_ms: self.up_ms(context.now),
            task: self.setup.plan.task(period_ns),
            epoch,
            mode: self.effective.mode,
            mode_source: self.effective.source,
            mode_age_ms: self.mode_age_ms(context.now),
            given_up: self.spool.given_up(),
        }
    }

    /// The last report of this run is made: nothing will have to be closed.
    pub fn end_run(&mut self) {
        if self.progress.take().is_some() {
            let key = self.run_key();
            self.spool.ledger().remove(key);
            self.spool.ledger().remove(Key::new(Kind::Tail, key.owner, 0));
        }
    }

    fn run_key(&self) -> Key {
        Key::new(Kind::Run, self.setup.identity.boot.0, 0)
    }

    /// Keeps a value under a name; with [`Urgency::Soon`] the durable place hears of it within a minute.
    pub fn keep_value(&mut self, name: &str, value: String, urgency: Urgency) {
        let kept = KeptValue { name: name.to_owned(), value };
        let serial = self.spool.ledger().put(value_key(name), || encode(&kept));
        self.values.entries.insert(kept.name, (serial, kept.value));
        if urgency == Urgency::Soon {
            self.values.news = urgency;
        }
    }

    /// The value kept under a name, by this run or an earlier one.
    #[must_use]
    pub fn kept_value(&self, name: &str) -> Option<&str> {
        self.values.entries.get(name).map(|(_, value)| value.as_str())
    }

    /// The changes of what is to be kept, since the last call.
    pub fn take_changes(&mut self) -> Vec<Change> {
        self.spool.ledger().take()
    }

    /// Whether commands or values should be in the durable place soon; once.
    pub fn take_urgency(&mut self) -> Urgency {
        let news = std::mem::take(&mut self.values.news);
        if self.commands.take_urgency() == Urgency::Soon { Urgency::Soon } else { news }
    }

    /// Everything that is to be kept, as it stands.
    pub fn for_each_kept(&self, visit: &mut dyn FnMut(&Kept<'_>)) {
        self.spool.for_each_kept(visit);
        self.commands.for_each_kept(visit);
        for (name, (serial, value)) in &self.values.entries {
            let kept = || encode(&KeptValue { name: name.clone(), value: value.clone() });
            visit(&Kept { key: value_key(name), serial: *serial, encode: &kept });
        }
        let Some(progress) = &self.progress else { return };
        visit(&Kept { key: self.run_key(), serial: progress.run_serial, encode: &|| encode(&progress.run) });
        if let Some((serial, tail)) = &progress.tail {
            let key = Key::new(Kind::Tail, self.setup.identity.boot.0, 0);
            visit(&Kept { key, serial: *serial, encode: &|| encode(tail) });
        }
    }
}

/// Without its histograms.
fn stripped(report: &Report) -> Report {
    let mut report = report.clone();
    (report.wakeup_us, report.response_us) = Default::default();
    report
}

/// The key says which value it is, the record tells the name.
fn value_key(name: &str) -> Key {
    Key::new(Kind::Value, fnv1a(name), 0)
}

/// FNV-1a of a short text.
pub(crate) fn fnv1a(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
    text.bytes().fold(0xCBF2_9CE4_8422_2325, step)
}
