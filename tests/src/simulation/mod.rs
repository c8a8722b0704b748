//! The whole system in virtual time: agents and controllers, the product's own code, in a world made up from a seed. A model of
//! the real-time thread, of the network and of the broker stands around them; a schedule of faults upsets it until a certain
//! time. The laws in [`Law`] are checked throughout.
//!
//! One process, no threads, no clock: the same seed gives the same world, event by event.

mod at_broker;
mod at_device;
mod at_gateway;
mod broker;
mod client;
mod device;
mod dice;
mod disks;
mod ending;
mod faults;
mod gateway;
mod happenings;
mod judge;
mod network;
mod packet;
mod plan;
mod recorder;
mod run;
mod seeds;
mod task;
mod time;
mod trace;
mod upset;
mod watch;
mod world;

pub use happenings::{Happening, Happenings};
pub use judge::{Broken, Law, Violation};
pub use seeds::{Failure, Sum, run_seeds};
pub use time::Time;
pub use trace::Keep;

use world::World;

/// What goes wrong in a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trouble {
    /// Whatever the seed says, for up to a minute.
    #[default]
    OfAllKinds,
    /// Nobody reaches anybody for so many minutes.
    Outage(u64),
}

/// What may be asked of a world besides its seed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Number of agents, 1 to 4; the seed decides if there is none.
    pub agents: Option<usize>,
    /// What goes wrong.
    pub trouble: Trouble,
    /// Whether to keep the trace.
    pub keep: Keep,
}

/// What became of a world.
#[derive(Debug)]
pub struct Outcome {
    /// Its seed.
    pub seed: u64,
    /// Hash of all that happened.
    pub hash: u64,
    /// The trace, if it was to be kept.
    pub trace: Vec<String>,
    /// The first law that was broken.
    pub violation: Option<Violation>,
    /// What happened how often.
    pub seen: Happenings,
}

/// Lets the world of a seed run to its end, or to the first broken law.
#[must_use]
pub fn simulate(seed: u64, options: Options) -> Outcome {
    World::new(seed, options).run()
}
