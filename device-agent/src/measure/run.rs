//! One run: the real-time thread of `run`, under the conditions of a scenario.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use analysis::run::Run;
use shared_proto::policy::{Observation, PolicyState};
use shared_proto::units::Ratio;
use shared_proto::wire::Totals;
use tokio::time::{Instant, sleep};

use super::collector::Collector;
use super::disturb::Disturbing;
use super::order::PlannedRun;
use super::plan::Plan;
use super::tally::Counted;
use super::{MeasureError, Watcher};
use crate::agent::Autonomy;
use crate::gpio::{Lines, NoLines, open_lines};
use crate::host::HostReader;
use crate::rt::{self, Handle, Records, Ring, RtTask};
use crate::time::MonoTime;
use crate::workload::Workload;

/// How often records are read; the ring holds 4 s of them at a period of 1 ms.
const DRAIN: Duration = Duration::from_millis(20);
/// How long after its time, and three periods, a run without a single job is given up.
const GIVE_UP_NS: u64 = 5_000_000_000;
/// How long the thread may take to finish at the end.
const FINISH: Duration = Duration::from_secs(5);

/// Makes the workload of each run.
pub type MakeWorkload<'a> = dyn Fn() -> Box<dyn Workload + Send> + 'a;

/// A run under way.
struct Running<'a> {
    plan: &'a Plan,
    planned: PlannedRun,
    rt: Handle,
    records: Records,
    collector: Collector,
    policy: PolicyState,
    changes: u64,
    window_began: MonoTime,
    /// What the policy sees of the machine.
    host: HostReader,
}

/// How a run went.
pub(super) enum Made {
    /// To its end; the ring is free for the next one.
    Whole(Box<Run>, Ring),
    /// It was stopped on the way; what was counted until then, if anything was.
    Interrupted(Option<Box<Run>>),
}

/// Makes a run, unless `stop` completes first.
pub(super) async fn make(
    plan: &Plan,
    planned: PlannedRun,
    ring: Ring,
    workload: Box<dyn Workload + Send>,
    watcher: &mut dyn Watcher,
    mut stop: Pin<&mut impl Future<Output = ()>>,
) -> Result<Made, MeasureError> {
    // In effect until the end of the run; also when it ends early.
    let disturbing = Disturbing::start(plan, planned.scenario)?;
    let lines: Box<dyn Lines + Send> = match &plan.gpio {
        Some(gpio) => open_lines(gpio)?.lines,
        None => Box::new(NoLines),
    };
    let name = workload.name().to_owned();
    let asked = plan.asked(planned.scenario);
    let (rt, records) = rt::spawn(RtTask { timing: plan.timing, asked, lines, workload }, ring)?;
    let begun = MonoTime::now();
    let mut collector = Collector::new(plan, &rt);
    // Without a warm-up the first job counts, which may have been released before this thread looked at the clock.
    collector.count_from(if plan.warm_up_ns == 0 { MonoTime::default() } else { begun.plus_nanos(plan.warm_up_ns) });
    let mut running = Running {
        plan,
        planned,
        collector,
        policy: PolicyState::default(),
        changes: 0,
        window_began: begun,
        host: HostReader::new(rt.granted.cpu),
        rt,
        records,
    };
    tokio::select! {
        watched = running.watch(watcher) => watched?,
        () = &mut stop => {
            // The lines get their safe levels when the thread ends: it is waited for.
            return match running.finish(name, watcher).await {
                Ok((run, _)) => Ok(Made::Interrupted(Some(Box::new(run)))),
                Err(MeasureError::NoJobs) => Ok(Made::Interrupted(None)),
                Err(error) => Err(error),
            };
        }
    }
    let (run, ring) = running.finish(name, watcher).await?;
    disturbing.finish()?;
    Ok(Made::Whole(Box::new(run), ring))
}

impl Running<'_> {
    /// Until the run's time is over.
    async fn watch(&mut self, watcher: &mut dyn Watcher) -> Result<(), MeasureError> {
        let whole_ns = self.plan.warm_up_ns.saturating_add(self.plan.duration_ns);
        let begun = MonoTime::now();
        let ends = begun.plus_nanos(whole_ns);
        loop {
            let now = MonoTime::now();
            // The time counts from the first release after the warm-up.
            let ends = self.collector.first_release().map_or(ends, |first| first.plus_nanos(self.plan.duration_ns));
            if now >= ends && self.collector.first_release().is_some() {
                return Ok(());
            }
            if now.nanos_since(ends) > self.plan.timing.normal_period_ns.saturating_mul(3).saturating_add(GIVE_UP_NS) {
                return Err(MeasureError::NoJobs);
            }
            if let Some(ended) = self.rt.ended() {
                return Err(ended.err().map_or(MeasureError::Ended, MeasureError::Panicked));
            }
            watcher.progress(Ratio::of(now.nanos_since(begun), whole_ns));
            let left = if ends > now { Duration::from_nanos(ends.nanos_since(now)) } else { DRAIN };
            sleep(left.min(DRAIN)).await;
            self.drain(watcher)?;
            self.consult_policy();
        }
    }

    fn drain(&mut self, watcher: &mut dyn Watcher) -> Result<(), MeasureError> {
        while let Some(record) = self.records.take() {
            if self.collector.see(&record)? == Counted::Yes {
                watcher.job(&record);
            }
        }
        Ok(())
    }

    /// Lets the device's own policy decide, as it does under `run` while no command holds.
    fn consult_policy(&mut self) {
        let now = MonoTime::now();
        let elapsed_ms = now.millis_since(self.window_began);
        if elapsed_ms < self.plan.policy_window_ms {
            return;
        }
        self.window_began = now;
        let closed = self.collector.close_window();
        let seen = Observation {
            elapsed_ms,
            jobs: closed.counts.jobs,
            miss_rate: Ratio::of(closed.miss_window.misses.into(), closed.miss_window.jobs.into()),
            cpu: self.host.read().cpu,
        };
        // Not before the warm-up is over: what the policy does belongs to the run.
        if self.plan.autonomy(self.planned.scenario) == Autonomy::Normal || self.collector.first_release().is_none() {
            return;
        }
        if let Some(change) = self.policy.step(&self.plan.policy, &seen) {
            self.changes += 1;
            self.rt.word().order(change.to, self.changes);
        }
    }

    /// Stops the thread and waits for it; its final counts.
    async fn end(&mut self) -> Result<Totals, MeasureError> {
        self.rt.word().stop();
        let patience = Instant::now() + FINISH;
        loop {
            match self.rt.ended() {
                Some(ended) => return Ok(ended?),
                None if Instant::now() > patience => return Err(MeasureError::Stuck),
                None => sleep(Duration::from_millis(1)).await,
            }
        }
    }

    async fn finish(mut self, workload: String, watcher: &mut dyn Watcher) -> Result<(Run, Ring), MeasureError> {
        self.collector.look_at_end();
        let total = self.end().await?;
        self.drain(watcher)?;
        let Self { planned, rt, records, collector, .. } = self;
        let mut run = collector.finish(&workload, total).ok_or(MeasureError::NoJobs)?;
        run.scenario = planned.scenario.name();
        run.repetition = planned.repetition;
        let ring = rt.into_ring(records).ok_or(MeasureError::Stuck)?;
        Ok((run, ring))
    }
}
