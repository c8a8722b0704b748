//! One run of an agent: the product's core and session, driven as its supervisor drives them.

use device_agent::agent::{Agent, Autonomy, Context, Identity, Setup, TaskPlan};
use device_agent::host::Platform;
use device_agent::link::{self, Outbox, Session, Trust};
use device_agent::mode::{Guard, GuardConfig};
use device_agent::time::MonoTime;
use shared_host::mqtt::{Message, PublishError, Token};
use shared_proto::ids::{BootId, DeviceId};
use shared_proto::units::Ratio;
use shared_proto::wire::{Departure, DialectName, Host, RtContext, Schedule, Settings, Totals};

use super::client::Client;
use super::dice::Dice;
use super::disks::{Disks, Done, Store};
use super::plan::{DevicePlan, Plan};
use super::task::Task;
use super::time::Time;

/// Old reports sent per second.
const CATCH_UP_PER_S: u32 = 50;

/// First level of all topics.
pub(super) const ROOT: &str = "edge";

/// Publishes that an agent has under way at most: the transport's default.
pub(super) const IN_FLIGHT: usize = 16;

#[derive(Debug)]
pub(super) struct Run {
    pub(super) boot: BootId,
    pub(super) agent: Agent<Token>,
    pub(super) session: Session,
    pub(super) task: Task,
    guard: Guard,
    last_job: MonoTime,
    wall_ms: u64,
    store: Option<Store>,
    /// What was handed to the store of the counts, and what is there for good.
    handed: Totals,
    pub(super) safe: Totals,
    /// What the device had counted when it reported last.
    pub(super) told: Totals,
}

/// The connection, as a place for publishes.
struct Line<'a> {
    client: &'a mut Client,
    now: Time,
}

impl Outbox for Line<'_> {
    fn try_publish(&mut self, message: Message) -> Result<Token, PublishError> {
        self.client.publish(message, self.now)
    }
}

impl Run {
    pub(super) fn start(
        plan: &Plan,
        device: &DevicePlan,
        name: &DeviceId,
        boot: BootId,
        now: MonoTime,
    ) -> Option<Self> {
        let setup = Setup {
            identity: Identity { device: name.clone(), boot },
            plan: TaskPlan {
                workload: "simulated".into(),
                timing: device.timing,
                normal_load: Ratio::of(6, 10),
                degraded_load: Ratio::of(3, 10),
            },
            window: plan.window,
            policy: plan.policy,
            autonomy: Autonomy::Policy,
            spool_capacity: plan.spool_capacity,
        };
        let agent = Agent::new(setup, now);
        let native = [DialectName::Native].into_iter().collect();
        let root = ROOT.parse().ok()?;
        let session = Session::new(
            &link::Plan {
                client_id: name.as_str(),
                root: &root,
                dialects: &native,
                trust: Trust::Broker,
                edgex: link::EdgexSettings::default(),
                catch_up_per_s: CATCH_UP_PER_S,
                settings: Settings::default(),
                platform: &Platform::default(),
            },
            &agent,
        );
        Some(Self {
            boot,
            agent,
            session,
            task: Task::new(device.timing, plan.ring_capacity, now),
            guard: Guard::new(GuardConfig { max_temp_c: None, under_voltage: false }),
            last_job: now,
            store: None,
            handed: Totals::default(),
            safe: Totals::default(),
            told: Totals::default(),
            wall_ms: 1_700_000_000_000,
        })
    }

    pub(super) fn open_store(&mut self, disks: &Disks, flush_ms: (u64, u64), now: MonoTime, dice: &mut Dice) {
        let context = self.context(now);
        self.store = Some(disks.open(flush_ms, &mut self.agent, &context, dice));
    }

    /// The threads of the store do some of their work.
    pub(super) fn work_store(&mut self, dice: &mut Dice) {
        let Some(store) = &mut self.store else { return };
        if store.work(dice) == Done::All {
            self.safe = self.handed;
        }
    }

    fn context(&self, now: MonoTime) -> Context {
        Context {
            now,
            t_ms: self.wall_ms + now.as_nanos() / 1_000_000,
            clock_synced: false,
            host: Host::default(),
            rt: RtContext {
                schedule: Schedule::Fifo,
                priority: 80,
                cpu: None,
                locked: true,
                self_overhead_ns: 0,
                preemptions: 0,
                faults: 0,
            },
        }
    }

    /// The wall clock jumps ahead.
    pub(super) fn jump(&mut self, hours: u64) {
        self.wall_ms += hours * 3_600_000;
    }

    /// Reads the ring; watches over leases and over the real-time thread.
    pub(super) fn drain(&mut self, now: MonoTime) {
        self.task.finish(now);
        let context = self.context(now);
        while let Some(record) = self.task.take_record() {
            self.last_job = record.end;
            self.agent.job(&record, &context);
        }
        self.agent.note_progress(&context);
        let period_ns = self.agent.plan().timing.period_ns(self.agent.effective().mode);
        self.guard.see_silence(now.nanos_since(self.last_job), period_ns);
        self.agent.danger(self.guard.danger(), now);
        self.agent.tick(now);
    }

    pub(super) fn report(&mut self, now: MonoTime) {
        self.drain(now);
        self.agent.close_window(&self.context(now));
    }

    /// Carries orders to the task and messages to the broker.
    pub(super) fn carry_out(&mut self, client: &mut Client, now: Time, device_now: MonoTime) {
        if let Some(order) = self.agent.take_order() {
            self.task.order(order);
        }
        if self.agent.take_status_news() {
            let effective = self.agent.effective();
            let task = self.agent.plan().task(self.agent.plan().timing.period_ns(effective.mode));
            self.session.status_changed(effective, self.agent.danger_seen(), task);
        }
        self.send(client, now, device_now);
    }

    /// What is sent is in the store before.
    fn send(&mut self, client: &mut Client, now: Time, device_now: MonoTime) {
        self.step_store(device_now);
        self.session.send(&mut self.agent, &mut Line { client, now }, device_now);
        self.step_store(device_now);
    }

    fn step_store(&mut self, now: MonoTime) {
        if let Some(store) = &mut self.store {
            store.step(&mut self.agent, now);
            self.handed = self.agent.total();
        }
    }

    /// All that is left goes to the store.
    pub(super) fn finish_store(&mut self, now: MonoTime) {
        if let Some(store) = &mut self.store {
            store.finish(&mut self.agent, now);
            self.safe = self.agent.total();
        }
    }

    /// The orderly end: the last report and the good-bye go to the connection.
    pub(super) fn say_good_bye(&mut self, client: &mut Client, now: Time, device_now: MonoTime) {
        let total = self.task.stop(device_now);
        self.drain(device_now);
        self.agent.ended(total);
        self.agent.close_window(&self.context(device_now));
        self.agent.end_run();
        self.session.status_departed(Departure::Stopped);
        self.send(client, now, device_now);
    }
}
