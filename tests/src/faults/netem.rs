//! Packets instead of streams: the device behind a cable on which the kernel loses, delays, reorders and doubles them.

use demo::broker::free_port;

use super::Scale;
use super::balance::Losses;
use super::namespace::Namespace;
use super::outcome::{Figure, Outcome};
use super::stage::{Conditions, Stage};
use crate::site::{AgentPlan, Trouble, pause};

const BAD_CABLE: [&str; 13] =
    ["netem", "delay", "50ms", "20ms", "loss", "20%", "reorder", "25%", "50%", "duplicate", "5%", "limit", "1000"];
const GOOD_CABLE: [&str; 1] = ["pfifo"];

pub(super) fn netem(scale: Scale) -> Result<Outcome, Trouble> {
    let namespace = Namespace::open()?;
    // Before anything is started for nothing.
    namespace.shape(&BAD_CABLE)?;
    namespace.shape(&GOOD_CABLE)?;
    let port = free_port().map_err(Trouble::system("a port"))?;
    let agent = AgentPlan { through: namespace.through(), ..AgentPlan::default() };
    let mut stage = Stage::open(scale, Conditions { agent, proxy: Some(namespace.address(port)) })?;
    namespace.shape(&BAD_CABLE)?;
    stage.want_the_other_mode()?;
    let slow = stage.agree()?;
    pause(scale.seconds(8, 60))?;
    namespace.shape(&GOOD_CABLE)?;
    let done = format!("tc {}, both ways", BAD_CABLE.join(" "));
    let figures = vec![Figure::seconds("change of mode on the bad cable", slow, None)];
    let finished = stage.finish(done, Losses::None, figures);
    drop(namespace);
    finished
}
