//! The agent between the real-time thread and the link: a pure core. Events come in with their time, orders and messages
//! go out; it does no I/O and looks at no clock.

mod acks;
mod answers;
mod counters;
mod deciding;
mod gathering;
mod keeping;
mod outgoing;
mod report;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use shared_proto::dialect::lab;
use shared_proto::ids::CommandId;
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::policy::{Observation, PolicyConfig, PolicyState};
use shared_proto::text::Reason;
use shared_proto::units::Ratio;
use shared_proto::wire::{Ack, NotFresh, Outcome, Report, SetMode, Totals};

pub use counters::{CommandCounts, Refused};
pub use gathering::{Gathered, News};
pub use keeping::Adopted;
pub(crate) use keeping::fnv1a;
pub use report::{Context, Identity, TaskPlan};

use crate::mode::{Arbiter, CommandLog, Decision, Event, Holder, Known, Until};
use crate::rt::JobRecord;
use crate::spool::Spool;
use crate::time::MonoTime;
use crate::window::{Closed, Window, WindowConfig};
use acks::{CloseTimes, Pending, leads_to, plain};
use answers::Answers;
use keeping::{Progress, Values};

/// Commands that may wait for the next release; fewer than the command log remembers.
const COMMANDS_UNDER_WAY: usize = 16;

/// What the core needs to know from the start.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Who this is.
    pub identity: Identity,
    /// The task, as reports describe it.
    pub plan: TaskPlan,
    /// Sizes of the windows.
    pub window: WindowConfig,
    /// Thresholds of the policy.
    pub policy: PolicyConfig,
    /// Whether the device decides for itself while nobody else does.
    pub autonomy: Autonomy,
    /// Reports that the spool holds.
    pub spool_capacity: usize,
}

/// What a device does while nobody stronger decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Autonomy {
    /// It decides by its own policy.
    Policy,
    /// It stays in NORMAL. The policy only watches, so that reports tell its state.
    Normal,
}

/// A mode for the real-time thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// The mode.
    pub mode: Mode,
    /// Number of the change.
    pub change: u64,
}

/// The core. `T` names a publish under way.
#[derive(Debug)]
pub struct Agent<T> {
    setup: Setup,
    arbiter: Arbiter,
    policy: PolicyState,
    window: Window,
    spool: Spool<T>,
    commands: CommandLog,
    values: Values,
    progress: Option<Progress>,
    counts: CommandCounts,
    /// The decision that the real-time thread works by, and since when.
    effective: Decision,
    effective_since: MonoTime,
    /// A decision on its way to the real-time thread.
    switching: Option<(Order, Decision)>,
    changes: u64,
    order: Option<Order>,
    pending: VecDeque<Pending>,
    answers: Answers<T>,
    lab: Option<lab::Metrics>,
    gathered: Option<Gathered>,
    seq: u64,
    miss_rate: Ratio,
    started: MonoTime,
    closed_at: MonoTime,
    closes: CloseTimes,
    status_is_news: bool,
}

impl<T: Copy + PartialEq> Agent<T> {
    /// An agent whose real-time thread starts in NORMAL at `now`.
    #[must_use]
    pub fn new(setup: Setup, now: MonoTime) -> Self {
        let arbiter = Arbiter::default();
        Self {
            window: Window::new(setup.window, setup.plan.timing.normal_period_ns),
            spool: Spool::new(setup.spool_capacity),
            effective: arbiter.decide(now),
            setup,
            arbiter,
            policy: PolicyState::default(),
            commands: CommandLog::default(),
            values: Values::default(),
            progress: None,
            counts: CommandCounts::default(),
            effective_since: now,
            switching: None,
            changes: 0,
            order: None,
            pending: VecDeque::new(),
            answers: Answers::default(),
            lab: None,
            gathered: None,
            seq: 0,
            miss_rate: Ratio::ZERO,
            started: now,
            closed_at: now,
            closes: CloseTimes::default(),
            status_is_news: false,
        }
    }

    /// A job ran.
    pub fn job(&mut self, record: &JobRecord, context: &Context) {
        if let Some(closed) = self.window.push(record) {
            self.report(closed, context);
        }
        let effect = &record.effect;
        let arrived = self.switching.take_if(|(order, _)| order.change <= effect.change);
        if let Some((_, decision)) = arrived {
            if decision.mode != self.effective.mode {
                self.effective_since = effect.at;
            }
            self.take_effect(decision);
        }
        while self.pending.front().is_some_and(|pending| pending.order.change <= effect.change) {
            let Some(pending) = self.pending.pop_front() else { break };
            let ack = pending.answer(&self.setup.identity, effect, &self.effective, &self.closes);
            self.answer(ack);
        }
    }

    /// The final counts of a real-time thread that has ended.
    pub fn ended(&mut self, total: Totals) {
        self.window.account_lost(total);
    }

    /// A command of the native wire arrived at `now`. Whatever becomes of it, it is answered once it is decided; a repeated
    /// one is answered again, alike.
    ///
    /// # Errors
    /// [`NotFresh`] if it came too late or was meant for another run: it changed nothing.
    pub fn command(&mut self, command: &SetMode, now: MonoTime) -> Result<(), NotFresh> {
        match self.commands.look_up(&command.id) {
            Known::UnderWay => {
                self.counts.duplicate();
                return Ok(());
            }
            Known::Answered(ack) => {
                self.counts.duplicate();
                self.send_answer(*ack);
                return Ok(());
            }
            Known::TakenBefore => {
                self.counts.duplicate();
                let mut ack = plain(&self.setup.identity, &command.id, Outcome::Duplicate, &self.effective);
                ack.reason = "taken by an earlier run of the agent, which ended before its answer was kept".into();
                self.answer(ack);
                return Ok(());
            }
            Known::New => {}
        }
        if let Some(Err(why)) = command.fresh.map(|fresh| fresh.check(self.setup.identity.boot, self.up_ms(now))) {
            self.expire(&command.id, why);
            return Err(why);
        }
        self.commands.taken(command.id.clone(), self.spool.ledger());
        self.counts.accepted();
        if let Some(missing) = &command.missing {
            self.spool.send_again(missing);
        }
        if let Some(why) = self.too_soon(command, now) {
            let ack = plain(&self.setup.identity, &command.id, Outcome::Unchanged, &self.effective);
            self.answer(Ack { reason: why, ..ack });
            return Ok(());
        }
        match command.lease_ms.millis() {
            Some(ms) => self.arbiter.apply(Event::Commanded {
                mode: command.mode,
                until: Until::At(now.plus_nanos(u64::from(ms) * 1_000_000)),
                reason: command.reason.clone(),
            }),
            None => self.let_go(),
        }
        self.decide(now);
        match &self.switching {
            Some((order, decision)) if leads_to(command, decision.source) => {
                let pending =
                    Pending { order: *order, decision: decision.clone(), command: command.clone(), received: now };
                self.wait_for_effect(pending);
            }
            _ => {
                let mut ack = plain(&self.setup.identity, &command.id, Outcome::Unchanged, &self.effective);
                let decided = self.decided();
                if matches!(decided.source, ModeSource::Operator | ModeSource::Safety) {
                    ack.reason = Reason::of(format_args!("overruled: {}", decided.reason));
                }
                self.answer(ack);
            }
        }
        Ok(())
    }

    /// Answers a command that may not be taken any more.
    fn expire(&mut self, id: &CommandId, why: NotFresh) {
        self.counts.refused(Refused::Expired);
        let mut ack = plain(&self.setup.identity, id, Outcome::Expired, &self.effective);
        ack.reason = Reason::of(why);
        match why {
            // Its time will come: the answer is kept, so that it stays the only one.
            NotFresh::Ahead { .. } => {
                self.commands.taken(id.clone(), self.spool.ledger());
                self.answer(ack);
            }
            // Whenever it comes again it is judged alike, so nothing needs to be remembered of replays.
            NotFresh::OtherRun | NotFresh::Late { .. } => self.send_answer(ack),
        }
    }

    /// A classroom command arrived at `now`: it holds until the next one.
    pub fn lab_command(&mut self, command: &lab::Command, now: MonoTime) {
        self.counts.accepted();
        self.command_by(command.mode, Until::Replaced, "classroom command", now);
    }

    /// A command was refused; it is answered if its id was readable.
    pub fn refuse(&mut self, kind: Refused, id: Option<CommandId>, why: &str) {
        self.counts.refused(kind);
        if let Some(id) = id {
            let mut ack = plain(&self.setup.identity, &id, Outcome::Rejected, &self.effective);
            ack.reason = why.into();
            self.send_answer(ack);
        }
    }

    /// A person holds a mode, or lets go.
    pub fn hold(&mut self, mode: Option<Mode>, now: MonoTime) {
        self.arbiter.apply(mode.map_or(Event::HoldReleased, |mode| Event::Hold(mode, Holder::Operator)));
        self.decide(now);
    }

    /// The override button was pressed: DEGRADED is held, also instead of NORMAL; or, if DEGRADED is held already, by
    /// whomever, it is let go. Then the device goes on as after any hold. The mode that is held from now on.
    pub fn press_button(&mut self, now: MonoTime) -> Option<Mode> {
        let event = match self.arbiter.held() {
            Some(Mode::Degraded) => Event::HoldReleased,
            Some(Mode::Normal) | None => Event::Hold(Mode::Degraded, Holder::Button),
        };
        self.arbiter.apply(event);
        self.decide(now);
        self.arbiter.held()
    }

    /// There is danger, or none any more.
    pub fn danger(&mut self, danger: Option<Reason>, now: MonoTime) {
        // News even if the task cannot follow: a stalled one never reaches the release at which it would.
        self.status_is_news |= danger.as_ref() != self.arbiter.danger();
        self.arbiter.apply(danger.map_or(Event::DangerPassed, Event::Danger));
        self.decide(now);
    }

    /// Time passes: leases end.
    pub fn tick(&mut self, now: MonoTime) {
        self.decide(now);
    }

    /// Closes the window: a report is ready, and the device's own policy has its say.
    pub fn close_window(&mut self, context: &Context) {
        self.decide(context.now);
        let closed = self.window.close();
        self.report(closed, context);
    }

    fn report(&mut self, closed: Closed, context: &Context) {
        self.seq += 1;
        let span_ms = context.now.millis_since(self.closed_at);
        self.closed_at = context.now;
        self.closes.closed(self.seq, context.now);
        let given_up = self.spool.given_up();
        let mut report = self.setup.plan.report(&self.setup.identity, self.seq, span_ms, &closed, context);
        let age_ms = context.now.millis_since(self.effective_since);
        self.setup.plan.in_mode(&mut report, self.effective.mode, self.effective.source, age_ms);
        report.lost.reports = given_up;
        report.up_ms = self.up_ms(context.now);
        self.miss_rate = report.miss_rate;
        report.policy = self.policy;
        self.consult_policy(&report, context.now);
        self.lab = Some(self.setup.plan.lab_metrics(&report, &closed));
        self.gather_report(&report);
        self.spool_report(report);
    }

    /// The device's own policy sees every window. While somebody stronger decides it only watches.
    fn consult_policy(&mut self, report: &Report, now: MonoTime) {
        let seen = Observation {
            elapsed_ms: self.policy.align(report.mode, report.mode_age_ms, report.span_ms),
            jobs: report.jobs,
            miss_rate: report.miss_rate,
            cpu: report.host.cpu,
        };
        let decides = self.setup.autonomy == Autonomy::Policy
            && self.switching.is_none()
            && matches!(self.effective.source, ModeSource::Local | ModeSource::Default);
        if !decides {
            self.policy.watch(&self.setup.policy, &seen);
            return;
        }
        if let Some(change) = self.policy.step(&self.setup.policy, &seen) {
            self.arbiter.apply(Event::Wish(change.to, Reason::of(change.cause)));
            self.decide(now);
        }
    }

    /// The command is answered when its order has taken effect. Of too many that wait the oldest is answered now.
    fn wait_for_effect(&mut self, pending: Pending) {
        if self.pending.len() == COMMANDS_UNDER_WAY
            && let Some(oldest) = self.pending.pop_front()
        {
            let ack = oldest.superseded(&self.setup.identity, &self.effective);
            self.answer(ack);
        }
        self.pending.push_back(pending);
    }

    fn answer(&mut self, ack: Ack) {
        self.commands.answered(&ack, self.spool.ledger());
        self.send_answer(ack);
    }

    /// To be sent when everything so far is in the store, this answer among it.
    fn send_answer(&mut self, ack: Ack) {
        let serial = self.spool.ledger().last();
        self.answers.push(ack, serial);
    }
}
