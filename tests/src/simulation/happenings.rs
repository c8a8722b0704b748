//! What happened how often: a simulation in which nothing happens proves nothing.

use std::collections::BTreeMap;
use std::fmt;

macro_rules! happenings {
    ($($(#[$doc:meta])* $name:ident => $words:literal,)*) => {
        /// A kind of event that the simulation is there to bring about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Happening {
            $($(#[$doc])* $name,)*
        }

        impl Happening {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// In words.
            #[must_use]
            pub fn words(self) -> &'static str {
                match self { $(Self::$name => $words,)* }
            }
        }
    };
}

happenings! {
    /// Jobs ran.
    Job => "jobs",
    /// Reports reached the broker.
    Report => "reports that reached the broker",
    /// A job missed its deadline.
    Miss => "missed deadlines",
    /// Releases passed while a job ran.
    Skipped => "skipped releases",
    /// The ring was full.
    RingFull => "records lost in a full ring",
    /// The period changed.
    Epoch => "changes of the period",
    /// A device connected.
    DeviceUp => "connections of devices",
    /// A connection of a device ended.
    DeviceDown => "lost connections of devices",
    /// The controller connected.
    GatewayUp => "connections of the controller",
    /// A connection of the controller ended.
    GatewayDown => "lost connections of the controller",
    /// A connection was cut, both ends told.
    Cut => "connections cut",
    /// A connection was cut, one end told at most.
    HalfOpen => "connections cut without a word to one end",
    /// Nothing got through for a while, in one direction or both.
    Partition => "partitions",
    /// The broker restarted and kept what it retains.
    BrokerRestart => "restarts of the broker",
    /// The broker restarted and lost what it retains.
    BrokerAmnesia => "restarts of the broker that lost the retained messages",
    /// A client took its own old connection over.
    Takeover => "connections taken over",
    /// A will was published.
    Will => "wills",
    /// A will was published only after the next birth.
    LateWill => "wills after the next birth",
    /// An agent was killed.
    Kill => "killed agents",
    /// An agent was killed and its connection stayed open at the broker.
    PowerCut => "power cuts",
    /// An agent ended in good order.
    Stop => "agents that said good-bye",
    /// The controller was killed.
    GatewayKill => "killed controllers",
    /// An agent's supervisor stood still.
    Stall => "supervisors that stood still",
    /// The controller stood still.
    GatewayStall => "controllers that stood still",
    /// A wall clock jumped.
    ClockJump => "jumps of a wall clock",
    /// A disk failed.
    DiskTrouble => "disks that failed",
    /// A report of an earlier run reached the broker.
    Restored => "reports of earlier runs",
    /// A job did not end for long.
    Hang => "jobs that hung",
    /// The device protected itself.
    Safety => "modes by the safety guard",
    /// An operator held a mode.
    Hold => "modes held by an operator",
    /// An operator wanted something at the controller.
    Wish => "wishes at the controller",
    /// A mode changed by command of the controller's policy.
    GatewayChange => "mode changes by the controller",
    /// A mode changed by the device's own policy.
    LocalChange => "mode changes by the device's own policy",
    /// The policy degraded again soon after a recovery.
    Relapse => "relapses",
    /// A lease ended.
    LeaseEnd => "leases that ended",
    /// Reports were merged.
    Merged => "merged reports that reached the broker",
    /// A report was given up.
    GivenUp => "windows given up by a full spool",
    /// A report reached the broker twice.
    DuplicateReport => "reports that reached the broker twice",
    /// A report reached the controller twice.
    DuplicateAtGateway => "reports that reached the controller twice",
    /// A report did not reach the controller.
    MissingAtGateway => "controllers that knew of windows they did not get",
    /// A report came to the controller after a newer one.
    LateReport => "reports after newer ones",
    /// A report came to the controller too old to decide by.
    OldReport => "reports too old to decide by",
    /// A command reached its device.
    Command => "commands",
    /// A command reached its device twice.
    DuplicateCommand => "repeated commands",
    /// A command came too late.
    LateCommand => "commands that came too late",
    /// A command for an earlier run arrived.
    ForeignCommand => "commands for another run",
    /// A policy's command came within a dwell of the last change.
    TooSoon => "commands within a dwell of the last change",
    /// A command that an earlier run had taken.
    TakenBefore => "commands that an earlier run had taken",
    /// A command was overtaken before it took effect.
    Superseded => "commands that were superseded",
    /// A command was lost.
    LostCommand => "commands that were lost",
    /// An answer reached the broker.
    Answer => "answers",
    /// An answer reached the broker twice.
    RepeatedAnswer => "repeated answers",
    /// A device was dead at the end.
    DeadAtEnd => "devices that were dead at the end",
}

/// Counts of each kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Happenings(BTreeMap<Happening, u64>);

impl Happenings {
    pub(super) fn note(&mut self, what: Happening) {
        self.add(what, 1);
    }

    pub(super) fn add(&mut self, what: Happening, times: u64) {
        if times > 0 {
            *self.0.entry(what).or_default() += times;
        }
    }

    /// How often.
    #[must_use]
    pub fn of(&self, what: Happening) -> u64 {
        self.0.get(&what).copied().unwrap_or(0)
    }

    /// Adds those of another world.
    pub fn absorb(&mut self, other: &Self) {
        other.0.iter().for_each(|(what, times)| self.add(*what, *times));
    }
}

impl fmt::Display for Happenings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Happening::ALL.iter().try_for_each(|what| writeln!(f, "{:>12} {}", self.of(*what), what.words()))
    }
}
