//! Compares what is wanted of a device with what it reports, and sends what is due.

use shared_proto::dialect::lab;
use shared_proto::ids::{CommandId, DeviceId};
use shared_proto::wire::{Fresh, Lease, SetMode, Version};

use super::commands::{Order, Situation, Wire};
use super::device::{Device, Lead};
use super::{Action, Command, Common, EdgexCommand, Moment, Payload};
use crate::event::{Event, Held};

/// Names for commands: `{epoch:08x}-{counter}`, in a group `{mark:08x}.{epoch:08x}-{counter:x}`.
#[derive(Debug)]
pub(super) struct CommandIds {
    epoch: u32,
    mark: Option<u32>,
    counter: u64,
}

impl CommandIds {
    pub(super) fn new(epoch: u32) -> Self {
        Self { epoch, mark: None, counter: 0 }
    }

    /// From now on with the mark of a group.
    pub(super) fn mark(&mut self, mark: u32) {
        self.mark = Some(mark);
    }

    pub(super) fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Who sent a command of this name.
    pub(super) fn author(&self, id: &CommandId) -> Author {
        let Some((sender, number)) = id.as_str().split_once('-') else { return Author::SomebodyElse };
        let Some(mark) = self.mark else {
            let epoch = format!("{:08x}", self.epoch);
            return match number.parse() {
                Ok(number) if sender == epoch => Author::ThisController { number },
                _ => Author::SomebodyElse,
            };
        };
        match sender.split_once('.') {
            Some((group, one)) if group == format!("{mark:08x}") => {
                match (u32::from_str_radix(one, 16), u64::from_str_radix(number, 16)) {
                    (Ok(epoch), Ok(number)) if epoch == self.epoch => Author::ThisController { number },
                    (Ok(epoch), Ok(number)) => Author::Peer { epoch, number },
                    _ => Author::SomebodyElse,
                }
            }
            _ => Author::SomebodyElse,
        }
    }

    /// The next number and its name; `None` cannot happen, as 8 + 1 + 20 and 8 + 1 + 8 + 1 + 16 characters always make a name.
    fn next(&mut self) -> Option<(u64, CommandId)> {
        self.counter = self.counter.wrapping_add(1);
        let (epoch, counter) = (self.epoch, self.counter);
        let name = match self.mark {
            None => format!("{epoch:08x}-{counter}"),
            Some(mark) => format!("{mark:08x}.{epoch:08x}-{counter:x}"),
        };
        name.parse().ok().map(|id| (counter, id))
    }
}

/// Who sent a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Author {
    ThisController {
        /// Which of its commands.
        number: u64,
    },
    /// Another controller of this one's group.
    Peer {
        /// Its random number.
        epoch: u32,
        /// Which of its commands.
        number: u64,
    },
    /// Another controller, or a person at a command line.
    SomebodyElse,
}

/// Whether a command would reach the device: it is there, and was heard since the broker is connected.
fn reachable(common: &Common, device: &Device, now: Moment) -> bool {
    device.is_online(common.link.conn(), now)
}

/// When the device is to be looked at again.
pub(super) fn next_wake(common: &Common, device: &Device) -> Option<Moment> {
    // Others are commanded when they are heard: nobody says when they have gone.
    if device.wire != Wire::Native || !device.is_connected(common.link.conn()) {
        return None;
    }
    if device.lead != Lead::Alone {
        return overdue(common, device);
    }
    device.commands.due(&device.situation()?, &common.settings.timing)
}

/// In a group commands go out with the report that asks for them, by whoever gets it. Only where a person's wish would end with its
/// lease, because no report came to anybody who could renew it, one of them does so unasked.
fn overdue(common: &Common, device: &Device) -> Option<Moment> {
    device.wish?;
    let due = device.commands.due(&device.stance()?, &common.settings.timing)?;
    let (lease_ms, epoch) = (common.settings.timing.lease_ms(), u64::from(common.ids.epoch()));
    // Each at another time, so that the first one spares the others.
    let patience_ms = lease_ms / 3 * 2 + epoch % (lease_ms / 6).max(1);
    let renewed = device.commands.last_at().unwrap_or(device.heard.at);
    Some(due.max(renewed.plus_millis(patience_ms)))
}

/// Sends the command that is due, if there is one; tells its id.
pub(super) fn reconcile(
    common: &mut Common,
    id: &DeviceId,
    device: &mut Device,
    now: Moment,
    out: &mut Vec<Action>,
) -> Option<CommandId> {
    let situation = device.situation()?;
    device.commands.observe(now, &situation);
    tell_hold(id, device, &situation, out);
    carry_out(common, id, device, now, &situation, out)
}

/// Ends the lease that this controller gave, once, rather than letting it run out.
pub(super) fn let_go(
    common: &mut Common,
    id: &DeviceId,
    device: &mut Device,
    now: Moment,
    out: &mut Vec<Action>,
) -> Option<CommandId> {
    device.commands.last_mode()?;
    carry_out(common, id, device, now, &device.situation_with(Order::Release), out)
}

fn carry_out(
    common: &mut Common,
    id: &DeviceId,
    device: &mut Device,
    now: Moment,
    situation: &Situation,
    out: &mut Vec<Action>,
) -> Option<CommandId> {
    let due = device.commands.due(situation, &common.settings.timing)?;
    if due > now || !reachable(common, device, now) {
        return None;
    }
    let (number, command) = common.ids.next()?;
    let (mode, lease_ms) = match situation.wanted {
        Order::Mode(mode) => (mode, common.settings.timing.lease()),
        // The mode does not matter then.
        Order::Release => (situation.reported.unwrap_or_default(), Lease::RELEASE),
    };
    let payload = match situation.wire {
        Wire::Native => Payload::Native(Box::new(SetMode {
            v: Version,
            id: command.clone(),
            mode,
            lease_ms,
            reason: device.why.clone(),
            cause: device.cause(),
            fresh: fresh(device, now, common.settings.timing.ttl_ms()),
            missing: device.tally.missing(),
        })),
        Wire::Lab => Payload::Lab(lab::Command { mode }),
        Wire::Edgex => Payload::Edgex(EdgexCommand { id: command.clone(), mode }),
    };
    device.asked = device.tally.missing();
    device.commands.sent(now, number, command.clone(), situation, &common.settings.timing);
    out.push(Action::Send(Command { device: id.clone(), payload }));
    Some(command)
}

/// Until when the command may be taken, if the device has told its time.
fn fresh(device: &Device, now: Moment, ttl_ms: u32) -> Option<Fresh> {
    let (boot, up_ms) = device.identity.boot().zip(device.clock.now_ms(now))?;
    Some(Fresh { boot, up_ms, ttl_ms })
}

/// Tells once that something stronger keeps another mode.
fn tell_hold(id: &DeviceId, device: &mut Device, situation: &Situation, out: &mut Vec<Action>) {
    let (wanted, mode, source) = match (situation.wanted, situation.reported.zip(situation.source)) {
        (Order::Mode(wanted), Some((mode, source))) if situation.held() && mode != wanted => (wanted, mode, source),
        _ => {
            device.told_hold = None;
            return;
        }
    };
    if device.told_hold.replace((mode, source)) != Some((mode, source)) {
        out.push(Action::Tell(Event::Held(Held { device: id.clone(), mode, wanted, source })));
    }
}
