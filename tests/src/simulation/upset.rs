//! Faults happen, and end.

use device_agent::store::Trouble;
use shared_proto::mode::Mode;

use super::at_device::RunEnd;
use super::broker::Store;
use super::device::Leaves;
use super::faults::{Fault, Power, Way};
use super::happenings::Happening;
use super::time::Time;
use super::trace::Node;
use super::watch::Wish;
use super::world::{Event, World};

/// How long the last reports and the good-bye may take.
const GOOD_BYE_MS: u64 = 600;

impl World {
    pub(super) fn upset(&mut self, number: usize) {
        let Some((_, fault)) = self.plan.faults.get(number).copied() else { return };
        self.trace.note(self.now, Node::Broker, "FAULT", &[], || format!("{fault:?}"));
        match fault {
            Fault::Load { device, load } => {
                if let Some(device) = self.devices.get_mut(device) {
                    device.load = load;
                }
            }
            Fault::Cut { node, told } => {
                let Some(wire) = self.network.wire_of(node) else { return };
                let both = told == super::faults::Told::Both;
                self.seen.note(if both { Happening::Cut } else { Happening::HalfOpen });
                self.network.cut(wire, told.ends(), self.now);
            }
            Fault::Partition { node, way, ms } => self.part(node, way, ms),
            Fault::Broker { store, ms } => {
                self.seen.note(if store == Store::Lost { Happening::BrokerAmnesia } else { Happening::BrokerRestart });
                let until = self.in_ms(ms);
                self.broker.crash(&mut self.network, until, store, self.now);
            }
            Fault::Kill { device, power, back_ms } => self.kill(device, power, back_ms),
            Fault::Stop { device, back_ms } => self.stop(device, back_ms),
            Fault::GatewayKill { back_ms } => self.kill_gateway(back_ms),
            Fault::Stall { node, ms } => self.stall(node, ms),
            Fault::ClockJump { device, hours } => {
                let Some(alive) = self.devices.get_mut(device).and_then(|device| device.alive.as_mut()) else { return };
                alive.run.jump(hours);
                self.seen.note(Happening::ClockJump);
            }
            Fault::Hang { device, ms } => {
                let Some(alive) = self.devices.get_mut(device).and_then(|device| device.alive.as_mut()) else { return };
                alive.run.task.hang(ms * 1_000_000);
                self.seen.note(Happening::Hang);
            }
            Fault::Disk { device, trouble, ms } => {
                let ends = self.in_ms(ms);
                self.trouble_disk(device, trouble);
                self.at(ends, Event::DiskEnds { device });
            }
            Fault::Hold { device, mode, ms } => {
                let ends = self.in_ms(ms);
                let start = self.hold(device, Some(mode));
                self.at(ends, Event::HoldEnds { device, start });
            }
            Fault::Wish { device, wish, ms } => {
                let ends = self.in_ms(ms);
                self.wish(device, Some(wish));
                self.at(ends, Event::WishEnds { device });
            }
        }
    }

    /// So much later, but no later than all trouble ends.
    fn in_ms(&self, ms: u64) -> Time {
        self.now.plus_ms(ms).min(self.plan.heals)
    }

    /// From now on the device's disk does this.
    pub(super) fn trouble_disk(&mut self, index: usize, trouble: Trouble) {
        let Some(disks) = self.devices.get(index).and_then(|device| device.disks.as_ref()) else { return };
        disks.trouble(trouble);
        if trouble != Trouble::None {
            self.seen.note(Happening::DiskTrouble);
        }
    }

    fn part(&mut self, node: Node, way: Way, ms: u64) {
        self.seen.note(Happening::Partition);
        let until = self.in_ms(ms);
        way.ends().iter().for_each(|end| self.network.hold(node, *end, until));
    }

    fn kill(&mut self, index: usize, power: Power, back_ms: Option<u64>) {
        let back = back_ms.map(|ms| self.in_ms(ms));
        let Some(alive) = self.devices.get_mut(index).and_then(|device| device.alive.as_mut()) else { return };
        let end = match power {
            Power::Stays => {
                self.seen.note(Happening::Kill);
                alive.client.killed(&mut self.network, self.now);
                RunEnd::Killed
            }
            Power::Fails => {
                self.seen.note(Happening::PowerCut);
                alive.client.vanished(&mut self.network, self.now);
                RunEnd::PowerCut
            }
        };
        self.bury(index, end);
        if let Some(back) = back {
            self.at(back, Event::Start(index));
        }
    }

    fn stop(&mut self, index: usize, back_ms: u64) {
        let (now, by, back) = (self.now, self.now.plus_ms(GOOD_BYE_MS), self.in_ms(back_ms));
        let Some(device) = self.devices.get_mut(index) else { return };
        let device_now = device.clock.read(now);
        let Some(alive) = device.alive.as_mut().filter(|alive| alive.leaves.is_none()) else { return };
        alive.leaves = Some(Leaves { by, back });
        alive.run.say_good_bye(&mut alive.client, now, device_now);
        alive.client.flush(&mut self.network, now);
        self.seen.note(Happening::Stop);
    }

    /// The agent that said good-bye ends. If the good-bye did not go out there is no DISCONNECT either.
    pub(super) fn leave(&mut self, index: usize) {
        let Some(alive) = self.devices.get_mut(index).and_then(|device| device.alive.as_mut()) else { return };
        let Some(Leaves { back, .. }) = alive.leaves else { return };
        if alive.run.session.is_up() && alive.run.session.status_waits() {
            alive.client.killed(&mut self.network, self.now);
        } else {
            alive.client.disconnect(&mut self.network, self.now);
        }
        self.bury(index, RunEnd::Stopped);
        self.at(back.max(self.now.plus_us(1)), Event::Start(index));
    }

    fn kill_gateway(&mut self, back_ms: u64) {
        let back = self.in_ms(back_ms);
        self.judge_gateway();
        let Some(mut gateway) = self.gateway.take() else { return };
        self.seen.note(Happening::GatewayKill);
        gateway.client.killed(&mut self.network, self.now);
        self.gateway_wake = None;
        self.at(back, Event::GatewayStart);
    }

    fn stall(&mut self, node: Node, ms: u64) {
        let until = self.in_ms(ms);
        match node {
            Node::Device(index) => {
                let Some(device) = self.devices.get_mut(index) else { return };
                device.stalled_until = until.max(device.stalled_until);
                self.seen.note(Happening::Stall);
            }
            _ => {
                self.gateway_stalled_until = until.max(self.gateway_stalled_until);
                self.seen.note(Happening::GatewayStall);
            }
        }
    }

    /// An operator at the device holds a mode, or lets go; in which start of the agent.
    fn hold(&mut self, index: usize, mode: Option<Mode>) -> u64 {
        let Some(device) = self.devices.get_mut(index) else { return 0 };
        let device_now = device.clock.read(self.now);
        let start = device.starts;
        if let Some(alive) = &mut device.alive {
            alive.run.agent.hold(mode, device_now);
            let up_ms = alive.run.agent.up_ms(device_now);
            if let Some(watch) = self.watches.get_mut(index) {
                watch.modes.meddled(up_ms);
            }
        }
        self.settle_device(index);
        start
    }

    pub(super) fn end_hold(&mut self, index: usize, start: u64) {
        if self.devices.get(index).is_some_and(|device| device.starts == start) {
            self.hold(index, None);
        }
    }

    fn wish(&mut self, index: usize, wish: Option<gateway_controller::fleet::Wish>) {
        let (Some(device), Some(watch)) = (self.devices.get(index), self.watches.get_mut(index)) else { return };
        watch.wish = if wish.is_some() { Wish::Active } else { Wish::None };
        if let Some(alive) = &device.alive {
            watch.modes.meddled(alive.run.agent.up_ms(device.clock.read(self.now)));
        }
        let name = device.name.clone();
        if let Some(gateway) = &mut self.gateway {
            // Of a device that was never heard of nothing can be wanted.
            let wished = gateway.ask(self.now, |fleet, moment, out| fleet.wish(moment, &name, wish, out));
            if wished.is_ok() && wish.is_some() {
                self.seen.note(Happening::Wish);
            }
        }
        self.settle_gateway();
    }

    pub(super) fn end_wish(&mut self, index: usize) {
        self.wish(index, None);
    }

    /// All trouble ends: what is broken stays broken until it is noticed, but nothing breaks any more.
    pub(super) fn heal(&mut self) {
        self.trace.note(self.now, Node::Broker, "HEALED", &[], String::new);
        self.network.heal();
        self.broker.behave();
    }
}
