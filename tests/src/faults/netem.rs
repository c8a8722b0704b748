//! Packets instead of streams: the device behind a cable on which they are lost, late, out of order and doubled: by the kernel's
//! `netem`, or by a relay of our own where the kernel has none.

use demo::broker::free_port;

use super::Scale;
use super::balance::Losses;
use super::namespace::Namespace;
use super::outcome::{Figure, Outcome};
use super::relay::{AT_ONCE, Cable, DOUBLED, LOST};
use super::stage::{Conditions, Stage};
use super::tunnel::Tunnel;
use crate::site::{AgentPlan, Trouble, pause};

const SEED: u64 = 1;
const BAD_CABLE: [&str; 13] =
    ["netem", "delay", "50ms", "20ms", "loss", "20%", "reorder", "25%", "50%", "duplicate", "5%", "limit", "1000"];
const GOOD_CABLE: [&str; 1] = ["pfifo"];

/// Who spoils the packets.
enum Spoiler {
    Kernel,
    Own(Tunnel),
}

impl Spoiler {
    /// Lays the cable, a good one at first.
    fn lay(namespace: &Namespace) -> Result<Self, Trouble> {
        match namespace.lay_cable().and_then(|()| namespace.shape(&BAD_CABLE)) {
            Ok(()) => namespace.shape(&GOOD_CABLE).map(|()| Self::Kernel),
            Err(Trouble::NotHere(no_netem)) => {
                namespace.remove_cable();
                Tunnel::into(namespace, SEED).map(Self::Own).map_err(|trouble| match trouble {
                    Trouble::NotHere(no_tunnel) => Trouble::NotHere(format!("{no_netem}; {no_tunnel}")),
                    other => other,
                })
            }
            Err(other) => Err(other),
        }
    }

    fn set(&self, namespace: &Namespace, cable: Cable) -> Result<(), Trouble> {
        match (self, cable) {
            (Self::Kernel, Cable::Bad) => namespace.shape(&BAD_CABLE),
            (Self::Kernel, Cable::Good | Cable::Absent) => namespace.shape(&GOOD_CABLE),
            (Self::Own(tunnel), cable) => {
                tunnel.set(cable);
                Ok(())
            }
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Kernel => "the kernel's netem",
            Self::Own(_) => "own relay",
        }
    }

    fn done(&self) -> String {
        match self {
            Self::Kernel => format!("tc {}, both ways", BAD_CABLE.join(" ")),
            Self::Own(tunnel) => {
                let (packets, lost) = tunnel.counts();
                let percent = |share: f64| share * 100.0;
                format!(
                    "each way {} % lost, 50 ± 20 ms late, {} % at once, {} % doubled; {lost} of {packets} packets lost",
                    percent(LOST),
                    percent(AT_ONCE),
                    percent(DOUBLED)
                )
            }
        }
    }
}

pub(super) fn netem(scale: Scale) -> Result<Outcome, Trouble> {
    let namespace = Namespace::open()?;
    let spoiler = Spoiler::lay(&namespace)?;
    let port = free_port().map_err(Trouble::system("a port"))?;
    let agent = AgentPlan { through: namespace.through(), ..AgentPlan::default() }.with(&[("mqtt.insecure", "true")]);
    let conditions = Conditions { agent, proxy: Some(namespace.address(port)), ..Conditions::default() };
    let mut stage = Stage::open(scale, conditions)?;
    spoiler.set(&namespace, Cable::Bad)?;
    stage.want_the_other_mode()?;
    let slow = stage.agree()?;
    pause(scale.seconds(6, 60))?;
    spoiler.set(&namespace, Cable::Good)?;
    let figures = vec![Figure::seconds("change of mode on the bad cable", slow, None)];
    let mut outcome = stage.finish(spoiler.done(), Losses::None, figures)?;
    outcome.by = Some(spoiler.name());
    Ok(outcome)
}
