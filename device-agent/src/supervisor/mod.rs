//! The supervisor: one tokio thread that carries job records to the core, messages to the broker and orders back. It may
//! wait for anything; the real-time thread never waits for it.

mod control;
mod held;
mod lines;
mod link;
mod mirror;
mod observe;
mod runaway;
mod service;
mod setup;
mod table;

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use shared_host::mqtt::Token;
use shared_proto::ids::{BootId, DeviceId};
use shared_proto::wire::{Departure, Totals};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, interval_at, sleep, sleep_until};
use tracing::{error, info, warn};

pub use control::{Answer, LinkState, Request, Shown};
pub(crate) use held::{CONNECTED, held, settings};
pub use setup::{Parts, StartError, Started, Watcher};

use crate::agent::Agent;
use crate::config::Config;
use crate::gpio::{InUse, Simulated};
use crate::host::Platform;
use crate::keeper::{AtTheEnd, Keeper, StoreEvent};
use crate::mode::{Guard, Stall};
use crate::rt::{Handle, Panicked, Records};
use crate::time::MonoTime;
use control::ControlSocket;
use lines::{LineFailures, OverrideButton};
use link::Link;
use mirror::Mirror;
use observe::Observer;
use runaway::{News, Runaway};
use service::Service;

/// How often records are read from the ring when nothing is urgent.
const DRAIN: Duration = Duration::from_millis(20);
/// How often while a mode change is on its way to the next release, so that its acknowledgement is not late.
const DRAIN_SWITCHING: Duration = Duration::from_millis(1);
/// How often temperature and voltage are looked at, however rare reports are.
const VITALS: Duration = Duration::from_secs(1);
/// Periods over which its share of the CPU is judged.
const SHARE_PERIODS: u64 = 4;
/// How long the real-time thread may take to finish at the end. With [`LAST_REPORTS`] and the link's good-bye it stays below
/// the 2 s that a stop may take.
const FINISH: Duration = Duration::from_millis(700);
/// How long the last reports and answers may take to reach the broker.
const LAST_REPORTS: Duration = Duration::from_millis(400);
/// From the wish to stop until the store has had its time; with what comes after it, that too is within the 2 s.
const STORE_BY: Duration = Duration::from_millis(1_800);
/// How long the loop waits at the start for what earlier runs left behind. The task runs already.
const OPENING: Duration = Duration::from_secs(1);

/// What an agent did.
#[derive(Debug, Clone)]
pub struct Summary {
    /// The device.
    pub device: DeviceId,
    /// This run.
    pub boot: BootId,
    /// The final counts of the real-time thread.
    pub total: Totals,
    /// Reports made.
    pub reports: u64,
    /// Reports that the broker acknowledged.
    pub reports_delivered: u64,
}

/// Why an agent ended before its time.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It could not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The real-time thread ended by itself.
    #[error(transparent)]
    Panicked(#[from] Panicked),
    /// The real-time thread did not end when it was told to.
    #[error("the real-time thread did not finish its job in {} ms: GPIO lines keep their levels", FINISH.as_millis())]
    Stuck,
    /// The task that keeps the connection has ended.
    #[error("the connection to the broker was given up")]
    LinkEnded,
}

/// Runs an agent until `stop` completes. On a tokio runtime of one thread with time and sockets.
///
/// # Errors
/// [`RunError`] if it cannot start or the real-time thread fails.
pub async fn run(config: Config, stop: impl Future<Output = ()>) -> Result<Summary, RunError> {
    run_with(config, Parts::default(), stop).await
}

/// Runs an agent with parts of the program's own until `stop` completes: see [`run`].
///
/// # Errors
/// As for [`run`].
pub async fn run_with(config: Config, parts: Parts, stop: impl Future<Output = ()>) -> Result<Summary, RunError> {
    let mut supervisor = setup::assemble(config, parts)?;
    let mut stop = pin!(stop);
    let context = supervisor.observer.context();
    supervisor.store.begin(&mut supervisor.agent, context, Instant::now() + OPENING).await;
    let period = supervisor.report_interval;
    let mut reports = interval_at(Instant::now() + period, period);
    reports.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut vitals = interval_at(Instant::now() + VITALS, VITALS);
    vitals.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut pings = supervisor.service.ping_every().map(interval);
    let mut drain_at = Instant::now() + DRAIN;
    let mut link_ended = false;
    supervisor.ready();
    loop {
        tokio::select! {
            () = &mut stop => break,
            event = supervisor.link.next() => match event {
                Some(event) => supervisor.link_event(event),
                None => {
                    link_ended = true;
                    break;
                }
            },
            Some(event) = supervisor.store.next(&supervisor.agent) => supervisor.store_event(event),
            _ = vitals.tick() => supervisor.look_at_vitals(),
            () = next_ping(&mut pings) => supervisor.ping(),
            _ = reports.tick() => supervisor.report(),
            incoming = supervisor.control.next() => supervisor.control_request(incoming),
            () = sleep_until(drain_at) => {
                supervisor.drain();
                drain_at = Instant::now() + if supervisor.agent.is_switching() { DRAIN_SWITCHING } else { DRAIN };
            }
        }
        supervisor.carry_out();
        if supervisor.agent.is_switching() {
            drain_at = drain_at.min(Instant::now() + DRAIN_SWITCHING);
        }
        if supervisor.rt.ended().is_some() {
            break;
        }
    }
    let summary = supervisor.finish().await;
    if link_ended { Err(RunError::LinkEnded) } else { summary }
}

/// The next time to tell the service manager that all is well; never, if it does not ask.
async fn next_ping(pings: &mut Option<Interval>) {
    match pings {
        Some(pings) => {
            pings.tick().await;
        }
        None => std::future::pending().await,
    }
}

struct Supervisor {
    agent: Agent<Token>,
    rt: Handle,
    records: Records,
    link: Link,
    store: Keeper,
    control: ControlSocket,
    observer: Observer,
    guard: Guard,
    runaway: Runaway,
    service: Service,
    watcher: Option<Watcher>,
    mirror: Option<Mirror>,
    override_button: Option<OverrideButton>,
    lines_in_use: InUse,
    sim: Option<Simulated>,
    line_failures: Option<LineFailures>,
    platform: Platform,
    report_interval: Duration,
    last_job: MonoTime,
}

impl Supervisor {
    fn link_event(&mut self, event: shared_host::mqtt::Event) {
        self.link.handle(event, &mut self.agent);
    }

    fn store_event(&mut self, event: StoreEvent) {
        self.store.handle(event, &mut self.agent, MonoTime::now());
    }

    /// Reads the ring; watches over leases and over the real-time thread.
    fn drain(&mut self) {
        let context = self.observer.context();
        while let Some(record) = self.records.take() {
            self.last_job = record.end;
            if let Some(watcher) = &mut self.watcher {
                watcher(&record);
            }
            self.agent.job(&record, context);
        }
        self.agent.note_progress(context);
        let now = context.now;
        let period_ns = self.agent.plan().timing.period_ns(self.agent.effective().mode);
        let silent_ns = now.nanos_since(self.last_job);
        match self.guard.see_silence(silent_ns, period_ns) {
            Some(Stall::Began) => {
                error!(silent_ms = silent_ns / 1_000_000, "the real-time thread does not finish its job");
                self.service.status("the real-time thread is stalled");
            }
            Some(Stall::Ended) => {
                warn!("the real-time thread runs again");
                self.service.status("running again after a stall");
            }
            None => {}
        }
        self.agent.danger(self.guard.danger(), now);
        if let Some(button) = &mut self.override_button {
            button.look(&mut self.agent, now);
        }
        self.agent.tick(now);
    }

    fn look_at_vitals(&mut self) {
        if let Some(failures) = &mut self.line_failures {
            failures.look();
        }
        self.guard.see_host(&self.observer.vitals());
        // Over whole periods: a single job may take longer than the time between two looks.
        let period_ns = self.agent.plan().timing.period_ns(self.agent.effective().mode);
        match self
            .observer
            .task_share(period_ns.saturating_mul(SHARE_PERIODS))
            .and_then(|share| self.runaway.see(share))
        {
            Some(News::RunsAway { share, consequence }) => {
                warn!(
                    cpu_share = share.get(),
                    consequence, "runaway: the real-time thread takes all the CPU time it can get"
                );
            }
            Some(News::Behaves { share }) => {
                info!(cpu_share = share.get(), "the real-time thread leaves CPU time again")
            }
            None => {}
        }
    }

    fn ready(&mut self) {
        let status = format!("running {} as {}", self.agent.plan().workload, self.agent.identity().device);
        self.service.ready(&status);
    }

    /// Tells the service manager that all is well, if it is: a stalled task is for its watchdog to restart.
    fn ping(&mut self) {
        if !self.guard.is_stalled() {
            self.service.alive();
        }
    }

    fn report(&mut self) {
        self.observer.look();
        self.drain();
        self.agent.close_window(self.observer.context());
        self.observer.reported();
        self.mirror_lines();
    }

    /// Carries orders to the real-time thread and messages to the broker.
    fn carry_out(&mut self) {
        if let Some(order) = self.agent.take_order() {
            self.rt.word().order(order.mode, order.change);
        }
        if self.agent.take_status_news() {
            let effective = self.agent.effective();
            info!(mode = %effective.mode, source = %effective.source, reason = %effective.reason, "mode");
            let task = self.agent.plan().task(self.agent.plan().timing.period_ns(effective.mode));
            self.link.status_changed(effective, self.agent.danger_seen(), task);
            self.mirror_lines();
        }
        self.send();
    }

    /// What is sent is in the store before, so that it is never made otherwise.
    fn send(&mut self) {
        let now = MonoTime::now();
        self.store.step(&mut self.agent, now);
        self.link.send(&mut self.agent);
        self.store.step(&mut self.agent, now);
    }

    fn mirror_lines(&mut self) {
        if let Some(mirror) = &mut self.mirror {
            mirror.update();
        }
    }

    /// The orderly end: GPIO to its safe levels, the last report out, good-bye.
    async fn finish(mut self) -> Result<Summary, RunError> {
        let store_by = Instant::now() + STORE_BY;
        self.service.stopping();
        self.rt.word().stop();
        let patience = Instant::now() + FINISH;
        while self.rt.ended().is_none() && Instant::now() < patience {
            sleep(Duration::from_millis(1)).await;
        }
        self.say_good_bye(store_by).await;
        let total = self.rt.ended().ok_or(RunError::Stuck)??;
        Ok(Summary {
            device: self.agent.identity().device.clone(),
            boot: self.agent.identity().boot,
            total,
            reports: self.agent.seq(),
            reports_delivered: self.link.delivered(),
        })
    }

    /// Sends what is left, and the status of a device that has stopped.
    async fn say_good_bye(&mut self, store_by: Instant) {
        self.observer.look();
        self.drain();
        if let Some(Ok(total)) = self.rt.ended() {
            self.agent.ended(total);
        }
        self.agent.close_window(self.observer.context());
        self.agent.end_run();
        self.mirror_lines();
        self.link.status_departed(Departure::Stopped);
        let patience = Instant::now() + LAST_REPORTS;
        loop {
            self.send();
            if self.agent.nothing_waits() || !self.link.is_up() {
                break;
            }
            tokio::select! {
                Some(event) = self.link.next() => self.link_event(event),
                Some(event) = self.store.next_of_all() => self.store_event(event),
                () = sleep_until(patience) => break,
            }
        }
        self.link.close(&mut self.agent).await;
        let kept = self.store.finish(&mut self.agent, store_by).await;
        match (self.agent.spool().len(), kept) {
            (0, _) => info!(reports = self.agent.seq(), "every report is delivered"),
            (waiting, AtTheEnd::Kept) => {
                info!(waiting, "reports could not be delivered; the next start will send them")
            }
            (waiting, AtTheEnd::NotKept) => {
                warn!(waiting, "reports could not be delivered and end with this process");
            }
        }
    }
}
