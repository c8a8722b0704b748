//! The newest of everything of one device, and its history.

use std::collections::VecDeque;

use serde::Serialize;
use shared_proto::ids::{BootId, CommandId};
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::text::{Name, Reason};
use shared_proto::wire::{Ack, Departure, Outcome, Report, Status};

use super::history::{COARSE, FINE, Piece, Told, Track};
use super::log::Log;
use super::newest::{ModeNow, Newest, Received};
use super::place::Placing;
use crate::event::{Event, Freshness, Observed, Online, Record};
use crate::fleet::DialectView;

/// Lines that are kept of one device.
const LINES: usize = 40;
/// Windows whose greatest latencies are kept: five minutes of five a second.
const MAXIMA: usize = 1_500;
/// A device that was not heard for so long is stale, in milliseconds, or for [`SPANS`] of its windows if that is longer.
const STALE_MS: u64 = 5_000;
/// See [`STALE_MS`].
const SPANS: u64 = 5;
/// The longest window that counts for that, in milliseconds.
const LONGEST_SPAN_MS: u64 = 600_000;

/// Whether a device is there, and what is known of it is of now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// Heard lately.
    Online,
    /// Not heard for a while, or the controller has no connection to the broker.
    Stale,
    /// It said good-bye, or its connection broke.
    Offline,
}

/// Whether it is there, as the controller told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    Online,
    Offline(Option<Departure>),
}

/// The greatest latencies of one window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Maximum {
    /// Counts them.
    pub(crate) number: u64,
    /// Its close, on the picture's clock.
    pub(crate) at_ms: u64,
    pub(crate) wakeup_ns: u64,
    pub(crate) response_ns: u64,
}

/// History: of so many devices only.
#[derive(Debug)]
pub(crate) struct History {
    pub(crate) fine: Track,
    pub(crate) coarse: Track,
    pub(crate) maxima: VecDeque<Maximum>,
    pub(crate) windows: u64,
}

/// One device.
#[derive(Debug)]
pub(crate) struct Device {
    presence: Presence,
    boot: Option<BootId>,
    /// When it was heard last; before that, since when it is known.
    heard_ms: u64,
    /// Connection to the broker on which it was heard; `None` before the first.
    heard_on: Option<u64>,
    /// Times between the last observations of a device without reports, the newest first.
    gaps_ms: [Option<u64>; 2],
    placing: Placing,
    /// The first report of a run that is not yet known to be the present one.
    stray: Option<Box<Report>>,
    answered: Option<CommandId>,
    /// The mode that was wanted last, and why.
    decided: Option<(Mode, Reason)>,
    pub(crate) rev: u64,
    pub(crate) dialect: DialectView,
    pub(crate) version: Option<Name>,
    pub(crate) status: Option<Box<Status>>,
    pub(crate) status_rev: u64,
    pub(crate) mode: Option<ModeNow>,
    pub(crate) newest: Option<Box<Newest>>,
    /// Of a device without reports.
    pub(crate) observed_rate: Option<f64>,
    pub(crate) received: Received,
    pub(crate) log: Log,
    pub(crate) history: Option<Box<History>>,
}

/// Whether a device gets a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    ForHistory,
    ForTheNewestAlone,
}

/// When and where something is heard.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ear {
    pub(super) now_ms: u64,
    pub(super) link: Option<u64>,
}

impl Device {
    pub(super) fn new(room: Room, now_ms: u64) -> Self {
        let history = || Box::new(History::new());
        Self {
            presence: Presence::Offline(None),
            boot: None,
            heard_ms: now_ms,
            heard_on: None,
            gaps_ms: [None; 2],
            placing: Placing::default(),
            stray: None,
            answered: None,
            decided: None,
            rev: 0,
            dialect: DialectView::Native,
            version: None,
            status: None,
            status_rev: 0,
            mode: None,
            newest: None,
            observed_rate: None,
            received: Received::default(),
            log: Log::new(LINES),
            history: (room == Room::ForHistory).then(history),
        }
    }

    /// Whether what is known of it is of now.
    pub(crate) fn state(&self, now_ms: u64, link: Option<u64>) -> State {
        match self.presence {
            Presence::Offline(_) => State::Offline,
            Presence::Online if link.is_none() || link != self.heard_on => State::Stale,
            Presence::Online if now_ms.saturating_sub(self.heard_ms) > self.patience_ms() => State::Stale,
            Presence::Online => State::Online,
        }
    }

    /// How it went, if it is not there.
    pub(crate) fn departure(&self) -> Option<Departure> {
        match self.presence {
            Presence::Offline(departure) => departure,
            Presence::Online => None,
        }
    }

    /// How long nothing may be heard of it, in milliseconds.
    pub(crate) fn patience_ms(&self) -> u64 {
        let window = |newest: &Newest| newest.span_ms / u64::from(newest.merged.max(1));
        // One long gap is an outage, not its pace.
        let pace_ms = || self.gaps_ms.iter().flatten().min().copied().unwrap_or_default();
        let span_ms = self.newest.as_deref().map_or_else(pace_ms, window).min(LONGEST_SPAN_MS);
        STALE_MS.max(span_ms.saturating_mul(SPANS))
    }

    /// Since it was last heard, in milliseconds.
    pub(crate) fn age_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.heard_ms)
    }

    /// Run of the agent.
    pub(crate) fn boot(&self) -> Option<BootId> {
        self.boot
    }

    /// Misses per job, as the newest report or observation tells.
    pub(crate) fn miss_rate(&self) -> Option<f64> {
        self.newest.as_ref().map(|newest| newest.miss_rate).or(self.observed_rate)
    }

    fn hear(&mut self, ear: Ear) {
        self.heard_ms = ear.now_ms;
        self.heard_on = ear.link;
    }

    fn start_boot(&mut self, boot: BootId) {
        if self.boot == Some(boot) {
            return;
        }
        self.boot = Some(boot);
        self.newest = None;
        self.placing = Placing::default();
    }

    pub(super) fn online(&mut self, online: &Online, ear: Ear) {
        self.presence = Presence::Online;
        self.version = online.version.clone().or(self.version.take());
        // What the broker kept says nothing of now.
        if online.news == Freshness::Live {
            self.hear(ear);
        }
        if let Some(boot) = online.boot {
            self.start_boot(boot);
            if let Some(report) = self.stray.take_if(|report| report.boot == boot) {
                self.place(&report, ear.now_ms);
            }
        }
    }

    pub(super) fn offline(&mut self, departure: Option<Departure>) {
        self.presence = Presence::Offline(departure);
    }

    pub(super) fn report(&mut self, report: &Report, ear: Ear) {
        let sum = &mut self.received;
        sum.reports = sum.reports.saturating_add(1);
        sum.windows = sum.windows.saturating_add(report.merged.into());
        sum.jobs = sum.jobs.saturating_add(report.jobs);
        sum.misses = sum.misses.saturating_add(report.misses);
        sum.skipped = sum.skipped.saturating_add(report.skipped);
        sum.records_lost = sum.records_lost.saturating_add(report.lost.records);
        self.dialect = DialectView::Native;
        if self.boot.is_some_and(|boot| boot != report.boot) {
            // Left over from an earlier run; or the first of a new one, then it is told next that the device is there.
            self.stray = Some(Box::new(report.clone()));
            return;
        }
        self.start_boot(report.boot);
        self.hear(ear);
        self.place(report, ear.now_ms);
    }

    /// A report of the present run.
    fn place(&mut self, report: &Report, now_ms: u64) {
        let at_ms = self.placing.at_ms(report.up_ms, now_ms);
        if self.newest.as_ref().is_some_and(|newest| newest.seq > report.seq) {
            self.received.late = self.received.late.saturating_add(1);
        } else {
            let kept = self.mode.take().filter(|now| now.mode == report.mode);
            let reason = kept.map(|now| now.reason).unwrap_or_default();
            self.mode = Some(ModeNow { mode: report.mode, source: Some(report.mode_source), reason });
            self.newest = Some(Box::new(Newest::from(report)));
        }
        let (rev, mode, miss_rate) = (self.rev, Some(report.mode), report.miss_rate.get());
        if let Some(history) = &mut self.history {
            history.take(&Piece { at_ms, rev, mode, miss_rate, told: Told::Report(report) });
        }
    }

    pub(super) fn observed(&mut self, observed: &Observed, ear: Ear) {
        let gap_ms = ear.now_ms.saturating_sub(self.heard_ms);
        if self.observed_rate.is_some() {
            self.gaps_ms = [Some(gap_ms), self.gaps_ms[0]];
        }
        self.presence = Presence::Online;
        self.dialect = observed.dialect.into();
        let miss_rate = observed.miss_rate.get();
        self.observed_rate = Some(miss_rate);
        self.mode = Some(ModeNow { mode: observed.mode, source: None, reason: Reason::default() });
        self.hear(ear);
        let (at_ms, rev, mode) = (ear.now_ms, self.rev, Some(observed.mode));
        if let Some(history) = &mut self.history {
            history.take(&Piece { at_ms, rev, mode, miss_rate, told: Told::Observed });
        }
    }

    pub(super) fn status(&mut self, status: &Status) {
        self.start_boot(status.boot);
        self.version = Some(status.version.clone());
        self.status_rev = self.rev;
        let of_now = match (&self.newest, status.up_ms) {
            (None, _) => true,
            (Some(newest), Some(up_ms)) => up_ms >= newest.up_ms,
            // A will tells the mode of the time when the connection was made.
            (Some(_), None) => false,
        };
        if of_now || self.mode.is_none() {
            self.mode =
                Some(ModeNow { mode: status.mode, source: Some(status.mode_source), reason: status.reason.clone() });
        }
        self.status = Some(Box::new(status.clone()));
    }

    pub(super) fn ack(&mut self, t_ms: u64, ack: &Ack, ear: Ear) {
        if self.boot != Some(ack.boot) {
            return;
        }
        self.hear(ear);
        self.mode = Some(ModeNow { mode: ack.mode, source: Some(ack.mode_source), reason: ack.reason.clone() });
        // What this controller's own commands came to was told with more detail; leases are renewed all the time.
        if ack.result != Outcome::Unchanged && self.answered.as_ref() != Some(&ack.id) {
            self.log.add_ack(t_ms, ack);
        }
    }

    /// Why it is in its mode, in its own words, or in those of who decided it here.
    pub(crate) fn reason(&self) -> Option<&Reason> {
        let now = self.mode.as_ref()?;
        let ours = self.decided.as_ref().filter(|(mode, _)| *mode == now.mode).map(|(_, reason)| reason);
        let ours = ours.filter(|_| matches!(now.source, None | Some(ModeSource::Gateway)));
        Some(&now.reason).filter(|reason| !reason.is_empty()).or(ours)
    }

    /// Keeps an event that the decision log has too.
    pub(super) fn tell(&mut self, record: &Record, answers: Option<&CommandId>) {
        self.log.add(record);
        if let Event::Decision(decision) = &record.event {
            self.decided = decision.to.map(|mode| (mode, decision.reason.clone()));
        }
        if let Some(id) = answers {
            self.answered = Some(id.clone());
        }
    }
}

impl History {
    pub(super) fn new() -> Self {
        Self { fine: Track::new(FINE), coarse: Track::new(COARSE), maxima: VecDeque::new(), windows: 0 }
    }

    pub(super) fn take(&mut self, piece: &Piece<'_>) {
        self.fine.take(piece);
        self.coarse.take(piece);
        let Told::Report(report) = piece.told else { return };
        // Of merged windows nobody knows in which one it was.
        if let (1, Some(wakeup_ns), Some(response_ns)) =
            (report.merged, report.wakeup_us.max_ns(), report.response_us.max_ns())
        {
            self.windows = self.windows.saturating_add(1);
            self.maxima.push_back(Maximum { number: self.windows, at_ms: piece.at_ms, wakeup_ns, response_ns });
            if self.maxima.len() > MAXIMA {
                self.maxima.pop_front();
            }
        }
    }
}
