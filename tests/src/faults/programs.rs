//! Agent and controller die at once.

use std::time::Duration;

use device_agent::supervisor::Answer;

use super::Scale;
use super::balance::{ControllerKnows, Losses};
use super::outcome::{Figure, Outcome};
use super::stage::{Conditions, PERIOD, Stage};
use crate::proxy::Faults;
use crate::site::{AgentPlan, Trouble};

/// Reports that wait when the agent is killed while its link stands still.
const WAITING: usize = 3;
/// The agent looks into the ring every 20 ms, and writes down what it saw; as long again for the writing.
const BETWEEN_LOOKS: Duration = Duration::from_millis(40);
/// The durable place is written once a second here, with what was reported every 100 ms.
const BETWEEN_FLUSHES: Duration = Duration::from_millis(1_200);
/// The same in windows, and twice as many, because a busy machine is late: more is a failure.
const FLUSH_WINDOWS: u64 = 24;
/// So many writes to the durable place take longer than the windows that may be lost: without it the loss would be seen.
const OFFLINE_WRITES: u64 = 4;

pub(super) fn agent_kill(scale: Scale) -> Result<Outcome, Trouble> {
    let mut stage = Stage::open(scale, Conditions::default())?;
    let times = scale.pick(10, 100);
    for number in 0..times {
        // Every second time with reports that nobody else has.
        if number % 2 == 1 {
            stage.proxy.set(Faults::half_open_up());
            stage.agent.status_where("reports wait", |status| status.link.reports_waiting >= WAITING)?;
        }
        stage.kill_agent()?;
        stage.proxy.heal();
        stage.want_the_other_mode()?;
        stage.agent.restart()?;
        stage.agree()?;
    }
    let done = format!("{times} times kill -9, every second time with reports waiting");
    stage.finish(done, Losses::None, Vec::new()).map(|outcome| with_worst_tail(outcome, BETWEEN_LOOKS))
}

pub(super) fn power_cut(scale: Scale) -> Result<Outcome, Trouble> {
    let dir = tempfile::tempdir().map_err(Trouble::system("a temporary directory"))?;
    let durable = dir.path().to_string_lossy().into_owned();
    let keys = [("spool.dir", durable.as_str()), ("spool.flush_after_s", "0"), ("spool.flush_every_s", "1")];
    let agent = AgentPlan::default().with(&keys);
    let mut stage = Stage::open(scale, Conditions { agent, ..Conditions::default() })?;
    let times = scale.pick(4, 50);
    for number in 0..times {
        if number % 2 == 1 {
            stage.proxy.set(Faults::black_hole());
            let before = writes(&stage.agent.status()?);
            stage
                .agent
                .status_where("waiting reports are on the disk", |status| writes(status) >= before + OFFLINE_WRITES)?;
        }
        stage.kill_agent_at_risk(FLUSH_WINDOWS)?;
        let volatile = stage.agent.runtime_dir();
        std::fs::remove_dir_all(&volatile).map_err(Trouble::system(volatile.display().to_string()))?;
        stage.proxy.heal();
        stage.want_the_other_mode()?;
        stage.agent.restart()?;
        stage.agree()?;
    }
    let done = format!("{times} times kill -9, the volatile place removed, every second time while offline");
    stage.finish(done, Losses::None, Vec::new()).map(|outcome| with_worst_tail(outcome, BETWEEN_FLUSHES))
}

fn writes(status: &Answer) -> u64 {
    status.store.durable.as_ref().map_or(0, |place| place.writes)
}

fn with_worst_tail(mut outcome: Outcome, bound: Duration) -> Outcome {
    #[expect(clippy::cast_precision_loss, reason = "releases of seconds")]
    let lost = outcome.balance.worst_tail as f64;
    let bound = bound.as_secs_f64() / PERIOD.as_secs_f64();
    outcome.figures.push(Figure::new("jobs lost with one kill, at most", lost, "", Some(bound.ceil())));
    outcome
}

pub(super) fn controller_kill(scale: Scale) -> Result<Outcome, Trouble> {
    let mut stage = Stage::open(scale, Conditions::default())?;
    let times = scale.pick(5, 20);
    let mut worst = Duration::ZERO;
    for _ in 0..times {
        stage.controller.kill();
        stage.controller.restart()?;
        stage.want_the_other_mode()?;
        worst = worst.max(stage.agree()?);
    }
    stage.controller_knows = ControllerKnows::SinceItsStart;
    let bound = Duration::from_secs(5);
    let figures = vec![Figure::seconds("controller back to agreed mode", worst, Some(bound))];
    stage.finish(format!("{times} times kill -9"), Losses::None, figures)
}
