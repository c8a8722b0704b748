//! Several controllers that share the reports of one fleet: what this one hears of the others' commands, and the wishes of people that
//! bind them all.
//!
//! The policy needs no word between them: each report brings the state to decide with.

use std::collections::BTreeMap;

use shared_proto::ids::DeviceId;
use shared_proto::policy::PolicyState;
use shared_proto::wire::SetMode;

use super::commands::Order;
use super::reconcile::Author;
use super::{Action, Fleet, Moment, Refused, Wish, Wisher, schedule};
use crate::event::{Decision, DecisionSource, Event};

/// After so long without an echo a wish is shared once more, in milliseconds.
const UNHEARD_AFTER_MS: u64 = 5_000;

/// What a controller has the broker keep for the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedWish {
    /// Of which device.
    pub device: DeviceId,
    /// What.
    pub said: Said,
}

/// What was said of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// What somebody wishes.
    Wish {
        /// The wish; `None`: that the policy decides again.
        wish: Option<Wish>,
        /// Who wishes it.
        by: Wisher,
        /// Random number of the controller that took it.
        epoch: u32,
        /// How many it took before, and this one.
        number: u64,
    },
    /// Nothing any more: the device was forgotten.
    Nothing,
}

/// The group, as one of its controllers sees it.
#[derive(Debug, Default)]
pub(super) struct Group {
    taken: u64,
    kept: BTreeMap<DeviceId, Kept>,
}

/// What is wished of a device.
#[derive(Debug, Clone, Copy)]
struct Kept {
    wish: Option<Wish>,
    by: Wisher,
    /// It was said here, and the broker has not repeated it yet.
    unheard: Option<Unheard>,
}

#[derive(Debug, Clone, Copy)]
struct Unheard {
    number: u64,
    said: Moment,
}

/// What a message of the group means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    News { wish: Option<Wish>, by: Wisher },
    Known,
}

impl Group {
    /// What is wished of a device, if anything was said of it.
    pub(super) fn wish(&self, device: &DeviceId) -> Option<(Option<Wish>, Wisher)> {
        self.kept.get(device).map(|kept| (kept.wish, kept.by))
    }

    /// Somebody wishes something here; what is to be shared.
    fn say(&mut self, now: Moment, epoch: u32, device: &DeviceId, wish: Option<Wish>, by: Wisher) -> SharedWish {
        self.taken = self.taken.saturating_add(1);
        let number = self.taken;
        self.kept.insert(device.clone(), Kept { wish, by, unheard: Some(Unheard { number, said: now }) });
        SharedWish { device: device.clone(), said: Said::Wish { wish, by, epoch, number } }
    }

    /// The broker has repeated this, or kept it. What it gives out last is what holds: the same for all.
    fn hear(&mut self, epoch: u32, shared: &SharedWish, max: usize) -> Result<Meaning, Refused> {
        let full = self.kept.len() >= max;
        let before = self.kept.get_mut(&shared.device);
        let (wish, by) = match shared.said {
            Said::Wish { epoch: from, number, .. } if from == epoch => {
                if let Some(kept) = before {
                    kept.unheard = kept.unheard.filter(|unheard| unheard.number != number);
                }
                return Ok(Meaning::Known);
            }
            Said::Wish { wish, by, .. } => (wish, by),
            Said::Nothing => (None, Wisher::default()),
        };
        let known = match before {
            // What was said here comes later.
            Some(kept) if kept.unheard.is_some() => return Ok(Meaning::Known),
            Some(kept) => kept.wish == wish && kept.by == by,
            None if full => return Err(Refused::TooManyDevices(max)),
            None => wish.is_none(),
        };
        match shared.said {
            Said::Nothing => drop(self.kept.remove(&shared.device)),
            Said::Wish { .. } => drop(self.kept.insert(shared.device.clone(), Kept { wish, by, unheard: None })),
        }
        Ok(if known { Meaning::Known } else { Meaning::News { wish, by } })
    }

    /// What the broker has not repeated, as it was said.
    fn unheard(&self, epoch: u32) -> impl Iterator<Item = SharedWish> {
        self.kept.iter().filter_map(move |(device, kept)| {
            let said = Said::Wish { wish: kept.wish, by: kept.by, epoch, number: kept.unheard?.number };
            Some(SharedWish { device: device.clone(), said })
        })
    }

    /// What was said of this device and should have been repeated by now.
    fn overdue(&mut self, now: Moment, epoch: u32, device: &DeviceId) -> Option<SharedWish> {
        let kept = self.kept.get_mut(device)?;
        let (wish, by) = (kept.wish, kept.by);
        let unheard = kept.unheard.as_mut().filter(|unheard| now.millis_since(unheard.said) >= UNHEARD_AFTER_MS)?;
        unheard.said = now;
        let said = Said::Wish { wish, by, epoch, number: unheard.number };
        Some(SharedWish { device: device.clone(), said })
    }
}

impl Fleet {
    /// The same as one of a group that shares the reports; `mark` tells the group's commands from others.
    #[must_use]
    pub fn in_group(mut self, mark: u32) -> Self {
        self.common.ids.mark(mark);
        self.common.group = Some(Group::default());
        self
    }

    /// A command was seen on its way to a device. One of the group's counts as if this controller had sent it.
    pub fn overhear(&mut self, now: Moment, id: &DeviceId, command: &SetMode) {
        let author = self.common.ids.author(&command.id);
        let Some(device) = self.devices.get_mut(id) else { return };
        if command.fresh.is_some_and(|fresh| device.identity.boot() != Some(fresh.boot)) {
            return;
        }
        let order = match command.lease_ms.millis() {
            Some(_) => Order::Mode(command.mode),
            None => Order::Release,
        };
        let number = match author {
            Author::Peer { number } => number,
            // Another's, sent before it, came to be known after it: the device gets them in the order of the broker.
            Author::ThisController if self.common.group.is_some() && device.commands.ordered_last() != Some(order) => 0,
            Author::ThisController | Author::SomebodyElse => return,
        };
        device.commands.ordered(now, number, &device.situation_with(order), &self.common.settings.timing);
        device.why = command.reason.clone();
        if device.wish.is_none() {
            device.policy = match order {
                Order::Mode(mode) => Some(PolicyState { mode, ..PolicyState::default() }),
                Order::Release => None,
            };
            device.wanted_last = device.wanted();
        }
        schedule(&mut self.wakes, &self.common, id, device);
    }

    /// The broker gave out what one of the group had it keep.
    ///
    /// # Errors
    /// [`Refused`] if there are too many devices.
    pub fn hear_wish(&mut self, shared: &SharedWish, out: &mut Vec<Action>) -> Result<(), Refused> {
        let (epoch, max) = (self.common.ids.epoch(), self.common.settings.max_devices);
        let Some(group) = &mut self.common.group else { return Ok(()) };
        let Meaning::News { wish, by } = group.hear(epoch, shared, max)? else { return Ok(()) };
        let id = &shared.device;
        let Some(device) = self.devices.get_mut(id) else { return Ok(()) };
        let from = device.wanted();
        (device.wish, device.wisher) = (wish, by);
        device.forget_policy();
        let (source, reason) = match by {
            Wisher::SetMode => (DecisionSource::SetMode, "set-mode at another controller of the group"),
            Wisher::Kubeedge => (DecisionSource::Kubeedge, "desired in the cloud, at another controller of the group"),
        };
        device.why = reason.into();
        out.push(Action::Tell(Event::Decision(Decision {
            device: id.clone(),
            from,
            to: device.wanted(),
            source,
            reason: reason.into(),
            boot: None,
            seq: None,
            command_id: None,
        })));
        if let Some(wanted) = device.wanted() {
            device.wanted_last = Some(wanted);
        }
        schedule(&mut self.wakes, &self.common, id, device);
        Ok(())
    }

    /// Shares a wish that was taken here.
    pub(super) fn share(&mut self, now: Moment, id: &DeviceId, wish: Option<Wish>, by: Wisher, out: &mut Vec<Action>) {
        let epoch = self.common.ids.epoch();
        if let Some(group) = &mut self.common.group {
            out.push(Action::Share(group.say(now, epoch, id, wish, by)));
        }
    }

    /// The connection is new: what may have got lost with the one before is shared again.
    pub(super) fn share_again(&self, out: &mut Vec<Action>) {
        let shared = self.common.group.iter().flat_map(|group| group.unheard(self.common.ids.epoch()));
        out.extend(shared.map(Action::Share));
    }

    /// Shares again what the broker should have repeated.
    pub(super) fn remind(&mut self, now: Moment, id: &DeviceId, out: &mut Vec<Action>) {
        let epoch = self.common.ids.epoch();
        let shared = self.common.group.as_mut().and_then(|group| group.overdue(now, epoch, id));
        out.extend(shared.map(Action::Share));
    }

    /// The device is forgotten here, and its wish everywhere.
    pub(super) fn unshare(&mut self, id: &DeviceId, out: &mut Vec<Action>) {
        if let Some(group) = &mut self.common.group {
            group.kept.remove(id);
            out.push(Action::Share(SharedWish { device: id.clone(), said: Said::Nothing }));
        }
    }
}
