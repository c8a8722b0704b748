//! What each kind of message does to the fleet.

use shared_proto::dialect::lab::Observed;
use shared_proto::ids::{CommandId, DeviceId};
use shared_proto::wire::{Ack, Report, Status, Totals};

use super::commands::{OpenChange, Wire};
use super::device::{Device, Heard, Lead, Presence};
use super::identity::{Claim, Identity};
use super::seen::Seen;
use super::take::Turn;
use super::{Action, BrokerLink, Fleet, Freshness, Moment, Refused, Wish, Wisher, reconcile, schedule};
use crate::event::{CountedBefore, Decision, DecisionSource, Event, Forgotten, ForgottenWhy, Link, LinkState};
use crate::tally::Arrival;

/// After a search in vain for a device to forget, the next is so much later, in milliseconds: it looks at every device.
const NEXT_SEARCH_MS: u64 = 1_000;

impl Fleet {
    /// The broker is connected, for the `conn`-th time.
    pub fn link_up(&mut self, conn: u64, out: &mut Vec<Action>) {
        self.common.link = BrokerLink::Up { conn };
        out.push(Action::Tell(Event::Link(Link { state: LinkState::Up, conn, reason: None })));
        self.share_again(out);
    }

    /// The connection to the broker is gone, or an attempt failed; told once until it is up again. Nothing is sent to a device
    /// until it is heard again.
    pub fn link_down(&mut self, conn: u64, reason: String, out: &mut Vec<Action>) {
        if std::mem::replace(&mut self.common.link, BrokerLink::Down) == BrokerLink::Down {
            return;
        }
        out.push(Action::Tell(Event::Link(Link { state: LinkState::Down, conn, reason: Some(reason) })));
    }

    /// Takes in a report.
    ///
    /// # Errors
    /// [`Refused`] if there are too many devices.
    pub fn report(&mut self, now: Moment, report: Report, out: &mut Vec<Action>) -> Result<(), Refused> {
        let id = report.device.clone();
        let settings = self.common.settings;
        self.with_device(now, &id, Wire::Native, Freshness::Live, out, |device, out| {
            device.drive_natively();
            let seen = Seen::of(&report);
            let overlap = device.tally.overlap(&report);
            let arrival = match device.identity.claim(seen.boot, now, device.evidence()) {
                Claim::Leftover => {
                    if device.tally.take_foreign(&report) != Arrival::Duplicate {
                        tell(report, overlap.map(|before| device.tally.since(&before)), out);
                    }
                    return None;
                }
                Claim::NewRun => {
                    device.start_boot(seen.boot);
                    device.identity = Identity::Reported { boot: seen.boot };
                    device.presence = Presence::Unheard;
                    device.tally.take(&report)
                }
                Claim::Present => device.tally.take(&report),
            };
            device.clock.note(seen.up_ms, now);
            device.miss();
            if arrival != Arrival::Duplicate {
                tell(report, overlap.map(|before| device.tally.since(&before)), out);
            }
            match arrival {
                Arrival::Newest => device.take_newest(now, &seen, &settings, out),
                Arrival::Late | Arrival::Duplicate => None,
            }
        })
        .map(drop)
    }

    /// Takes in a status: a birth, a goodbye or a will.
    ///
    /// # Errors
    /// [`Refused`] if there are too many devices.
    pub fn status(
        &mut self,
        now: Moment,
        status: &Status,
        freshness: Freshness,
        out: &mut Vec<Action>,
    ) -> Result<(), Refused> {
        // Nor is stale news a sign that the device is there.
        let known = self.devices.get(&status.device);
        if known.is_some_and(|device| device.identity.is_stale(status, freshness, device.evidence())) {
            return Ok(());
        }
        self.with_device(now, &status.device, Wire::Native, freshness, out, |device, out| {
            device.drive_natively();
            device.take_status(now, status, freshness, out);
            out.push(Action::Tell(Event::Status(Box::new(status.clone()))));
            None
        })
        .map(drop)
    }

    /// Takes in an acknowledgement.
    ///
    /// # Errors
    /// [`Refused`] if there are too many devices.
    pub fn ack(&mut self, now: Moment, ack: &Ack, out: &mut Vec<Action>) -> Result<(), Refused> {
        // Anybody can acknowledge a command that nobody sent.
        if !self.devices.contains_key(&ack.device) {
            return Ok(());
        }
        let author = self.common.ids.author(&ack.id);
        self.with_device(now, &ack.device, Wire::Native, Freshness::Live, out, |device, out| {
            device.drive_natively();
            device.take_ack(now, ack, author, out);
            out.push(Action::Tell(Event::Ack(Box::new(ack.clone()))));
            None
        })
        .map(drop)
    }

    /// Takes in what a classroom client published.
    ///
    /// # Errors
    /// [`Refused`] if there are too many devices.
    pub fn lab(
        &mut self,
        now: Moment,
        id: &DeviceId,
        observed: &Observed,
        out: &mut Vec<Action>,
    ) -> Result<(), Refused> {
        let rule = self.common.settings.rule;
        self.with_device(now, id, Wire::Lab, Freshness::Live, out, |device, out| {
            // A device that speaks both is driven by the wire that has leases.
            if device.wire == Wire::Lab { device.take_lab(now, id, observed, rule, out) } else { None }
        })
        .map(drop)
    }

    /// An operator wants something of a device, or leaves it to the policy again (`None`). Tells the id of the command, if
    /// one could be sent at once.
    ///
    /// # Errors
    /// [`Refused::UnknownDevice`].
    pub fn wish(
        &mut self,
        now: Moment,
        id: &DeviceId,
        wish: Option<Wish>,
        out: &mut Vec<Action>,
    ) -> Result<Option<CommandId>, Refused> {
        self.wish_by(Wisher::SetMode, now, id, wish, out)
    }

    /// The same, by somebody else.
    ///
    /// # Errors
    /// [`Refused::UnknownDevice`].
    pub fn wish_by(
        &mut self,
        wisher: Wisher,
        now: Moment,
        id: &DeviceId,
        wish: Option<Wish>,
        out: &mut Vec<Action>,
    ) -> Result<Option<CommandId>, Refused> {
        let device = self.devices.get_mut(id).ok_or(Refused::UnknownDevice)?;
        let from = device.wanted();
        device.wisher = wisher;
        if std::mem::replace(&mut device.wish, wish) == wish {
            // No change here, but the last word: a wish that is on its way from elsewhere was before it.
            self.share(now, id, wish, wisher, out);
            return Ok(None);
        }
        if device.lead != Lead::Alone {
            device.forget_policy();
            device.lead.ask();
        }
        let (source, reason) = match (wisher, wish) {
            (Wisher::SetMode, Some(_)) => (DecisionSource::SetMode, "set-mode"),
            (Wisher::SetMode, None) => (DecisionSource::SetMode, "set-mode auto"),
            (Wisher::Kubeedge, Some(_)) => (DecisionSource::Kubeedge, "desired in the cloud"),
            (Wisher::Kubeedge, None) => (DecisionSource::Kubeedge, "nothing desired in the cloud"),
        };
        let turn = Turn { from, source, reason: reason.into(), cause: None };
        let command = self.settle(now, id, Some(turn), out);
        // After the command, so that the others know of it when they learn of the wish.
        self.share(now, id, wish, wisher, out);
        Ok(command)
    }

    /// Forgets a device that is not there, with all counts and what an operator wants of it, and has the broker forget its
    /// status.
    ///
    /// # Errors
    /// [`Refused::UnknownDevice`], [`Refused::Online`] or [`Refused::NoBroker`].
    pub fn forget(&mut self, now: Moment, id: &DeviceId, out: &mut Vec<Action>) -> Result<(), Refused> {
        let device = self.devices.get(id).ok_or(Refused::UnknownDevice)?;
        let link = self.common.link.conn().ok_or(Refused::NoBroker)?;
        // In a group whoever has just connected anew does not know yet, and would end the wish for all.
        let may_be_there = device.lead != Lead::Alone && device.presence == Presence::Online;
        if (device.is_online(Some(link), now) || may_be_there) && !device.is_gone(now) {
            return Err(Refused::Online);
        }
        self.remove(id, ForgottenWhy::Operator, out);
        out.push(Action::ClearStatus(id.clone()));
        self.unshare(now, id, out);
        Ok(())
    }

    /// Sees to it that there is room for one more device. What the broker kept pushes nobody out.
    fn make_room(&mut self, now: Moment, freshness: Freshness, out: &mut Vec<Action>) -> Result<(), Refused> {
        let max = self.common.settings.max_devices;
        if self.devices.len() < max {
            return Ok(());
        }
        let full = Err(Refused::TooManyDevices(max));
        if freshness == Freshness::Retained || self.no_room_before.is_some_and(|time| now < time) {
            return full;
        }
        let gone = self.devices.iter().filter(|(_, device)| device.is_gone(now) && device.wish.is_none());
        let Some(id) = gone.min_by_key(|(id, device)| (device.heard.at, *id)).map(|(id, _)| id.clone()) else {
            self.no_room_before = Some(now.plus_millis(NEXT_SEARCH_MS));
            return full;
        };
        self.remove(&id, ForgottenWhy::Room, out);
        Ok(())
    }

    fn remove(&mut self, id: &DeviceId, why: ForgottenWhy, out: &mut Vec<Action>) {
        let Some(device) = self.devices.remove(id) else { return };
        if let Some(wake) = device.wake {
            self.wakes.remove(&(wake, id.clone()));
        }
        out.push(Action::Tell(Event::Forgotten(Forgotten { device: id.clone(), why })));
    }

    /// Finds or makes the device, lets `change` take the message in, and does what follows from it.
    pub(super) fn with_device(
        &mut self,
        now: Moment,
        id: &DeviceId,
        wire: Wire,
        freshness: Freshness,
        out: &mut Vec<Action>,
        change: impl FnOnce(&mut Device, &mut Vec<Action>) -> Option<Turn>,
    ) -> Result<Option<CommandId>, Refused> {
        // What the broker kept tells nothing of now: neither that the device is there, nor that it was not silent.
        let link = if freshness == Freshness::Live { self.common.link.conn() } else { None };
        let heard = Heard { at: now, link };
        if !self.devices.contains_key(id) {
            self.make_room(now, freshness, out)?;
            let mut device = Device::new(wire, self.common.tie, heard, self.common.lead());
            if let Some((wish, by)) = self.common.group.as_ref().and_then(|group| group.wish(id)) {
                (device.wish, device.wisher) = (wish, by);
            }
            self.devices.insert(id.clone(), device);
        }
        let Some(device) = self.devices.get_mut(id) else { return Err(Refused::UnknownDevice) };
        let turn = change(device, out);
        if freshness == Freshness::Live {
            device.heard = heard;
        }
        let command = self.settle(now, id, turn, out);
        self.remind(now, id, out);
        Ok(command)
    }

    /// Carries out a change of mind, sends what is due, and sets the alarm for the next time.
    pub(super) fn settle(
        &mut self,
        now: Moment,
        id: &DeviceId,
        turn: Option<Turn>,
        out: &mut Vec<Action>,
    ) -> Option<CommandId> {
        let device = self.devices.get_mut(id)?;
        let to = device.wanted();
        if let Some(turn) = &turn {
            device.why = turn.reason.clone();
            device.commands.change = to.map(|_| OpenChange { since: now, cause: turn.cause });
        }
        if turn.is_some() || to.is_some() {
            device.wanted_last = to;
        }
        let common = &mut self.common;
        let command = match (&turn, device.situation()) {
            (Some(_), None) => reconcile::let_go(common, id, device, now, out),
            _ => reconcile::reconcile(common, id, device, now, out),
        };
        if let Some(Turn { from, source, reason, cause }) = turn {
            out.push(Action::Tell(Event::Decision(Decision {
                device: id.clone(),
                from,
                to,
                source,
                reason,
                boot: cause.map(|cause| cause.boot),
                seq: cause.map(|cause| cause.seq),
                command_id: command.clone(),
            })));
        }
        device.lead.rest();
        schedule(&mut self.wakes, &self.common, id, device);
        command
    }
}

/// Tells a report; first what of it came before, if it brought `gained` alone.
fn tell(report: Report, gained: Option<Totals>, out: &mut Vec<Action>) {
    if let Some(gained) = gained {
        let counts = Totals { jobs: report.jobs, misses: report.misses, skipped: report.skipped }.since(&gained);
        out.push(Action::Tell(Event::CountedBefore(CountedBefore { device: report.device.clone(), counts })));
    }
    out.push(Action::Tell(Event::Report(Box::new(report))));
}
