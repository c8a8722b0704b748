//! The broker dies at once, and comes back empty. It acknowledges what it has nobody to give to, so devices that come back before the
//! controller are heard by nobody: the controller has to ask.

use std::time::Duration;

use super::Scale;
use super::balance::Losses;
use super::outcome::Outcome;
use super::stage::{Conditions, Stage};
use crate::site::{Trouble, pause};

/// The moments of death lie anywhere within some reports.
const SPREAD_MS: u64 = 300;

pub(super) fn kill(scale: Scale) -> Result<Outcome, Trouble> {
    let mut stage = Stage::open(scale, Conditions::default())?;
    let times = scale.pick(10, 100);
    let mut random = fastrand::Rng::with_seed(1);
    let mut agreed = Vec::new();
    for _ in 0..times {
        pause(Duration::from_millis(random.u64(0..SPREAD_MS)))?;
        stage.broker.kill();
        stage.want_the_other_mode()?;
        stage.broker.restart()?;
        agreed.push(stage.agree_at_the_controller()?);
    }
    // From the broker's return, not from the device's: the recorder does not hear of every birth.
    stage.recorder.ledger().device(&stage.device).reconnections = agreed;
    stage.finish(
        format!("{times} times kill -9, started again; whoever comes back first"),
        Losses::NoneAtTheController,
        Vec::new(),
    )
}
