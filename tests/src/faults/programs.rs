//! Agent and controller die at once.

use super::Scale;
use super::balance::{ControllerKnows, Losses};
use super::outcome::{Figure, Outcome};
use super::stage::{Conditions, Stage};
use crate::proxy::Faults;
use crate::site::{Agent, Trouble};

/// Reports that wait when the agent is killed while its link stands still.
const WAITING: usize = 3;

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
    let kept = if Agent::has_store() { "kept in its store" } else { "lost, as this version keeps it in memory only" };
    stage.finish(format!("{times} times kill -9; what waited then was {kept}"), Losses::None, Vec::new())
}

pub(super) fn controller_kill(scale: Scale) -> Result<Outcome, Trouble> {
    let mut stage = Stage::open(scale, Conditions::default())?;
    let times = scale.pick(5, 20);
    let mut worst = std::time::Duration::ZERO;
    for _ in 0..times {
        stage.controller.kill();
        stage.controller.restart()?;
        stage.want_the_other_mode()?;
        worst = worst.max(stage.agree()?);
    }
    stage.controller_knows = ControllerKnows::SinceItsStart;
    let bound = std::time::Duration::from_secs(5);
    let figures = vec![Figure::seconds("controller back to agreed mode", worst, Some(bound))];
    stage.finish(format!("{times} times kill -9"), Losses::None, figures)
}
