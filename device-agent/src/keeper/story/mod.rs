//! Runs of an agent one after another, on disks and a connection that obey: whatever ends a run, each job counts once.

mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use shared_proto::ids::BootId;
use shared_proto::mode::Mode;
use shared_proto::policy::PolicyConfig;
use shared_proto::units::Ratio;
use shared_proto::wire::{
    Ack, Host, Lease, Outcome, OverrunPolicy, Report, RtContext, Schedule, SetMode, Totals, Version,
};

use super::*;
use crate::agent::{Agent, Autonomy, Context, Identity, Setup, TaskPlan};
use crate::rt::{Effect, JobRecord, Timing};
use crate::spool::Lane;
use crate::store::{Crash, MemoryFiles};
use crate::time::MonoTime;
use crate::window::WindowConfig;

const MS: u64 = 1_000_000;
const PERIOD: u64 = 10 * MS;
const MAX_BYTES: u64 = 1 << 20;

/// One run of the agent.
struct Run {
    agent: Agent<u64>,
    keeper: Keeper,
    benches: Vec<Bench>,
    total: Totals,
    epoch: (u32, Totals),
    effect: Effect,
    now: MonoTime,
}

/// Whether the places are open when the run begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opening {
    InTime,
    Late,
}

/// What outlives the runs, and the receiver.
struct World {
    volatile: MemoryFiles,
    durable: MemoryFiles,
    places: (bool, bool),
    capacity: usize,
    boot: u64,
    now: MonoTime,
    received: BTreeMap<(u64, u64), Report>,
    given_up: u64,
    /// Counts of each run that were safe when it ended.
    safe: BTreeMap<u64, u64>,
}

fn flush() -> FlushConfig {
    FlushConfig { after: Duration::from_millis(300), every: Duration::from_millis(500) }
}

impl World {
    fn new(places: (bool, bool), capacity: usize) -> Self {
        Self {
            volatile: MemoryFiles::new(),
            durable: MemoryFiles::new(),
            places,
            capacity,
            boot: 0,
            now: MonoTime::from_nanos(1_000_000 * MS),
            received: BTreeMap::new(),
            given_up: 0,
            safe: BTreeMap::new(),
        }
    }

    fn start(&mut self) -> Run {
        self.start_with(Opening::InTime)
    }

    fn start_with(&mut self, opening: Opening) -> Run {
        self.boot += 1;
        let timing = Timing {
            normal_period_ns: PERIOD,
            degraded_period_ns: 2 * PERIOD,
            deadline_ns: None,
            overrun: OverrunPolicy::SkipNext,
        };
        let plan = TaskPlan { workload: "spin".into(), timing, normal_load: Ratio::ZERO, degraded_load: Ratio::ZERO };
        let setup = Setup {
            identity: Identity { device: "pi".parse().unwrap(), boot: BootId(self.boot) },
            plan,
            window: WindowConfig { miss_window: 50, burst_jobs: 10 },
            policy: PolicyConfig::default(),
            autonomy: Autonomy::Normal,
            spool_capacity: self.capacity,
        };
        let volatile = self.places.0.then_some(&self.volatile);
        let durable = self.places.1.then_some(&self.durable);
        let (keeper, benches) = Keeper::by_hand(volatile, durable, MAX_BYTES, flush(), self.now);
        let effect = Effect { mode: Mode::Normal, change: 0, job: 0, at: self.now };
        let agent = Agent::new(setup, self.now);
        let (total, epoch) = (Totals::default(), (0, Totals::default()));
        let mut run = Run { agent, keeper, benches, total, epoch, effect, now: self.now };
        if opening == Opening::InTime {
            run.benches.iter_mut().for_each(|bench| bench.work(1));
        }
        let context = run.context();
        run.keeper.begin_now(&mut run.agent, &context);
        run
    }

    /// A report arrives: under one name always the same, and whole.
    fn receive(&mut self, report: &Report) {
        report.validate().unwrap();
        let known = self.received.insert((report.boot.0, report.seq), report.clone());
        assert!(known.as_ref().is_none_or(|known| known == report), "one name, two contents: {known:?} and {report:?}");
    }

    /// The run ends without a word.
    fn end(&mut self, run: Run, crash: Crash) {
        self.given_up += run.agent.given_up();
        self.now = run.now;
        drop(run);
        match crash {
            Crash::Process => self.volatile.crash(Crash::Process),
            Crash::PowerCut { .. } => self.volatile = MemoryFiles::new(),
        }
        self.durable.crash(crash);
    }

    /// Sends all that waits, and takes in the answers, until nothing waits.
    fn deliver_all(&mut self, run: &mut Run) {
        run.agent.connection_lost(|_| true);
        run.agent.connection_made();
        for token in 1_000_000.. {
            run.settle();
            if run.agent.waiting() == 0 {
                break;
            }
            let Some((report, lane)) = run.next() else { panic!("{} reports are held", run.agent.waiting()) };
            self.receive(&report);
            run.agent.spool().sent(lane, token);
            assert!(run.agent.acknowledged(token));
        }
        run.settle();
    }

    /// Each window of each run came once, and nothing but what was given up is missing.
    fn check_exact(&self) {
        let mut runs: BTreeMap<u64, Vec<&Report>> = BTreeMap::new();
        self.received.values().for_each(|report| runs.entry(report.boot.0).or_default().push(report));
        for (boot, safe) in &self.safe {
            let reports = runs.get(boot).map_or(&[][..], Vec::as_slice);
            let jobs: u64 = reports.iter().map(|report| report.jobs).sum();
            let last = reports.last().map_or(0, |report| report.total.jobs);
            assert_eq!(jobs, last, "run {boot}: each job once");
            assert!(last >= *safe, "run {boot}: {last} of {safe} jobs");
        }
        assert_eq!(self.given_up, 0);
    }

    /// No window of a run came in two reports that contradict each other.
    fn check_consistent(&self) {
        let reports: Vec<_> = self.received.values().collect();
        for (a, b) in reports.iter().zip(reports.iter().skip(1)).filter(|(a, b)| a.boot == b.boot) {
            let starts = b.total.jobs - b.jobs;
            let from = b.seq - u64::from(b.merged);
            // Parts of a report that came merged may come alone too: a receiver takes that out by the totals.
            assert!(from < a.seq || starts >= a.total.jobs, "{a:?} {b:?}");
        }
    }
}

impl Run {
    fn context(&self) -> Context {
        let rt = RtContext {
            schedule: Schedule::Other,
            priority: 0,
            cpu: None,
            locked: false,
            self_overhead_ns: 0,
            preemptions: 0,
            faults: 0,
        };
        // A number that JSON has to carry to the last bit.
        let host = Host { cpu: Some(Ratio::of(self.total.jobs % 97, 97)), ..Host::default() };
        Context { now: self.now, t_ms: self.now.as_nanos() / MS, clock_synced: false, host, rt }
    }

    fn job(&mut self, missed: bool) {
        if let Some(order) = self.agent.take_order() {
            if order.mode != self.effect.mode {
                self.epoch = (self.epoch.0 + 1, self.total);
            }
            self.effect = Effect { mode: order.mode, change: order.change, job: self.total.jobs, at: self.now };
        }
        let period_ns = if self.effect.mode == Mode::Normal { PERIOD } else { 2 * PERIOD };
        let job = self.total.jobs;
        self.now = self.now.plus_nanos(MS);
        self.total.jobs += 1;
        self.total.misses += u64::from(missed);
        let record = JobRecord {
            job,
            epoch: self.epoch.0,
            period_ns,
            epoch_base: self.epoch.1,
            release: self.now,
            start: self.now,
            end: self.now.plus_nanos(MS / 2),
            missed,
            skipped: 0,
            total: self.total,
            effect: self.effect,
        };
        let context = self.context();
        self.agent.job(&record, &context);
        self.agent.note_progress(&context);
        self.step();
    }

    fn close(&mut self) {
        let context = self.context();
        self.agent.close_window(&context);
        self.step();
    }

    fn command(&mut self, id: &str, mode: Mode) {
        let lease_ms = Lease::try_from(60_000).unwrap();
        let id = id.parse().unwrap();
        let command =
            SetMode { v: Version, id, mode, lease_ms, reason: "test".into(), cause: None, fresh: None, missing: None };
        self.agent.command(&command, self.now).unwrap();
        self.step();
    }

    /// The next answer, when the store has it.
    fn answer(&mut self) -> Option<Ack> {
        self.benches.iter_mut().for_each(|bench| bench.work(usize::MAX));
        self.step();
        self.agent.next_ack().cloned()
    }

    /// Who keeps that place does the next jobs.
    fn work(&mut self, role: Role, jobs: usize) {
        self.benches.iter_mut().filter(|bench| bench.role() == role).for_each(|bench| bench.work(jobs));
    }

    /// As the supervisor does after every event.
    fn step(&mut self) {
        self.keeper.step(&mut self.agent, self.now);
    }

    /// All that is handed over gets done, and all that follows from it.
    fn settle(&mut self) {
        for _ in 0..6 {
            // What is handed out next is marked first.
            let _ = self.next();
            self.step();
            self.benches.iter_mut().for_each(|bench| bench.work(usize::MAX));
            self.now = self.now.plus_nanos(101 * MS);
            self.step();
        }
    }

    fn next(&mut self) -> Option<(Report, Lane)> {
        let of = |agent: &mut Agent<u64>, lane| agent.spool().next_to_send(lane).cloned().map(|report| (report, lane));
        of(&mut self.agent, Lane::Live).or_else(|| of(&mut self.agent, Lane::Backlog))
    }
}
