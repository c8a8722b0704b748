//! The fleet with made-up devices and made-up time.

mod commanding;
mod counting;
mod deciding;
mod edgex;
mod group;
mod laws;
mod presence;

use shared_proto::histogram::Latency;
use shared_proto::ids::{BootId, DeviceId};
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::policy::{PolicyConfig, PolicyState};
use shared_proto::units::Ratio;
use shared_proto::wire::{
    Ack, Departure, Host, Lost, MissBurst, MissWindow, Missing, Outcome, OverrunPolicy, Report, RtContext, Schedule,
    SetMode, Status, Task, Totals, Version,
};

use super::*;

const SPAN_MS: u64 = 200;
const JOBS: u64 = 10;
const LEASE_MS: u64 = 15_000;
const RETRY_MS: u64 = 500;

/// A fleet, its clock, and one device that behaves as told.
struct Site {
    fleet: Fleet,
    now_ms: u64,
    device: Sim,
}

/// A device on the other end.
#[derive(Debug, Clone)]
struct Sim {
    id: DeviceId,
    boot: BootId,
    conn: u64,
    seq: u64,
    up_ms: u64,
    total: Totals,
    mode: Mode,
    source: ModeSource,
    policy: PolicyState,
    /// The mode reported last, and since when.
    since_ms: (Mode, u64),
}

fn settings() -> Settings {
    Settings {
        rule: Rule::Decide(PolicyConfig::default()),
        timing: Timing::new(u32::try_from(LEASE_MS).unwrap(), u32::try_from(RETRY_MS).unwrap(), 10_000).unwrap(),
        max_devices: 3,
    }
}

impl Sim {
    fn new(name: &str) -> Self {
        Self {
            id: name.parse().unwrap(),
            boot: BootId(1),
            conn: 1,
            seq: 0,
            up_ms: 0,
            total: Totals::default(),
            mode: Mode::Normal,
            source: ModeSource::Default,
            policy: PolicyState::default(),
            since_ms: (Mode::Normal, 0),
        }
    }

    /// The report of the next window.
    fn report(&mut self, miss_rate: f64) -> Report {
        self.seq += 1;
        self.total.jobs += JOBS;
        if self.since_ms.0 != self.mode {
            self.since_ms = (self.mode, self.up_ms.saturating_sub(SPAN_MS));
        }
        let mut latency = Latency::default();
        (0..JOBS).for_each(|job| latency.record(50_000 + job));
        Report {
            v: Version,
            device: self.id.clone(),
            boot: self.boot,
            seq: self.seq,
            t_ms: 0,
            up_ms: self.up_ms,
            clock_synced: false,
            span_ms: SPAN_MS,
            task: task(),
            epoch: 0,
            mode: self.mode,
            mode_source: self.source,
            mode_age_ms: self.up_ms - self.since_ms.1,
            jobs: JOBS,
            misses: 0,
            skipped: 0,
            miss_rate: Ratio::try_from(miss_rate).unwrap(),
            miss_window: MissWindow::default(),
            longest_miss_run: 0,
            worst_burst: MissBurst::default(),
            wakeup_us: latency.clone(),
            response_us: latency,
            workload: Ratio::ZERO,
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
            lost: Lost::default(),
            merged: 1,
            total: self.total,
            policy: self.policy,
        }
    }

    fn status(&self) -> Status {
        Status {
            v: Version,
            device: self.id.clone(),
            boot: self.boot,
            conn: self.conn,
            up_ms: Some(self.up_ms),
            online: true,
            departure: None,
            version: "0.1.0".into(),
            mode: self.mode,
            mode_source: self.source,
            reason: "because".into(),
            danger: None,
            task: task(),
            dialects: shared_proto::wire::Dialects::default(),
            settings: shared_proto::wire::Settings::default(),
            model: None,
            kernel: None,
            preempt_rt: None,
        }
    }

    fn will(&self) -> Status {
        Status { online: false, departure: Some(Departure::Lost), up_ms: None, ..self.status() }
    }

    /// Does what the command says; its acknowledgement.
    fn obey(&mut self, command: &SetMode) -> Ack {
        let result = if self.mode == command.mode { Outcome::Unchanged } else { Outcome::Applied };
        self.mode = command.mode;
        self.source = ModeSource::Gateway;
        self.answer(command, result)
    }

    /// Is let go; its acknowledgement.
    fn let_go(&mut self, command: &SetMode) -> Ack {
        self.source = ModeSource::Local;
        self.answer(command, Outcome::Applied)
    }

    fn answer(&self, command: &SetMode, result: Outcome) -> Ack {
        Ack {
            v: Version,
            id: command.id.clone(),
            device: self.id.clone(),
            boot: self.boot,
            result,
            reason: "device says so".into(),
            mode: self.mode,
            mode_source: self.source,
            job: Some(7),
            receipt_to_effect_us: Some(120.0),
            reaction_us: Some(2_000.0),
        }
    }
}

fn task() -> Task {
    Task { name: "busy".into(), period_us: 20_000, deadline_us: 20_000, overrun: OverrunPolicy::SkipNext }
}

impl Site {
    /// Connected to the broker; nothing heard.
    fn new(settings: Settings) -> Self {
        let mut fleet = Fleet::new(settings, 0xabc);
        fleet.link_up(1, &mut Vec::new());
        Self { fleet, now_ms: 1_000, device: Sim::new("pi-1") }
    }

    /// With a device that is online, obedient and under lease.
    fn settled() -> Self {
        let mut site = Self::new(settings());
        site.birth();
        let first = site.window(0.0);
        site.obey(&first);
        site
    }

    fn now(&self) -> Moment {
        Moment::from_millis(self.now_ms)
    }

    fn birth(&mut self) -> Vec<Action> {
        self.take_status(&self.device.status(), Freshness::Live)
    }

    fn take_status(&mut self, status: &Status, freshness: Freshness) -> Vec<Action> {
        let mut out = Vec::new();
        self.fleet.status(self.now(), status, freshness, &mut out).unwrap();
        out
    }

    /// One window passes and is reported.
    fn window(&mut self, miss_rate: f64) -> Vec<Action> {
        let mut out = self.pass(SPAN_MS);
        let report = self.device.report(miss_rate);
        out.extend(self.take(report));
        out
    }

    fn take(&mut self, report: Report) -> Vec<Action> {
        assert_eq!(report.validate(), Ok(()));
        let mut out = Vec::new();
        self.fleet.report(self.now(), report, &mut out).unwrap();
        out
    }

    fn take_ack(&mut self, ack: &Ack) -> Vec<Action> {
        let mut out = Vec::new();
        self.fleet.ack(self.now(), ack, &mut out).unwrap();
        out
    }

    /// The device obeys the last command among the actions.
    fn obey(&mut self, actions: &[Action]) -> Vec<Action> {
        let command = commands(actions).pop().unwrap();
        let ack = self.device.obey(&command);
        self.take_ack(&ack)
    }

    /// Time passes, with every tick at its exact time.
    fn pass(&mut self, ms: u64) -> Vec<Action> {
        let end = Moment::from_millis(self.now_ms + ms);
        let mut out = Vec::new();
        while let Some(wake) = self.fleet.next_wake().filter(|wake| *wake <= end) {
            self.fleet.tick(wake, &mut out);
        }
        self.now_ms += ms;
        self.device.up_ms += ms;
        out
    }

    fn wish(&mut self, wish: Option<Wish>) -> Vec<Action> {
        let mut out = Vec::new();
        self.fleet.wish(self.now(), &self.device.id.clone(), wish, &mut out).unwrap();
        out
    }

    fn view(&self) -> DeviceView {
        self.fleet.view_of(&self.device.id, self.now()).unwrap()
    }
}

fn commands(actions: &[Action]) -> Vec<SetMode> {
    let native = |action: &Action| match action {
        Action::Send(Command { payload: Payload::Native(command), .. }) => Some(command.as_ref().clone()),
        _ => None,
    };
    actions.iter().filter_map(native).collect()
}

fn modes(actions: &[Action]) -> Vec<Mode> {
    commands(actions).iter().map(|command| command.mode).collect()
}

/// The events but for reports.
fn events(actions: &[Action]) -> Vec<Event> {
    let told = |action: &Action| match action {
        Action::Tell(event) if event.is_for_watchers() => None,
        Action::Send(_) | Action::ClearStatus(_) | Action::Share(_) => None,
        Action::Tell(event) => Some(event.clone()),
    };
    actions.iter().filter_map(told).collect()
}

fn reports(actions: &[Action]) -> usize {
    actions.iter().filter(|action| matches!(action, Action::Tell(Event::Report(_)))).count()
}
