//! The core with a made-up real-time thread, on a made-up clock.

mod answering;
mod deciding;
mod freshness;

use shared_proto::ids::{BootId, CommandId};
use shared_proto::units::Ratio;
use shared_proto::wire::{Fresh, Host, Lease, OverrunPolicy, ReportRef, RtContext, Schedule, Version};

use super::*;
use crate::rt::{Effect, Timing};
use crate::spool::{Journalled, Lane};

const MS: u64 = 1_000_000;
const PERIOD: u64 = 20 * MS;

/// An agent with a real-time thread that obeys at each release, on a made-up clock.
struct Rig {
    agent: Agent<u64>,
    now: MonoTime,
    effect: Effect,
    ordered: Option<Order>,
    total: Totals,
}

impl Rig {
    fn new(autonomy: Autonomy) -> Self {
        let timing = Timing {
            normal_period_ns: PERIOD,
            degraded_period_ns: PERIOD,
            deadline_ns: None,
            overrun: OverrunPolicy::SkipNext,
        };
        let setup = Setup {
            identity: Identity { device: "pi".parse().unwrap(), boot: BootId(7) },
            plan: TaskPlan {
                workload: "spin".into(),
                timing,
                normal_load: Ratio::of(7, 10),
                degraded_load: Ratio::of(3, 10),
            },
            window: WindowConfig { miss_window: 250, burst_jobs: 10 },
            policy: PolicyConfig::default(),
            autonomy,
            spool_capacity: 64,
        };
        let now = MonoTime::from_nanos(1_000 * MS);
        let effect = Effect { mode: Mode::Normal, change: 0, job: 0, at: now };
        Self { agent: Agent::new(setup, now), now, effect, ordered: None, total: Totals::default() }
    }

    fn context(&self) -> Context {
        Context {
            now: self.now,
            t_ms: 0,
            clock_synced: false,
            host: Host::default(),
            rt: RtContext {
                schedule: Schedule::Other,
                priority: 0,
                cpu: None,
                locked: false,
                self_overhead_ns: 0,
                preemptions: 0,
                faults: 0,
            },
        }
    }

    /// Runs one job of the next release.
    fn job(&mut self, missed: bool) {
        let record = self.run_job(missed);
        self.agent.job(&record, &self.context());
    }

    /// Runs one job; its record is still in the ring.
    fn run_job(&mut self, missed: bool) -> JobRecord {
        self.obey();
        self.now = self.now.plus_nanos(PERIOD);
        let job = self.total.jobs;
        if let Some(Order { mode, change }) = self.ordered.take() {
            self.effect = Effect { mode, change, job, at: self.now };
        }
        self.total.jobs += 1;
        self.total.misses += u64::from(missed);
        JobRecord {
            job,
            epoch: 0,
            period_ns: PERIOD,
            epoch_base: Totals::default(),
            release: self.now,
            start: self.now,
            end: self.now.plus_nanos(MS),
            missed,
            skipped: 0,
            total: self.total,
            effect: self.effect,
        }
    }

    fn obey(&mut self) {
        if let Some(order) = self.agent.take_order() {
            self.ordered = Some(order);
        }
    }

    /// Runs ten jobs and closes the window.
    fn window(&mut self, missed: bool) -> Report {
        (0..10).for_each(|_| self.job(missed));
        self.agent.close_window(&self.context());
        self.obey();
        let report = self.agent.spool().next_to_send(Lane::Backlog).unwrap().clone();
        self.agent.spool().sent(Lane::Backlog, 0);
        assert!(self.agent.spool().acknowledged(0));
        report.validate().unwrap();
        report
    }

    fn mode(&self) -> (Mode, ModeSource) {
        (self.agent.effective().mode, self.agent.effective().source)
    }

    fn command(&mut self, id: &str, mode: Mode, lease_ms: u32) {
        let command = set_mode(id, mode, lease_ms);
        self.agent.command(&command, self.now).unwrap();
    }

    fn ack(&mut self) -> Ack {
        let ack = self.agent.next_ack().expect("an acknowledgement").clone();
        self.agent.ack_sent(0);
        assert!(!self.agent.acknowledged(0), "no report");
        ack
    }
}

fn set_mode(id: &str, mode: Mode, lease_ms: u32) -> SetMode {
    SetMode {
        v: Version,
        id: id.parse().unwrap(),
        mode,
        lease_ms: Lease::try_from(lease_ms).unwrap(),
        reason: "test".into(),
        cause: None,
        fresh: None,
        missing: None,
    }
}

fn rig() -> Rig {
    Rig::new(Autonomy::Policy)
}
