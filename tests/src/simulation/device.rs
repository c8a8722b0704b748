//! A device: its clock, its connection, and the agent that runs on it, if one does.

use shared_host::lab_sign::Wall;
use shared_host::mqtt::Event;
use shared_proto::ids::{BootId, DeviceId};

use super::client::Client;
use super::dice::Dice;
use super::disks::Disks;
use super::plan::{DevicePlan, Plan, StorePlan};
use super::run::{IN_FLIGHT, Run};
use super::task::Load;
use super::time::{DeviceClock, Time};
use super::trace::Node;

#[derive(Debug)]
pub(super) struct Device {
    pub(super) index: usize,
    pub(super) name: DeviceId,
    pub(super) plan: DevicePlan,
    pub(super) clock: DeviceClock,
    /// Counts starts, so that events of a run that is over are known.
    pub(super) starts: u64,
    pub(super) alive: Option<Alive>,
    pub(super) load: Load,
    /// What outlives the agent, if it has a store.
    pub(super) disks: Option<Disks>,
    /// When its supervisor reads the ring next.
    pub(super) drain_due: Time,
    /// Its supervisor stands still until then.
    pub(super) stalled_until: Time,
    pub(super) dice: Dice,
}

/// A run and its connection.
#[derive(Debug)]
pub(super) struct Alive {
    pub(super) run: Run,
    pub(super) client: Client,
    pub(super) leaves: Option<Leaves>,
}

/// An agent that says good-bye.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaves {
    /// No later than this.
    pub(super) by: Time,
    /// When the next one starts.
    pub(super) back: Time,
}

impl Device {
    pub(super) fn new(index: usize, plan: DevicePlan, dice: Dice) -> Option<Self> {
        Some(Self {
            index,
            name: Node::Device(index).to_string().parse().ok()?,
            plan,
            clock: DeviceClock { zero_ns: plan.clock_zero_ns, us_per_s: plan.clock_us_per_s },
            starts: 0,
            alive: None,
            load: Load::default(),
            disks: (plan.store != StorePlan::None).then(Disks::default),
            drain_due: Time::default(),
            stalled_until: Time::default(),
            dice,
        })
    }

    /// Starts the agent; the boot of the new run.
    pub(super) fn start(&mut self, plan: &Plan, now: Time) -> Option<BootId> {
        let boot = BootId(self.dice.number());
        let mut run = Run::start(plan, &self.plan, &self.name, boot, self.clock.read(now))?;
        if let (Some(disks), StorePlan::Kept { after_ms, every_ms }) = (&self.disks, self.plan.store) {
            run.open_store(disks, (after_ms, every_ms), self.clock.read(now), &mut self.dice);
        }
        let filters = run.session.filters();
        let dice = self.dice.split();
        let client = Client::new(Node::Device(self.index), plan.patience, filters, IN_FLIGHT, now, dice);
        self.starts += 1;
        self.stalled_until = now;
        self.alive = Some(Alive { run, client, leaves: None });
        Some(boot)
    }

    /// When the next job starts, by true time.
    pub(super) fn next_release(&self) -> Option<Time> {
        self.alive.as_ref().map(|alive| self.clock.when(alive.run.task.next_release()))
    }
}

impl Alive {
    /// Takes in what happened on the connection, but for messages: these are watched more closely.
    pub(super) fn handle(&mut self, event: Event, now: device_agent::time::MonoTime) {
        let Run { session, agent, .. } = &mut self.run;
        match event {
            Event::Up { conn } => session.up(conn, agent, now),
            Event::Down { conn, reason } => session.down(conn, reason, agent, now),
            Event::Acked(token) => session.acked(token, agent),
            Event::Message(message) => session.message(&message, agent, now, Wall::Unknown),
            Event::Oversize { .. } => {}
        }
    }
}
