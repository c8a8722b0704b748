//! What the book holds of one device.

use std::collections::VecDeque;

use shared_proto::ids::{BootId, DeviceId};
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::text::{Name, Text};
use shared_proto::units::Ratio;
use shared_proto::wire::{Ack, Departure, Host, Report, SettingOutcome, Status, Totals};

use super::octaves::Octaves;
use crate::event::Observed;
use crate::tally::Tally;

/// Wake-up latencies: 1 µs to 66 ms.
pub(super) type Wakeup = Octaves<0, 17>;
/// Response times: 16 µs to 1.05 s.
pub(super) type Response = Octaves<4, 17>;

/// Runs of the agent whose lost reports are remembered, as many as the tally remembers.
const RUNS: usize = 64;

/// Whether a device has series of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Series {
    /// It has.
    Own,
    /// It counts in the aggregates only.
    LeftOut,
}

/// Whether a device is there, by its own and the broker's last word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// It is.
    Up,
    /// It has said good-bye, or was lost.
    Down,
}

/// One device since the controller first heard of it.
#[derive(Debug, Clone)]
pub(super) struct Device {
    pub(super) id: DeviceId,
    pub(super) series: Series,
    /// Place in the order of first words.
    pub(super) arrival: u64,
    /// When it was heard last, in milliseconds since 1970.
    pub(super) heard_ms: u64,
    pub(super) presence: Option<Presence>,
    run: Option<BootId>,
    conn: Option<u64>,
    pub(super) info: Info,
    pub(super) mode: Option<Mode>,
    pub(super) source: Option<ModeSource>,
    pub(super) miss_ratio: Option<Ratio>,
    pub(super) newest: Option<Newest>,
    /// Arrival of the newest report of the present run, or of the newest observation, in milliseconds since 1970 by the clock here.
    pub(super) reported_ms: Option<u64>,
    tally: Tally<Totals>,
    pub(super) counts: Counts,
    /// Lost reports told by each run.
    lost: VecDeque<(BootId, u64)>,
    pub(super) wakeup: Wakeup,
    pub(super) response: Response,
}

/// What a device says of itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Info {
    pub(super) version: Name,
    pub(super) model: Option<Text<64>>,
    pub(super) kernel: Option<Text<64>>,
    pub(super) preempt_rt: Option<bool>,
    pub(super) task: Name,
    /// Real-time settings that the system refused; `None` until a status tells.
    pub(super) refused: Option<usize>,
}

/// Of the newest report of the present run.
#[derive(Debug, Clone)]
pub(super) struct Newest {
    seq: u64,
    /// Length of one window in milliseconds.
    pub(super) span_ms: u64,
    pub(super) period_us: u64,
    pub(super) deadline_us: u64,
    pub(super) clock_synced: bool,
    pub(super) longest_miss_run: u64,
    pub(super) host: Host,
}

/// Counts since the controller first heard of it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    /// Received, each window once.
    pub(super) received: Totals,
    pub(super) reports: u64,
    pub(super) merged_windows: u64,
    pub(super) overlapping: u64,
    pub(super) reports_lost: u64,
    pub(super) records_lost: u64,
    pub(super) mode_changes: u64,
    pub(super) restarts: u64,
    pub(super) preemptions: u64,
    pub(super) faults: u64,
}

impl Device {
    pub(super) fn new(id: DeviceId, series: Series, arrival: u64) -> Self {
        Self {
            id,
            series,
            arrival,
            heard_ms: 0,
            presence: None,
            run: None,
            conn: None,
            info: Info::default(),
            mode: None,
            source: None,
            miss_ratio: None,
            newest: None,
            reported_ms: None,
            tally: Tally::default(),
            counts: Counts::default(),
            lost: VecDeque::new(),
            wakeup: Wakeup::default(),
            response: Response::default(),
        }
    }

    /// What the device counted and did not deliver.
    pub(super) fn missing(&self) -> Totals {
        self.tally.sum().missing
    }

    /// Tells what the report adds to the counts.
    pub(super) fn take_report(&mut self, report: &Report, t_ms: u64) -> Counts {
        if self.run.is_none() {
            self.begin(report.boot);
        }
        let present = self.run == Some(report.boot);
        let before = self.tally.sum().received;
        if present {
            self.tally.take(report)
        } else {
            self.tally.take_foreign(report)
        };
        let received = self.tally.sum().received.since(&before);
        self.wakeup.merge(&report.wakeup_us);
        self.response.merge(&report.response_us);
        let gain = Counts {
            received,
            reports: 1,
            merged_windows: u64::from(report.merged.saturating_sub(1)),
            overlapping: u64::from(received.jobs < report.jobs),
            reports_lost: self.newly_lost(report.boot, report.lost.reports),
            records_lost: report.lost.records,
            preemptions: report.rt.preemptions,
            faults: report.rt.faults,
            ..Counts::default()
        };
        self.counts.add(&gain);
        // What a spool brings of earlier is not how the device is.
        if !present || self.newest.as_ref().is_some_and(|newest| newest.seq >= report.seq) {
            return gain;
        }
        self.info.task.clone_from(&report.task.name);
        self.miss_ratio = Some(report.miss_rate);
        self.reported_ms = Some(t_ms);
        self.newest = Some(Newest {
            seq: report.seq,
            span_ms: report.span_ms.checked_div(u64::from(report.merged)).unwrap_or(report.span_ms),
            period_us: report.task.period_us,
            deadline_us: report.task.deadline_us,
            clock_synced: report.clock_synced,
            longest_miss_run: report.longest_miss_run,
            host: report.host.clone(),
        });
        Counts { mode_changes: self.is_in(report.mode, Some(report.mode_source)).mode_changes, ..gain }
    }

    pub(super) fn take_status(&mut self, status: &Status) -> Counts {
        let known = (self.run, self.conn) == (Some(status.boot), Some(status.conn));
        let mut gain = self.begin(status.boot);
        self.conn = Some(status.conn);
        let refused = status.settings.iter().filter(|setting| setting.outcome == SettingOutcome::Refused).count();
        self.info = Info {
            version: status.version.clone(),
            model: status.model.clone(),
            kernel: status.kernel.clone(),
            preempt_rt: status.preempt_rt,
            task: status.task.name.clone(),
            refused: Some(refused),
        };
        // A will, and what the broker kept of a birth, tell the mode of the time when the connection was made.
        if self.mode.is_none() || (!known && status.departure != Some(Departure::Lost)) {
            gain.add(&self.is_in(status.mode, Some(status.mode_source)));
        }
        gain
    }

    pub(super) fn take_ack(&mut self, ack: &Ack) -> Counts {
        if self.run == Some(ack.boot) { self.is_in(ack.mode, Some(ack.mode_source)) } else { Counts::default() }
    }

    pub(super) fn take_observed(&mut self, observed: &Observed, t_ms: u64) -> Counts {
        self.miss_ratio = Some(observed.miss_rate);
        self.reported_ms = Some(t_ms);
        self.is_in(observed.mode, None)
    }

    /// From now on this is the present run.
    pub(super) fn begin(&mut self, boot: BootId) -> Counts {
        if self.run == Some(boot) {
            return Counts::default();
        }
        let gain = Counts { restarts: u64::from(self.run.is_some()), ..Counts::default() };
        self.counts.add(&gain);
        self.run = Some(boot);
        self.conn = None;
        (self.newest, self.reported_ms) = (None, None);
        self.tally.start_boot(boot);
        gain
    }

    fn is_in(&mut self, mode: Mode, source: Option<ModeSource>) -> Counts {
        let changed = self.mode.is_some_and(|before| before != mode);
        (self.mode, self.source) = (Some(mode), source);
        let gain = Counts { mode_changes: u64::from(changed), ..Counts::default() };
        self.counts.add(&gain);
        gain
    }

    /// A run counts all that it lost since its begin. What it had lost before the controller heard of the device is no news, so until a run has been
    /// seen to begin, the first word of each is only where to count from.
    fn newly_lost(&mut self, boot: BootId, told: u64) -> u64 {
        if let Some((_, known)) = self.lost.iter_mut().find(|(run, _)| *run == boot) {
            let more = told.saturating_sub(*known);
            *known = told.max(*known);
            return more;
        }
        if self.lost.len() >= RUNS
            && let Some(oldest) = self.lost.iter().position(|(run, _)| self.run != Some(*run))
        {
            self.lost.remove(oldest);
        }
        self.lost.push_back((boot, told));
        if self.counts.restarts == 0 { 0 } else { told }
    }
}

impl Counts {
    pub(super) fn add(&mut self, gain: &Self) {
        let sum = |place: &mut u64, more: u64| *place = place.saturating_add(more);
        sum(&mut self.received.jobs, gain.received.jobs);
        sum(&mut self.received.misses, gain.received.misses);
        sum(&mut self.received.skipped, gain.received.skipped);
        sum(&mut self.reports, gain.reports);
        sum(&mut self.merged_windows, gain.merged_windows);
        sum(&mut self.overlapping, gain.overlapping);
        sum(&mut self.reports_lost, gain.reports_lost);
        sum(&mut self.records_lost, gain.records_lost);
        sum(&mut self.mode_changes, gain.mode_changes);
        sum(&mut self.restarts, gain.restarts);
        sum(&mut self.preemptions, gain.preemptions);
        sum(&mut self.faults, gain.faults);
    }
}
