//! What is kept, as the bytes of a record: JSON, as on the wire, so that a later program can still read it.

use serde::{Deserialize, Serialize};
use shared_proto::ids::CommandId;
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::wire::{Ack, Report, Task, Totals};

/// Whether the receiver may know a report already. If so it must never change: `(boot, seq)` names its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum History {
    /// It never left this device.
    Unsent,
    /// It may have been sent, so it may have arrived.
    Sent,
}

/// A report that waits.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct KeptReport {
    /// Number of the run that made it: reports of a lower one are older.
    pub run: u64,
    /// Whether it may have been sent.
    pub history: History,
    /// The report.
    pub report: Box<Report>,
}

#[derive(Serialize)]
struct KeptReportRef<'a> {
    run: u64,
    history: History,
    report: &'a Report,
}

/// A run that has not ended in good order, as of its last report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptRun {
    /// Number of the run.
    pub run: u64,
    /// Its last report, without histograms; `seq` 0 before the first.
    pub last: Box<Report>,
}

/// How far a run had counted, as of its last look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptTail {
    /// Counts since its start.
    pub total: Totals,
    /// Milliseconds since its last report.
    pub span_ms: u64,
    /// Wall clock in milliseconds since 1970.
    pub t_ms: u64,
    /// Device time in milliseconds.
    pub up_ms: u64,
    /// The task.
    pub task: Task,
    /// Number of the epoch.
    pub epoch: u32,
    /// Effective mode.
    pub mode: Mode,
    /// Who decided it.
    pub mode_source: ModeSource,
    /// How long it had held, in milliseconds.
    pub mode_age_ms: u64,
    /// Reports given up since the start.
    pub given_up: u64,
}

/// A command that was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptCommand {
    /// Its id.
    pub id: CommandId,
    /// Its answer, if there is one yet.
    pub answer: Option<Ack>,
}

/// A named value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptValue {
    /// Its name.
    pub name: String,
    /// The value.
    pub value: String,
}

/// Whether reports may have been sent since they were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sending {
    /// They may: there is a connection.
    Goes,
    /// Each of them tells by itself.
    Rests,
}

/// The bytes of a record.
#[must_use]
pub(crate) fn encode(value: &impl Serialize) -> Option<Vec<u8>> {
    serde_json::to_vec(value).ok()
}

/// The bytes of a report's record.
#[must_use]
pub(crate) fn encode_report(run: u64, history: History, report: &Report) -> Option<Vec<u8>> {
    encode(&KeptReportRef { run, history, report })
}

impl KeptRun {
    /// The report that closes the run: the jobs counted after its last report. Their times are lost, so no histogram holds
    /// them. `None` if there were none, or if the counts contradict each other.
    #[must_use]
    pub fn close(&self, tail: &KeptTail) -> Option<Report> {
        let last = &self.last;
        let own = tail.total.since(&last.total);
        let grows = tail.total.jobs > last.total.jobs
            && tail.total.misses >= last.total.misses
            && tail.total.skipped >= last.total.skipped;
        let mut report = Report {
            seq: last.seq.saturating_add(1),
            t_ms: tail.t_ms,
            up_ms: tail.up_ms,
            span_ms: tail.span_ms,
            task: tail.task.clone(),
            epoch: tail.epoch,
            mode: tail.mode,
            mode_source: tail.mode_source,
            mode_age_ms: tail.mode_age_ms,
            jobs: own.jobs,
            misses: own.misses,
            skipped: own.skipped,
            longest_miss_run: 0,
            merged: 1,
            total: tail.total,
            ..Report::clone(last)
        };
        report.worst_burst.misses = 0;
        (report.wakeup_us, report.response_us) = Default::default();
        (report.rt.preemptions, report.rt.faults) = (0, 0);
        report.lost.records = own.run();
        report.lost.reports = tail.given_up;
        (grows && report.validate().is_ok()).then_some(report)
    }
}
