//! What is known of one device. Deciding is here, acting on it is the fleet's.

use shared_proto::ids::{BootId, DeviceId};
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::policy::{Change, Observation, PolicyConfig, PolicyState};
use shared_proto::text::{Name, Reason};
use shared_proto::units::Ratio;
use shared_proto::wire::{Ack, Departure, Missing, ReportRef, Status};

use super::clock::DeviceClock;
use super::commands::{Commands, Order, Situation, Wire};
use super::counts::Counts;
use super::edgex::Mark;
use super::identity::{Evidence, Identity};
use super::peers::Peers;
use super::seen::Seen;
use super::{Carrier, Freshness, Moment, Tie, Timing, Wish, Wisher};
use crate::event::{CommandResult, DeviceMode};

/// Why a mode is commanded that nobody has decided on yet.
pub(super) const AS_REPORTED: &str = "the mode that it reports";

/// After so long a silence a device without births and wills (a classroom client, for example) counts as gone, in milliseconds.
const GONE_AFTER_MS: u64 = 600_000;
/// In a group: how long an order may be on its way at least, before the mode that the device reports counts again, in milliseconds.
const ON_ITS_WAY_MS: u64 = 1_000;

/// One device.
#[derive(Debug)]
pub(super) struct Device {
    /// The wire that it is heard on.
    pub(super) wire: Wire,
    pub(super) tie: Tie,
    pub(super) identity: Identity,
    pub(super) presence: Presence,
    pub(super) version: Option<Name>,
    pub(super) heard: Heard,
    pub(super) reported: Option<Reported>,
    pub(super) newest: Option<Newest>,
    pub(super) tally: Counts,
    pub(super) clock: DeviceClock,
    /// Windows that were asked for.
    pub(super) asked: Option<Missing>,
    /// The newest reading from EdgeX.
    pub(super) mark: Option<Mark>,
    /// What EdgeX answered to its commands last, as it was told.
    pub(super) told_result: Option<CommandResult>,
    /// `None` until a report has seeded it.
    pub(super) policy: Option<PolicyState>,
    /// The latest report that it has judged.
    pub(super) judged: Option<ReportRef>,
    pub(super) wish: Option<Wish>,
    /// Whose wish it is.
    pub(super) wisher: Wisher,
    pub(super) commands: Commands,
    /// Why the wanted mode is wanted.
    pub(super) why: Reason,
    /// The mode that was wanted last, kept while nothing is until the policy is seeded anew.
    pub(super) wanted_last: Option<Mode>,
    /// The hold that was told of, so that it is told once.
    pub(super) told_hold: Option<(Mode, ModeSource)>,
    /// Whether it is for this controller to act.
    pub(super) lead: Lead,
    /// In a group: the commands to it that were heard.
    pub(super) peers: Peers,
    /// When the fleet is to look at it again, as entered in the fleet's alarms.
    pub(super) wake: Option<Moment>,
}

/// Whether it is for this controller to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lead {
    /// Always: there is no other.
    Alone,
    /// In a group: it was just told something that nobody else of the group was.
    Asked,
    /// In a group: it knows what was said before, and others may know more.
    Standby,
}

impl Lead {
    /// It was told something that nobody else was.
    pub(super) fn ask(&mut self) {
        if *self == Self::Standby {
            *self = Self::Asked;
        }
    }

    /// What there was to do is done.
    pub(super) fn rest(&mut self) {
        if *self == Self::Asked {
            *self = Self::Standby;
        }
    }
}

/// When something was heard, and on which connection to the broker.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heard {
    pub(super) at: Moment,
    /// `None` before the first connection.
    pub(super) link: Option<u64>,
}

/// Whether the device is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// Nothing was said of it.
    Unheard,
    Online,
    Offline {
        departure: Option<Departure>,
        news: Freshness,
    },
}

/// The effective mode, as the device told it last.
#[derive(Debug, Clone)]
pub(super) struct Reported {
    pub(super) mode: Mode,
    /// `None` on a wire that does not tell.
    pub(super) source: Option<ModeSource>,
    pub(super) reason: Reason,
}

/// Figures of the newest report.
#[derive(Debug, Clone, Copy)]
pub(super) struct Newest {
    /// Number of the report; `None` on a wire that does not number them.
    pub(super) seq: Option<u64>,
    pub(super) miss_rate: Ratio,
    /// Median, 99th percentile and greatest wake-up latency in nanoseconds.
    pub(super) wakeup_ns: Option<[u64; 3]>,
}

impl Device {
    pub(super) fn new(wire: Wire, tie: Tie, heard: Heard, lead: Lead) -> Self {
        Self {
            wire,
            tie,
            identity: Identity::default(),
            presence: Presence::Unheard,
            version: None,
            heard,
            reported: None,
            newest: None,
            tally: if lead == Lead::Alone { Counts::default() } else { Counts::told() },
            clock: DeviceClock::default(),
            asked: None,
            mark: None,
            told_result: None,
            policy: None,
            judged: None,
            wish: None,
            wisher: Wisher::default(),
            commands: Commands::default(),
            why: AS_REPORTED.into(),
            wanted_last: None,
            told_hold: None,
            lead,
            peers: Peers::default(),
            wake: None,
        }
    }

    /// The mode that is wanted of it; `None` if it is left to itself.
    pub(super) fn wanted(&self) -> Option<Mode> {
        match self.wish {
            Some(Wish::Mode(mode)) => Some(mode),
            Some(Wish::Release) => None,
            None => self.policy.map(|policy| policy.mode),
        }
    }

    /// The report that a command names: the one that led to it, else the latest that the policy has judged. A person's command
    /// names none.
    pub(super) fn cause(&self) -> Option<ReportRef> {
        let led = self.commands.change.and_then(|change| change.cause);
        led.or(self.judged.filter(|_| self.wish.is_none()))
    }

    /// What there is to agree on; `None` if nothing is wanted of it, or it is not for this controller to act.
    pub(super) fn situation(&self) -> Option<Situation> {
        if self.lead == Lead::Standby { None } else { self.stance() }
    }

    /// The same, whoever is to act.
    pub(super) fn stance(&self) -> Option<Situation> {
        match self.wish {
            Some(Wish::Release) => Some(self.situation_with(Order::Release)),
            _ => self.wanted().map(|mode| self.situation_with(Order::Mode(mode))),
        }
    }

    pub(super) fn situation_with(&self, wanted: Order) -> Situation {
        let reported = self.reported.as_ref();
        Situation {
            wanted,
            reported: reported.map(|reported| reported.mode),
            source: reported.and_then(|reported| reported.source),
            wire: self.command_wire(),
        }
    }

    /// The wire that it is commanded on.
    fn command_wire(&self) -> Wire {
        match self.tie.carrier {
            Carrier::SameWire => self.wire,
            Carrier::Edgex => Wire::Edgex,
        }
    }

    /// Whether commands to it hold for a time only.
    pub(super) fn is_leased(&self) -> bool {
        self.command_wire() == Wire::Native
    }

    /// Whether it is there: it said so, or was heard, on this connection to the broker; through EdgeX: lately.
    pub(super) fn is_online(&self, link: Option<u64>, now: Moment) -> bool {
        match self.wire {
            Wire::Native | Wire::Lab => self.is_connected(link),
            Wire::Edgex => {
                self.presence == Presence::Online && now.millis_since(self.heard.at) <= self.tie.silent_after_ms
            }
        }
    }

    /// Whether it said so, or was heard, on this connection to the broker.
    pub(super) fn is_connected(&self, link: Option<u64>) -> bool {
        self.presence == Presence::Online && link.is_some() && self.heard.link == link
    }

    /// Whether it makes room for another: it said good-bye, or never said that it is there and was not heard for a while.
    pub(super) fn is_gone(&self, now: Moment) -> bool {
        match self.presence {
            Presence::Offline { .. } => true,
            // A birth comes with a will, which will tell.
            Presence::Online | Presence::Unheard => {
                self.identity.conn().is_none() && now.millis_since(self.heard.at) >= GONE_AFTER_MS
            }
        }
    }

    /// Windows are missing that were not asked for yet: the next command is not to wait until the lease needs one.
    pub(super) fn miss(&mut self) {
        let missing = self.tally.missing();
        if missing.is_some() && missing.map(|missing| missing.after) != self.asked.map(|asked| asked.after) {
            self.commands.doubt();
        }
    }

    /// What the present run is known by.
    pub(super) fn evidence(&self) -> Evidence {
        match self.presence {
            Presence::Offline { news: Freshness::Retained, .. } => Evidence::RetainedGoodbye,
            _ => Evidence::Live,
        }
    }

    /// Forgets all that belongs to a run of the agent that is over.
    pub(super) fn start_boot(&mut self, boot: BootId) {
        self.tally.start_boot(boot);
        self.forget_policy();
        self.clock = DeviceClock::default();
        self.judged = None;
        self.newest = None;
        self.reported = None;
        self.told_hold = None;
        self.commands.change = None;
        self.commands.doubt();
    }

    /// The device's own policy knows more: the next report seeds this one anew. What an operator wants is untouched.
    pub(super) fn forget_policy(&mut self) {
        self.policy = None;
        if self.wish.is_none() {
            self.why = AS_REPORTED.into();
            self.commands.change = None;
        }
    }

    /// Takes in the mode that the device tells; an event if it changed against what is wanted here.
    pub(super) fn observe(&mut self, device: &DeviceId, now: Reported) -> Option<DeviceMode> {
        let before = self.reported.replace(now.clone());
        let from = before.filter(|before| before.mode != now.mode)?.mode;
        let by_us = self.wanted() == Some(now.mode) && now.source.is_none_or(|source| source == ModeSource::Gateway);
        let event = DeviceMode { device: device.clone(), from, to: now.mode, source: now.source, reason: now.reason };
        (!by_us).then_some(event)
    }

    /// Steps the policy with a report of now. The first of a boot seeds it with what the device's own policy knows; in a group each
    /// one does, as others have judged those before.
    pub(super) fn judge(&mut self, now: Moment, config: &PolicyConfig, timing: &Timing, seen: &Seen) -> Option<Change> {
        self.judged = Some(seen.reference());
        if self.lead != Lead::Alone {
            self.policy = self.seeded(now, config, timing, seen);
        }
        let policy = self.policy.get_or_insert_with(|| {
            // As it was before the device's own policy judged this window.
            let mut seeded = seen.policy;
            seeded.adopt(config, seen.mode);
            seeded
        });
        let elapsed_ms = policy.align(seen.mode, seen.mode_age_ms, seen.span_ms);
        policy.step(config, &Observation { elapsed_ms, jobs: seen.jobs, miss_rate: seen.miss_rate, cpu: seen.cpu })
    }

    /// What the group has decided and the device has not done yet, as a state of the policy.
    fn seeded(&self, now: Moment, config: &PolicyConfig, timing: &Timing, seen: &Seen) -> Option<PolicyState> {
        let (ordered, since, said) = self.commands.standing()?;
        let stronger = matches!(seen.mode_source, ModeSource::Operator | ModeSource::Safety);
        let stands = if stronger {
            now.millis_since(said) < timing.lease_ms()
        } else {
            now.millis_since(since) < u64::from(config.dwell_ms).max(ON_ITS_WAY_MS)
        };
        if ordered == seen.mode || !stands {
            return None;
        }
        let mut state = seen.policy;
        state.adopt(config, seen.mode);
        state.adopt(config, ordered);
        Some(state)
    }

    /// Steps the policy with what came on a wire that does not tell the policy's state; time counts by arrival.
    pub(super) fn judge_arrival(
        &mut self,
        config: &PolicyConfig,
        now: Moment,
        mode: Option<Mode>,
        mut window: Observation,
    ) -> Option<Change> {
        window.elapsed_ms = now.millis_since(self.heard.at);
        let policy = self.policy.get_or_insert_with(|| {
            let mut seeded = PolicyState::default();
            seeded.adopt(config, mode.unwrap_or_default());
            window.elapsed_ms = 0;
            seeded
        });
        policy.step(config, &window)
    }
}

impl From<&Status> for Reported {
    fn from(status: &Status) -> Self {
        Self { mode: status.mode, source: Some(status.mode_source), reason: status.reason.clone() }
    }
}

impl From<&Ack> for Reported {
    fn from(ack: &Ack) -> Self {
        Self { mode: ack.mode, source: Some(ack.mode_source), reason: ack.reason.clone() }
    }
}
