//! What each kind of message does to its device.

use shared_proto::dialect::lab::Observed;
use shared_proto::ids::DeviceId;
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::policy::{Change, Observation};
use shared_proto::text::Reason;
use shared_proto::wire::{Ack, Departure, DialectName, Outcome, ReportRef, Status};

use super::clock::Timeliness;
use super::commands::Wire;
use super::device::{AS_REPORTED, Device, Lead, Newest, Presence, Reported};
use super::reconcile::Author;
use super::seen::Seen;
use super::{Action, Freshness, Moment, Rule, Settings};
use crate::event::{Applied, Contested, DecisionSource, Event, Observed as Told, Offline, Online, Rejected};

/// A change of the wanted mode that is to be told, once the command for it has its id.
pub(super) struct Turn {
    pub(super) from: Option<Mode>,
    pub(super) source: DecisionSource,
    pub(super) reason: Reason,
    pub(super) cause: Option<ReportRef>,
}

impl Device {
    /// From now on the native wire counts alone.
    pub(super) fn drive_natively(&mut self) {
        if self.wire != Wire::Native {
            self.wire = Wire::Native;
            self.forget_policy();
            self.reported = None;
            self.presence = Presence::Unheard;
            self.commands.void();
            self.commands.change = None;
        }
    }

    pub(super) fn take_newest(
        &mut self,
        now: Moment,
        seen: &Seen,
        settings: &Settings,
        out: &mut Vec<Action>,
    ) -> Option<Turn> {
        self.newest = Some(seen.newest);
        let timeliness = match (self.lead, settings.rule) {
            (Lead::Asked | Lead::Standby, Rule::Decide(config)) => {
                self.clock.judge_beside_others(config.dwell_ms, seen.up_ms, now)
            }
            _ => self.clock.judge(seen.up_ms, now),
        };
        if timeliness == Timeliness::Backlog {
            // By the time it is caught up, the device has decided for itself: its policy knows more.
            self.forget_policy();
            return None;
        }
        // Whichever is longer ago: a command that was sent into the silence may not have arrived.
        let unled_ms = now.millis_since(self.commands.last_at().map_or(self.heard.at, |at| at.min(self.heard.at)));
        if self.is_leased() && unled_ms > settings.timing.lease_ms() && seen.mode_source != ModeSource::Gateway {
            // Its lease had ended, so it has decided for itself, and needs another one.
            self.forget_policy();
            self.commands.doubt();
        }
        self.prove_presence(&seen.device, out);
        let reason = match &self.reported {
            Some(before) if before.mode == seen.mode => before.reason.clone(),
            _ => Reason::default(),
        };
        let reported = Reported { mode: seen.mode, source: Some(seen.mode_source), reason };
        out.extend(self.observe(&seen.device, reported).map(Event::DeviceMode).map(Action::Tell));
        self.lead.ask();
        let Rule::Decide(config) = settings.rule else { return None };
        let from = self.wanted();
        let change = self.judge(now, &config, &settings.timing, seen);
        if change.is_some() && self.lead != Lead::Alone {
            self.commands.decided_anew(now);
        }
        self.turn(from, seen.mode, change, Some(seen.reference()))
    }

    pub(super) fn take_lab(
        &mut self,
        now: Moment,
        id: &DeviceId,
        observed: &Observed,
        rule: Rule,
        out: &mut Vec<Action>,
    ) -> Option<Turn> {
        self.prove_presence(id, out);
        self.newest = Some(Newest { seq: None, miss_rate: observed.miss_rate, wakeup_ns: None });
        // A client that does not tell its mode is taken to obey.
        let mode = observed.mode.or(self.commands.last_mode()).unwrap_or_default();
        let reported = Reported { mode, source: None, reason: Reason::default() };
        out.extend(self.observe(id, reported).map(Event::DeviceMode).map(Action::Tell));
        let (device, miss_rate) = (id.clone(), observed.miss_rate);
        out.push(Action::Tell(Event::Observed(Told { device, dialect: DialectName::Lab, miss_rate, mode })));
        let Rule::Decide(config) = rule else { return None };
        let from = self.wanted();
        let window = Observation { elapsed_ms: 0, jobs: 1, miss_rate: observed.miss_rate, cpu: None };
        let change = self.judge_arrival(&config, now, observed.mode, window);
        self.turn(from, mode, change, None)
    }

    /// What the policy made of a report of `mode`: it changed its mind, or was seeded anew with another mode than was wanted
    /// last. Either matters unless an operator wants something else.
    pub(super) fn turn(
        &self,
        from: Option<Mode>,
        mode: Mode,
        change: Option<Change>,
        cause: Option<ReportRef>,
    ) -> Option<Turn> {
        if self.wish.is_some() {
            return None;
        }
        let source = DecisionSource::Policy;
        if let Some(change) = change {
            return Some(Turn { from: from.or(Some(mode)), source, reason: Reason::of(change.cause), cause });
        }
        let before = match self.lead {
            Lead::Alone => {
                if from.is_none() {
                    self.wanted_last
                } else {
                    None
                }
            }
            // Each report seeds it anew.
            Lead::Asked | Lead::Standby => from.or(self.wanted_last),
        };
        let seeded_otherwise = before.is_some() && before != self.wanted();
        seeded_otherwise.then(|| Turn { from: before, source, reason: AS_REPORTED.into(), cause })
    }

    /// A report of now shows that the device is there, unless it was just seen to go: then its next birth will say so.
    pub(super) fn prove_presence(&mut self, id: &DeviceId, out: &mut Vec<Action>) {
        let gone = matches!(self.presence, Presence::Offline { news: Freshness::Live, .. });
        if !gone && self.presence != Presence::Online {
            self.come_online(id, Freshness::Live, out);
        }
    }

    fn come_online(&mut self, id: &DeviceId, news: Freshness, out: &mut Vec<Action>) {
        self.presence = Presence::Online;
        out.push(Action::Tell(Event::Online(Online {
            device: id.clone(),
            boot: self.identity.boot(),
            conn: self.identity.conn(),
            version: self.version.clone(),
            news,
        })));
    }

    pub(super) fn take_status(&mut self, now: Moment, status: &Status, freshness: Freshness, out: &mut Vec<Action>) {
        let new_boot = self.identity.boot() != Some(status.boot);
        let new_conn = new_boot || self.identity.conn() != Some(status.conn);
        if new_boot {
            self.start_boot(status.boot);
        } else if new_conn {
            self.commands.doubt();
            if status.mode_source != ModeSource::Gateway {
                // It was alone, without a lease: its own policy knows more.
                self.forget_policy();
            }
        }
        self.identity.born(status);
        if let Some(up_ms) = status.up_ms {
            self.clock.note(up_ms, now);
        }
        self.version = Some(status.version.clone());
        // A retained status tells the mode of the time when it was sent, a will that of the time when the connection was made:
        // good enough where nothing better is known.
        let of_now = freshness == Freshness::Live && status.departure != Some(Departure::Lost);
        if of_now || self.reported.is_none() {
            out.extend(self.observe(&status.device, Reported::from(status)).map(Event::DeviceMode).map(Action::Tell));
        }
        if status.online {
            if new_conn || self.presence != Presence::Online {
                self.come_online(&status.device, freshness, out);
            }
        } else {
            let before = self.presence;
            // What the broker kept of a good-bye that was heard live makes that no older.
            let news = match before {
                Presence::Offline { news: Freshness::Live, .. } if !new_conn => Freshness::Live,
                _ => freshness,
            };
            self.presence = Presence::Offline { departure: status.departure, news };
            if new_conn || !matches!(before, Presence::Offline { .. }) {
                out.push(Action::Tell(Event::Offline(Offline {
                    device: status.device.clone(),
                    boot: status.boot,
                    conn: status.conn,
                    departure: status.departure,
                    // Of one that was there, it is news, however it was learnt.
                    news: if before == Presence::Online { Freshness::Live } else { news },
                })));
            }
        }
    }

    pub(super) fn take_ack(&mut self, now: Moment, ack: &Ack, author: Author, out: &mut Vec<Action>) {
        // Acknowledgements of others' commands tell the mode as well; those of a run that is over tell nothing.
        if self.identity.boot() != Some(ack.boot) {
            return;
        }
        let device = &ack.device;
        out.extend(self.observe(device, Reported::from(ack)).map(Event::DeviceMode).map(Action::Tell));
        match author {
            Author::ThisController { .. } => {}
            // Nor does a peer's command hold that was not taken.
            Author::Peer { .. } => match ack.result {
                Outcome::Rejected => self.commands.back_off(),
                Outcome::Expired | Outcome::Duplicate => self.commands.doubt(),
                Outcome::Applied | Outcome::Unchanged => {}
            },
            Author::SomebodyElse => self.take_contest(now, ack, out),
        }
        // Answered again, it is no news.
        let Some(sent) = self.commands.answered(&ack.id) else { return };
        if matches!(ack.result, Outcome::Rejected | Outcome::Expired | Outcome::Duplicate) {
            match ack.result {
                Outcome::Rejected => self.commands.back_off(),
                // It gave no lease; the next one, of now, will.
                _ => self.commands.doubt(),
            }
            let (device, command_id) = (device.clone(), ack.id.clone());
            let rejected =
                Rejected { device, command_id, result: ack.result, reason: ack.reason.clone(), mode: ack.mode };
            out.push(Action::Tell(Event::Rejected(rejected)));
            return;
        }
        if sent.change_since.is_none() && ack.result == Outcome::Unchanged {
            return;
        }
        self.commands.close_change(sent.mode);
        out.push(Action::Tell(Event::Applied(Applied {
            device: device.clone(),
            command_id: ack.id.clone(),
            result: ack.result,
            mode: ack.mode,
            mode_source: ack.mode_source,
            job: ack.job,
            receipt_to_effect_us: ack.receipt_to_effect_us,
            reaction_us: ack.reaction_us,
            round_trip_ms: sent.change_since.map(|since| millis(now.micros_since(since))),
        })));
    }

    /// Somebody else's command is acknowledged: tells of it if it leads the device elsewhere.
    fn take_contest(&mut self, now: Moment, ack: &Ack, out: &mut Vec<Action>) {
        let Some(situation) = self.stance() else { return };
        let led = matches!(ack.result, Outcome::Applied | Outcome::Unchanged) && ack.mode_source == ModeSource::Gateway;
        if led && !situation.agreed() && self.commands.contested(now) {
            out.push(Action::Tell(Event::Contested(Contested {
                device: ack.device.clone(),
                command_id: ack.id.clone(),
                reason: ack.reason.clone(),
                mode: ack.mode,
                wanted: self.wanted(),
            })));
        }
    }
}

/// Microseconds as milliseconds with decimals.
#[expect(clippy::cast_precision_loss, reason = "exact below 2^53 microseconds, 285 years")]
pub(super) fn millis(micros: u64) -> f64 {
    micros as f64 / 1000.0
}
