//! The broker dies at once, and comes back empty.

use std::time::Duration;

use super::Scale;
use super::balance::Losses;
use super::outcome::Outcome;
use super::stage::{Conditions, Stage};
use crate::proxy::Faults;
use crate::site::{Trouble, pause};

/// The moments of death lie anywhere within some reports.
const SPREAD_MS: u64 = 300;

pub(super) fn kill(scale: Scale) -> Result<Outcome, Trouble> {
    let mut stage = Stage::open(scale, Conditions::default())?;
    let times = scale.breaks(10, 100);
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..times {
        pause(Duration::from_millis(random.u64(0..SPREAD_MS)))?;
        stage.broker.kill();
        // A broker keeps nothing for those who are away: the device has to come back last.
        stage.proxy.set(Faults::held_back());
        stage.recorder.wait_until_down()?;
        stage.controller.wait_until_down()?;
        stage.want_the_other_mode()?;
        stage.broker.restart()?;
        stage.recorder.wait_until_up()?;
        stage.controller.wait_until_up()?;
        stage.proxy.heal();
        stage.agree()?;
    }
    stage.finish(
        format!("{times} times kill -9, started again; controller and recorder back first"),
        Losses::WithTheBroker,
        Vec::new(),
    )
}
