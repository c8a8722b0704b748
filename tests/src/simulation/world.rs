//! The world: who is in it, and what happens next.

use std::collections::BTreeMap;

use device_agent::store::Trouble;

use super::broker::Broker;
use super::device::Device;
use super::dice::Dice;
use super::gateway::Gateway;
use super::happenings::Happenings;
use super::judge::{Broken, Violation};
use super::network::{End, Network};
use super::plan::Plan;
use super::time::Time;
use super::trace::{Node, Trace};
use super::watch::{GatewayWatch, Watch};
use super::{Options, Outcome};

/// How often transport and broker look at their time limits.
const LOOK_MS: u64 = 50;

/// Something that is due at a time.
#[derive(Debug, Clone, Copy)]
pub(super) enum Event {
    /// A device's agent starts.
    Start(usize),
    /// The next release of a device's task, in that start of the agent.
    Release { device: usize, start: u64 },
    /// A device's supervisor reads the ring.
    Drain { device: usize, start: u64 },
    /// A device's supervisor closes a window.
    Report { device: usize, start: u64 },
    /// The controller starts.
    GatewayStart,
    /// The controller's fleet has something to do.
    GatewayWake,
    /// The fault of this number.
    Fault(usize),
    /// An operator at a device lets go.
    HoldEnds { device: usize, start: u64 },
    /// A disk works again.
    DiskEnds { device: usize },
    /// An operator at the controller leaves a device to the policy.
    WishEnds { device: usize },
    /// Time limits.
    Look,
    /// All trouble ends.
    Heal,
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) seed: u64,
    pub(super) plan: Plan,
    pub(super) now: Time,
    agenda: BTreeMap<(Time, u64), Event>,
    entered: u64,
    pub(super) network: Network,
    pub(super) broker: Broker,
    pub(super) devices: Vec<Device>,
    pub(super) watches: Vec<Watch>,
    pub(super) gateway: Option<Gateway>,
    pub(super) gateway_watches: Vec<GatewayWatch>,
    pub(super) gateway_stalled_until: Time,
    pub(super) gateway_wake: Option<Time>,
    pub(super) dice: Dice,
    pub(super) trace: Trace,
    pub(super) seen: Happenings,
    pub(super) violation: Option<Violation>,
}

impl World {
    pub(super) fn new(seed: u64, options: Options) -> Self {
        let mut dice = Dice::new(seed);
        let plan = Plan::draw(&options, &mut dice);
        let devices: Vec<_> = plan
            .agents
            .iter()
            .enumerate()
            .filter_map(|(index, device)| Device::new(index, *device, dice.split()))
            .collect();
        let mut world = Self {
            seed,
            now: Time::default(),
            agenda: BTreeMap::new(),
            entered: 0,
            network: Network::new(plan.latency, dice.split()),
            broker: Broker::new(plan.habits, dice.split()),
            watches: devices.iter().map(|_| Watch::default()).collect(),
            gateway_watches: Vec::new(),
            devices,
            gateway: None,
            gateway_stalled_until: Time::default(),
            gateway_wake: None,
            dice,
            trace: Trace::new(options.keep),
            seen: Happenings::default(),
            violation: None,
            plan,
        };
        world.fill_agenda();
        world
    }

    fn fill_agenda(&mut self) {
        self.at(Time::default(), Event::GatewayStart);
        self.at(Time::from_ms(LOOK_MS), Event::Look);
        self.at(self.plan.heals, Event::Heal);
        let starts: Vec<_> = self.devices.iter().map(|device| (device.plan.starts, device.index)).collect();
        starts.into_iter().for_each(|(at, device)| self.at(at, Event::Start(device)));
        let faults: Vec<_> = self.plan.faults.iter().enumerate().map(|(number, (at, _))| (*at, number)).collect();
        faults.into_iter().for_each(|(at, number)| self.at(at, Event::Fault(number)));
    }

    /// Enters what is due at a time; behind what is due then already.
    pub(super) fn at(&mut self, at: Time, event: Event) {
        self.entered += 1;
        self.agenda.insert((at, self.entered), event);
    }

    pub(super) fn run(mut self) -> Outcome {
        while self.violation.is_none() {
            let event = self.agenda.first_key_value().map(|((at, _), _)| *at);
            let arrival = self.network.next_arrival();
            let Some(next) = event.into_iter().chain(arrival).min().filter(|next| *next <= self.plan.ends) else {
                break;
            };
            self.now = next;
            if arrival == Some(next) {
                self.arrive();
            } else if let Some((_, event)) = self.agenda.pop_first() {
                self.happen(event);
            }
        }
        if self.violation.is_none() {
            self.judge_the_end();
        }
        let (hash, trace) = self.trace.finish();
        Outcome { seed: self.seed, hash, trace, violation: self.violation, seen: self.seen }
    }

    fn arrive(&mut self) {
        let (devices, gateway_until) = (&self.devices, self.gateway_stalled_until);
        let busy_until = |node| match node {
            Node::Device(index) => devices.get(index).map_or(Time::default(), |device| device.stalled_until),
            Node::Gateway => gateway_until,
            Node::Broker => Time::default(),
        };
        let Some((wire, client, end, packet)) = self.network.arrive(self.now, busy_until) else { return };
        match (end, client) {
            (End::Broker, _) => self.at_broker(wire, packet),
            (End::Client, Node::Device(index)) => self.packet_at_device(index, wire, packet),
            (End::Client, Node::Gateway) => self.packet_at_gateway(wire, packet),
            (End::Client, Node::Broker) => {}
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Start(device) => self.start_device(device),
            Event::Release { device, start } => self.release(device, start),
            Event::Drain { device, start } => self.drain(device, start),
            Event::Report { device, start } => self.report(device, start),
            Event::GatewayStart => self.start_gateway(),
            Event::GatewayWake => self.wake_gateway(),
            Event::Fault(number) => self.upset(number),
            Event::HoldEnds { device, start } => self.end_hold(device, start),
            Event::DiskEnds { device } => self.trouble_disk(device, Trouble::None),
            Event::WishEnds { device } => self.end_wish(device),
            Event::Look => self.look(),
            Event::Heal => self.heal(),
        }
    }

    fn look(&mut self) {
        self.at(self.now.plus_ms(LOOK_MS), Event::Look);
        self.broker.look(&mut self.network, self.now, &mut self.seen);
        (0..self.devices.len()).for_each(|device| self.look_at_device(device));
        self.look_at_gateway();
        self.judge_agreement();
    }

    /// Keeps the first law that is broken.
    pub(super) fn judge(&mut self, who: Node, result: Result<(), Broken>) {
        let Err(mut broken) = result else { return };
        broken.how = format!("{who}: {}", broken.how);
        let at = self.now;
        self.trace.note(at, who, "BROKEN LAW", &[], || format!("{}: {}", broken.law, broken.how));
        self.violation.get_or_insert(Violation { at, broken });
    }
}
