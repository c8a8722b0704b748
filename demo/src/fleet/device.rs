//! One simulated device: time and commands come in, windows and answers come out. No I/O, no clock. Its arbiter and policy are the real ones.

use std::collections::VecDeque;

use device_agent::mode::{Arbiter, Event, Until};
use device_agent::time::MonoTime;
use fastrand::Rng;
use shared_proto::ids::{BootId, CommandId, DeviceId};
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::policy::{Observation, PolicyConfig, PolicyState};
use shared_proto::text::{Name, Reason};
use shared_proto::units::Ratio;
use shared_proto::wire::{Ack, Departure, DialectName, Outcome, ReportRef, SetMode, Settings, Status, Totals, Version};

use super::scenario::Plan;
use super::sent::{Decision, Sent};
use super::spool::Spool;
use super::window::{Window, task};
use super::workload::{Effort, PERIOD_NS, Spreads};

/// Execution time of a job as a share of the period, where nothing else runs.
const NORMAL_SHARE: f32 = 0.6;
/// The same in DEGRADED.
const DEGRADED_SHARE: f32 = 0.3;
/// How much longer everything takes while other work shares the CPU.
const OVERLOAD: f32 = 1.9;
/// Answers that are kept, for commands that come twice.
const ANSWERS: usize = 4;

/// Whether other work shares the CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Load {
    Light,
    Heavy,
}

/// What all devices have in common.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) interval_us: u64,
    pub(super) policy: PolicyConfig,
    pub(super) spreads: Spreads,
    /// Wall clock at the start, in milliseconds.
    pub(super) epoch_ms: u64,
}

/// One device. Times are microseconds since the start of the fleet.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) id: DeviceId,
    pub(super) plan: Plan,
    pub(super) spool: Spool,
    /// Answers that wait for their PUBACK.
    pub(super) answers: VecDeque<Answer>,
    pub(super) conn: u64,
    pub(super) next_window_us: u64,
    /// Counts of all runs.
    pub(super) lifetime: Totals,
    load: Load,
    boot: BootId,
    booted_us: u64,
    window_began_us: u64,
    seq: u64,
    total: Totals,
    policy: PolicyState,
    arbiter: Arbiter,
    mode: Mode,
    source: ModeSource,
    reason: Reason,
    since_us: u64,
    /// Where in the window the mode changed last.
    changed: Option<(u64, f32)>,
    answered: VecDeque<Ack>,
    sent: Sent,
    rng: Rng,
    boots: Rng,
}

/// An answer on its way.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) ack: Ack,
    /// Its packet, while it is under way.
    pub(super) packet: Option<u16>,
}

/// What a command did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Effect {
    /// The new mode, if it changed.
    pub(super) changed_to: Option<Mode>,
    /// How long the change took since the report that led to it, if one did.
    pub(super) decision: Option<Decision>,
    /// What is answered; `None` if it was answered before.
    pub(super) outcome: Option<Outcome>,
    /// Reports that are sent again, because the controller asked.
    pub(super) resent: usize,
}

impl Device {
    /// A device that starts at `at_us`. `rng` makes what it does, `boots` the names of its runs, which never come twice.
    pub(super) fn new(id: DeviceId, plan: Plan, at_us: u64, rng: Rng, mut boots: Rng) -> Self {
        let boot = BootId(boots.u64(..));
        Self {
            id,
            plan,
            spool: Spool::default(),
            answers: VecDeque::new(),
            conn: 0,
            next_window_us: at_us,
            lifetime: Totals::default(),
            load: Load::Light,
            boot,
            booted_us: at_us,
            window_began_us: at_us,
            seq: 0,
            total: Totals::default(),
            policy: PolicyState::default(),
            arbiter: Arbiter::default(),
            mode: Mode::Normal,
            source: ModeSource::Default,
            reason: Reason::default(),
            since_us: at_us,
            changed: None,
            answered: VecDeque::new(),
            sent: Sent::default(),
            rng,
            boots,
        }
    }

    /// The first window begins now.
    pub(super) fn begin(&mut self, now_us: u64, common: &Common) {
        self.window_began_us = now_us;
        self.next_window_us = now_us + common.interval_us;
    }

    /// The agent is killed and starts again. What its spool holds is on its disk.
    pub(super) fn restart(&mut self, now_us: u64, common: &Common) {
        self.boot = BootId(self.boots.u64(..));
        self.booted_us = now_us;
        self.seq = 0;
        self.conn = 0;
        self.total = Totals::default();
        self.policy = PolicyState::default();
        self.arbiter = Arbiter::default();
        (self.mode, self.source, self.reason) = (Mode::Normal, ModeSource::Default, Reason::default());
        self.since_us = now_us;
        self.changed = None;
        self.answered.clear();
        self.answers.clear();
        self.sent.clear();
        self.spool.lose_link();
        self.begin(now_us, common);
    }

    /// Other work begins or ends to share the CPU.
    pub(super) fn set_load(&mut self, load: Load, now_us: u64) {
        self.changed = Some((now_us, self.share()));
        self.load = load;
    }

    /// Closes the window that ends now; tells how many merges that took.
    pub(super) fn close_window(&mut self, now_us: u64, common: &Common) -> u64 {
        self.decide(now_us, common);
        let span_us = common.interval_us;
        let before = self.changed.take();
        let after = self.share();
        let window = Window {
            boot: self.boot,
            seq: self.seq + 1,
            t_ms: common.epoch_ms + now_us / 1_000,
            up_ms: now_us.saturating_sub(self.booted_us) / 1_000,
            span_ms: span_us / 1_000,
            mode: self.mode,
            mode_source: self.source,
            mode_age_ms: now_us.saturating_sub(self.since_us) / 1_000,
            effort: Effort {
                releases: releases(span_us),
                before: before.map_or(after, |(_, share)| share),
                after,
                changes_at: before.map_or(0, |(at_us, _)| releases(at_us.saturating_sub(self.window_began_us))),
                seed: self.rng.u64(..),
            },
            total: self.total,
            policy: self.policy,
        };
        let course = window.effort.run(&common.spreads);
        let own = Totals { jobs: u64::from(window.effort.releases), misses: course.misses, skipped: course.skipped };
        self.total = plus(self.total, own);
        self.lifetime = plus(self.lifetime, own);
        self.seq += 1;
        self.consult_policy(&window, &own, now_us, common);
        self.window_began_us = now_us;
        self.next_window_us = now_us + span_us;
        self.spool.push(Window { total: self.total, ..window })
    }

    fn consult_policy(&mut self, window: &Window, own: &Totals, now_us: u64, common: &Common) {
        let elapsed_ms = self.policy.align(window.mode, window.mode_age_ms, window.span_ms);
        let miss_rate = Ratio::of(own.misses, own.jobs);
        let seen = Observation { elapsed_ms, jobs: own.jobs, miss_rate, cpu: None };
        if !matches!(self.source, ModeSource::Local | ModeSource::Default) {
            self.policy.watch(&common.policy, &seen);
        } else if let Some(change) = self.policy.step(&common.policy, &seen) {
            self.arbiter.apply(Event::Wish(change.to, Reason::of(change.cause)));
            self.decide(now_us, common);
        }
    }

    /// Remembers when a report was first sent. Those of earlier runs, which the spool may still hold, lead to nothing in this one.
    pub(super) fn note_sent(&mut self, report: ReportRef, at_us: u64, common: &Common) {
        if report.boot == self.boot {
            self.sent.note(report.seq, at_us, common.interval_us);
        }
    }

    /// Takes a command; its answer waits in `answers`.
    pub(super) fn command(&mut self, command: &SetMode, now_us: u64, common: &Common) -> Effect {
        if let Some(ack) = self.answered.iter().find(|ack| ack.id == command.id) {
            self.answers.push_back(Answer { ack: ack.clone(), packet: None });
            return Effect::default();
        }
        let up_ms = now_us.saturating_sub(self.booted_us) / 1_000;
        if let Some(Err(late)) = command.fresh.map(|fresh| fresh.check(self.boot, up_ms)) {
            self.answer(&command.id, Outcome::Expired, Reason::of(late), now_us);
            return Effect { outcome: Some(Outcome::Expired), ..Effect::default() };
        }
        let resent = command.missing.map_or(0, |missing| self.spool.resend(&missing));
        let age_ms = now_us.saturating_sub(self.since_us) / 1_000;
        let changed_before = self.since_us > self.booted_us;
        let asks = command.lease_ms.millis().is_some() && command.mode != self.mode;
        if changed_before && command.cause.is_some() && asks && age_ms < u64::from(common.policy.dwell_ms) {
            self.answer(&command.id, Outcome::Rejected, Reason::of(format_args!("too soon: {age_ms} ms")), now_us);
            return Effect { resent, outcome: Some(Outcome::Rejected), ..Effect::default() };
        }
        let before = self.mode;
        match command.lease_ms.millis() {
            Some(lease_ms) => self.arbiter.apply(Event::Commanded {
                mode: command.mode,
                until: Until::At(mono(now_us).plus_nanos(u64::from(lease_ms) * 1_000_000)),
                reason: command.reason.clone(),
            }),
            None => {
                self.arbiter.apply(Event::Wish(self.mode, "the gateway let go".into()));
                self.arbiter.apply(Event::CommandReleased);
            }
        }
        self.decide(now_us, common);
        let changed_to = (self.mode != before).then_some(self.mode);
        let outcome = if changed_to.is_some() { Outcome::Applied } else { Outcome::Unchanged };
        let decision = command
            .cause
            .filter(|_| changed_to.is_some())
            .map(|cause| if cause.boot == self.boot { self.sent.decision(cause.seq, now_us) } else { Decision::Late });
        self.answer(&command.id, outcome, self.reason.clone(), now_us);
        Effect { changed_to, decision, outcome: Some(outcome), resent }
    }

    fn answer(&mut self, id: &CommandId, result: Outcome, reason: Reason, now_us: u64) {
        let applied = result == Outcome::Applied;
        let in_window = u64::from(releases(now_us.saturating_sub(self.window_began_us)));
        let ack = Ack {
            v: Version,
            id: id.clone(),
            device: self.id.clone(),
            boot: self.boot,
            result,
            reason,
            mode: self.mode,
            mode_source: self.source,
            job: applied.then_some(self.total.jobs + in_window),
            receipt_to_effect_us: applied.then_some(150.0),
            reaction_us: None,
        };
        self.answered.push_back(ack.clone());
        if self.answered.len() > ANSWERS {
            self.answered.pop_front();
        }
        self.answers.push_back(Answer { ack, packet: None });
    }

    /// The mode may change with the time: leases end.
    fn decide(&mut self, now_us: u64, common: &Common) {
        let decision = self.arbiter.decide(mono(now_us));
        if self.source == ModeSource::Gateway && decision.source != ModeSource::Gateway {
            // It goes on as it is; its own policy takes over from there.
            self.arbiter.apply(Event::Wish(self.mode, "the gateway's lease ended".into()));
        }
        let decision = self.arbiter.decide(mono(now_us));
        (self.source, self.reason) = (decision.source, decision.reason);
        if decision.mode != self.mode {
            self.changed = Some((now_us, self.share()));
            self.mode = decision.mode;
            self.since_us = now_us;
            self.policy.adopt(&common.policy, decision.mode);
        }
    }

    fn share(&self) -> f32 {
        let share = match self.mode {
            Mode::Normal => NORMAL_SHARE,
            Mode::Degraded => DEGRADED_SHARE,
        };
        match self.load {
            Load::Light => share,
            Load::Heavy => share * OVERLOAD,
        }
    }

    /// The connection is gone.
    pub(super) fn lose_link(&mut self) {
        self.spool.lose_link();
        for answer in &mut self.answers {
            answer.packet = None;
        }
    }

    /// What is retained of it while it is there.
    pub(super) fn status(&self, now_us: u64) -> Status {
        Status {
            v: Version,
            device: self.id.clone(),
            boot: self.boot,
            conn: self.conn,
            up_ms: Some(now_us.saturating_sub(self.booted_us) / 1_000),
            online: true,
            departure: None,
            version: Name::from(env!("CARGO_PKG_VERSION")),
            mode: self.mode,
            mode_source: self.source,
            reason: self.reason.clone(),
            danger: None,
            task: task(),
            dialects: [DialectName::Native].into_iter().collect(),
            settings: Settings::default(),
            model: Some("simulated".into()),
            kernel: None,
            preempt_rt: None,
        }
    }

    /// What is retained of it when it has gone: its own good-bye, or the broker's word of it.
    pub(super) fn gone(&self, departure: Departure, now_us: u64) -> Status {
        let here = self.status(now_us);
        let up_ms = here.up_ms.filter(|_| departure == Departure::Stopped);
        Status { online: false, departure: Some(departure), up_ms, ..here }
    }
}

fn plus(a: Totals, b: Totals) -> Totals {
    Totals { jobs: a.jobs + b.jobs, misses: a.misses + b.misses, skipped: a.skipped + b.skipped }
}

fn releases(us: u64) -> u32 {
    u32::try_from(us * 1_000 / PERIOD_NS).unwrap_or(u32::MAX)
}

fn mono(us: u64) -> MonoTime {
    MonoTime::from_nanos(us.saturating_mul(1_000))
}
