//! Several controllers that share the reports of one fleet: what this one hears of the others' commands, and the wishes of people that
//! bind them all.
//!
//! The policy needs no word between them: each report brings the state to decide with.

use std::cmp::Ordering;
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
/// After a search in vain for what could make room, the next is so much later, in milliseconds.
const NEXT_SEARCH_MS: u64 = 1_000;

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
pub struct Said {
    /// The wish; `None`: that the policy decides again.
    pub wish: Option<Wish>,
    /// Who wishes it.
    pub by: Wisher,
    /// Random number of the controller that took it.
    pub epoch: u32,
    /// One more than the greatest that this controller knew of (a Lamport clock): of two wishes the greater holds, for all alike.
    pub number: u64,
}

impl Said {
    /// Its place in the order that all agree on.
    fn rank(&self) -> (u64, u32) {
        (self.number, self.epoch)
    }
}

/// The group, as one of its controllers sees it.
#[derive(Debug, Default)]
pub(super) struct Group {
    kept: BTreeMap<DeviceId, Kept>,
    /// The greatest number of those that had to make room.
    floor: u64,
    /// Until then nothing is looked for that could make room.
    no_room_before: Option<Moment>,
}

/// What is wished of a device.
#[derive(Debug, Clone, Copy)]
struct Kept {
    said: Said,
    echo: Echo,
    /// When it was shared from here last.
    shared: Option<Moment>,
}

/// Whether the broker has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Echo {
    /// The broker gave it out, and nothing older since.
    Heard,
    /// That is to be seen.
    Awaited,
}

/// What a message of the group means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    News {
        wish: Option<Wish>,
        by: Wisher,
    },
    Known,
    /// It is over: this holds, and is to be shared again.
    Outdated(Said),
}

impl Group {
    /// What is wished of a device, if anything was said of it.
    pub(super) fn wish(&self, device: &DeviceId) -> Option<(Option<Wish>, Wisher)> {
        self.kept.get(device).map(|kept| (kept.said.wish, kept.said.by))
    }

    /// Somebody wishes something here; what is to be shared.
    fn say(&mut self, now: Moment, epoch: u32, device: &DeviceId, wish: Option<Wish>, by: Wisher) -> SharedWish {
        let greatest = self.kept.get(device).map_or(self.floor, |kept| kept.said.number);
        let said = Said { wish, by, epoch, number: greatest.saturating_add(1) };
        self.kept.insert(device.clone(), Kept { said, echo: Echo::Awaited, shared: Some(now) });
        SharedWish { device: device.clone(), said }
    }

    /// The broker has repeated this, or kept it. The greatest holds, whatever comes last.
    fn hear(&mut self, now: Moment, shared: &SharedWish) -> Meaning {
        let SharedWish { device, said } = shared;
        let Some(kept) = self.kept.get_mut(device) else {
            self.kept.insert(device.clone(), Kept { said: *said, echo: Echo::Heard, shared: None });
            return if said.wish.is_none() { Meaning::Known } else { Meaning::News { wish: said.wish, by: said.by } };
        };
        match said.rank().cmp(&kept.said.rank()) {
            Ordering::Equal => {
                kept.echo = Echo::Heard;
                Meaning::Known
            }
            Ordering::Greater => {
                let known = (kept.said.wish, kept.said.by) == (said.wish, said.by);
                *kept = Kept { said: *said, echo: Echo::Heard, shared: kept.shared };
                if known { Meaning::Known } else { Meaning::News { wish: said.wish, by: said.by } }
            }
            // The broker may keep this one now.
            Ordering::Less => {
                kept.echo = Echo::Awaited;
                if kept.shared.is_some_and(|shared| now.millis_since(shared) < UNHEARD_AFTER_MS) {
                    return Meaning::Known;
                }
                kept.shared = Some(now);
                Meaning::Outdated(kept.said)
            }
        }
    }

    /// Whether there is room for what is said of one more device. Where there is none, what wishes nothing of devices that are not
    /// known goes.
    fn has_room(&mut self, now: Moment, max: usize, is_known: impl Fn(&DeviceId) -> bool) -> bool {
        if self.kept.len() < max {
            return true;
        }
        if self.no_room_before.is_some_and(|time| now < time) {
            return false;
        }
        let floor = &mut self.floor;
        self.kept.retain(|device, kept| {
            let stays = kept.said.wish.is_some() || kept.echo == Echo::Awaited || is_known(device);
            if !stays {
                *floor = kept.said.number.max(*floor);
            }
            stays
        });
        self.no_room_before = Some(now.plus_millis(NEXT_SEARCH_MS));
        self.kept.len() < max
    }

    /// The connection is new: what the broker has is to be seen again. What it had not repeated before, to be shared at once.
    fn connect(&mut self) -> Vec<SharedWish> {
        let mut again = Vec::new();
        for (device, kept) in &mut self.kept {
            match kept.echo {
                Echo::Awaited => again.push(SharedWish { device: device.clone(), said: kept.said }),
                Echo::Heard => (kept.echo, kept.shared) = (Echo::Awaited, None),
            }
        }
        again
    }

    /// What holds of this device and should have been repeated by now.
    fn overdue(&mut self, now: Moment, device: &DeviceId) -> Option<SharedWish> {
        let kept = self.kept.get_mut(device).filter(|kept| kept.echo == Echo::Awaited)?;
        let shared = *kept.shared.get_or_insert(now);
        if now.millis_since(shared) < UNHEARD_AFTER_MS {
            return None;
        }
        kept.shared = Some(now);
        Some(SharedWish { device: device.clone(), said: kept.said })
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
        // What the device will not take any more is no order: it may be a recorded one that somebody repeats.
        let boot = device.identity.boot();
        let Some(fresh) = command.fresh.filter(|fresh| boot == Some(fresh.boot)) else { return };
        // Never ahead of the device.
        let Some(reckoned_ms) = device.clock.now_ms(now) else { return };
        let age_ms = reckoned_ms.saturating_sub(fresh.up_ms);
        if age_ms > u64::from(fresh.ttl_ms) {
            return;
        }
        let order = match command.lease_ms.millis() {
            Some(_) => Order::Mode(command.mode),
            None => Order::Release,
        };
        let (epoch, number) = match author {
            Author::Peer { epoch, number } => (epoch, number),
            Author::ThisController { number } if self.common.group.is_some() => (self.common.ids.epoch(), number),
            Author::ThisController { .. } | Author::SomebodyElse => return,
        };
        if !device.peers.is_news(epoch, number) {
            return;
        }
        // Its own counts if another's, sent before it, came to be known after it: the device gets them in the order of the broker.
        if epoch == self.common.ids.epoch() && device.commands.ordered_last() == Some(order) {
            return;
        }
        // It may have waited here, and so have the reports behind it: they were judged by whom it comes from.
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
    pub fn hear_wish(&mut self, now: Moment, shared: &SharedWish, out: &mut Vec<Action>) -> Result<(), Refused> {
        let max = self.common.settings.max_devices;
        let Some(group) = &mut self.common.group else { return Ok(()) };
        let id = &shared.device;
        let devices = &self.devices;
        if !group.kept.contains_key(id) && !group.has_room(now, max, |device| devices.contains_key(device)) {
            return Err(Refused::TooManyDevices(max));
        }
        let (wish, by) = match group.hear(now, shared) {
            Meaning::News { wish, by } => (wish, by),
            Meaning::Known => return Ok(()),
            Meaning::Outdated(said) => {
                out.push(Action::Share(SharedWish { device: id.clone(), said }));
                return Ok(());
            }
        };
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

    /// The connection is new: what may have got lost with the one before is shared again, and what the broker does not repeat now
    /// will be.
    pub(super) fn share_again(&mut self, out: &mut Vec<Action>) {
        let shared = self.common.group.iter_mut().flat_map(Group::connect);
        out.extend(shared.map(Action::Share));
    }

    /// Shares again what the broker should have repeated.
    pub(super) fn remind(&mut self, now: Moment, id: &DeviceId, out: &mut Vec<Action>) {
        let shared = self.common.group.as_mut().and_then(|group| group.overdue(now, id));
        out.extend(shared.map(Action::Share));
    }

    /// The device is forgotten here, and its wish everywhere: that it ends is said as `auto` says it, signed and kept.
    pub(super) fn unshare(&mut self, now: Moment, id: &DeviceId, out: &mut Vec<Action>) {
        let wish = self.common.group.as_ref().and_then(|group| group.wish(id));
        if let Some((Some(_), by)) = wish {
            self.share(now, id, None, by, out);
        }
    }
}
