//! What outlives an agent on its device, and the store that keeps it there: the product's own, its work done by hand.

use std::time::Duration;

use device_agent::agent::{Agent, Context};
use device_agent::keeper::{Bench, FlushConfig, Keeper, Role};
use device_agent::store::{Crash, MemoryFiles, Trouble};
use device_agent::time::MonoTime;
use shared_host::mqtt::Token;

use super::dice::Dice;
use super::faults::Power;

/// Bytes that either place may take.
const MAX_BYTES: u64 = 4 << 20;

/// Memory is never so slow that the agent gives up waiting for it, which is 100 ms.
const MOST_BEHIND: u32 = 2;

/// Two places: one in memory, which a process survives, and one on a disk.
#[derive(Debug, Default)]
pub(super) struct Disks {
    volatile: MemoryFiles,
    durable: MemoryFiles,
}

/// The store of one run.
#[derive(Debug)]
pub(super) struct Store {
    keeper: Keeper,
    benches: Vec<Bench>,
    /// Looks in a row at which the place in memory did not do all of its work.
    behind: u32,
}

impl Disks {
    /// The agent ends, with or without its machine.
    pub(super) fn crash(&mut self, power: Power, dice: &mut Dice) {
        match power {
            Power::Stays => {
                self.volatile.crash(Crash::Process);
                self.durable.crash(Crash::Process);
            }
            Power::Fails => {
                self.volatile = MemoryFiles::new();
                self.durable.crash(Crash::PowerCut { seed: dice.number() });
            }
        }
    }

    /// From now on the disk does this.
    pub(super) fn trouble(&self, trouble: Trouble) {
        self.durable.set_trouble(trouble);
    }

    /// Opens the store for a run. Now and then it opens only when the run has begun.
    pub(super) fn open(
        &self,
        flush_ms: (u64, u64),
        agent: &mut Agent<Token>,
        context: &Context,
        dice: &mut Dice,
    ) -> Store {
        let flush = FlushConfig { after: Duration::from_millis(flush_ms.0), every: Duration::from_millis(flush_ms.1) };
        let (mut keeper, mut benches) =
            Keeper::by_hand(Some(&self.volatile), Some(&self.durable), MAX_BYTES, flush, context.now);
        for bench in &mut benches {
            // The place in memory is always there in time.
            if bench.role() == Role::Volatile || dice.percent(80) {
                bench.work(1);
            }
        }
        keeper.begin_now(agent, context);
        Store { keeper, benches, behind: 0 }
    }
}

impl Store {
    /// Hands changes over, and says what may be sent by now.
    pub(super) fn step(&mut self, agent: &mut Agent<Token>, now: MonoTime) {
        self.keeper.step(agent, now);
    }

    /// The threads of the places do some of their work; whether the one in memory has done all of its.
    pub(super) fn work(&mut self, dice: &mut Dice) -> Done {
        let mut done = Done::Some;
        for bench in &mut self.benches {
            match bench.role() {
                Role::Volatile if self.behind >= MOST_BEHIND || dice.percent(80) => {
                    bench.work(usize::MAX);
                    self.behind = 0;
                    done = Done::All;
                }
                Role::Volatile => {
                    bench.work(1);
                    self.behind += 1;
                }
                // A disk takes its time.
                Role::Durable if dice.percent(20) => bench.work(1),
                Role::Durable => {}
            }
        }
        done
    }

    /// The end in good order: there is time for all of it.
    pub(super) fn finish(&mut self, agent: &mut Agent<Token>, now: MonoTime) {
        for _ in 0..3 {
            self.step(agent, now);
            self.benches.iter_mut().for_each(|bench| bench.work(usize::MAX));
        }
    }
}

/// Whether all that was handed over is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    All,
    Some,
}
