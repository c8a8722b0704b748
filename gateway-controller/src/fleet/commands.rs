//! When to send a command to one device. Not a queue: the wanted mode is compared with the reported one, and a command goes
//! out until they agree. A lost command is therefore harmless.

use shared_proto::ids::CommandId;
use shared_proto::limits::{MAX_LEASE_MS, MIN_LEASE_MS};
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::wire::{Lease, ReportRef};

use super::Moment;

/// Shortest wait between two tries, in milliseconds.
pub const MIN_RETRY_MS: u32 = 10;
/// Longest wait between two tries, in milliseconds.
pub const MAX_RETRY_MS: u32 = 5_000;
/// Shortest time in which a command may be taken, in milliseconds.
pub const MIN_TTL_MS: u32 = 500;
/// Longest time in which a command may be taken, in milliseconds.
pub const MAX_TTL_MS: u32 = 3_600_000;
/// Agreement that lasted so long ends the back-off, in milliseconds: longer than another controller of another opinion waits
/// between two tries.
const STEADY_MS: u64 = 2 * MAX_RETRY_MS as u64;
/// After so long without another's command it is news again, in milliseconds.
const CONTEST_OVER_MS: u64 = 60_000;
/// How long after a command through EdgeX was done a report of the mode before it is taken to be older, in milliseconds.
const CONFIRM_MS: u32 = 3_000;
/// Wait before a command is repeated that will fail until somebody puts something right, in milliseconds.
const REST_MS: u32 = 60_000;
/// Commands remembered for their acknowledgements.
const REMEMBERED: usize = 4;

/// Times of commands. A lease is at least four retry intervals, so that renewals keep to the interval too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    lease: Lease,
    lease_ms: u32,
    retry_ms: u32,
    ttl_ms: u32,
}

/// Times of commands that do not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadTiming {
    /// The wait between tries is out of range.
    #[error("retry_ms: allowed are {MIN_RETRY_MS} to {MAX_RETRY_MS}")]
    Retry,
    /// The time in which a command may be taken is out of range.
    #[error("ttl_ms: allowed are {MIN_TTL_MS} to {MAX_TTL_MS}")]
    Ttl,
    /// The lease is out of range, or too short for the wait between tries.
    #[error("lease_ms: allowed are {MIN_LEASE_MS} to {MAX_LEASE_MS}, and not less than four times retry_ms")]
    Lease,
}

impl Timing {
    /// A lease of `lease_ms` (100 to 86,400,000, at least four times `retry_ms`), tries `retry_ms` (10 to 5,000) apart, and
    /// commands that may be taken for `ttl_ms` (500 to 3,600,000).
    ///
    /// # Errors
    /// [`BadTiming`] says which number does not fit.
    pub fn new(lease_ms: u32, retry_ms: u32, ttl_ms: u32) -> Result<Self, BadTiming> {
        if !(MIN_RETRY_MS..=MAX_RETRY_MS).contains(&retry_ms) {
            return Err(BadTiming::Retry);
        }
        if !(MIN_TTL_MS..=MAX_TTL_MS).contains(&ttl_ms) {
            return Err(BadTiming::Ttl);
        }
        match Lease::try_from(lease_ms) {
            Ok(lease) if lease_ms / 4 >= retry_ms => Ok(Self { lease, lease_ms, retry_ms, ttl_ms }),
            _ => Err(BadTiming::Lease),
        }
    }

    /// How long a command may be taken after it was sent, in milliseconds.
    #[must_use]
    pub fn ttl_ms(&self) -> u32 {
        self.ttl_ms
    }

    pub(super) fn lease(&self) -> Lease {
        self.lease
    }

    pub(super) fn lease_ms(&self) -> u64 {
        self.lease_ms.into()
    }

    /// Time from command `number` to the renewal of its lease: a third of the lease, less a share that differs from command
    /// to command, so that a fleet that came at once does not renew at once for ever.
    fn renewal_ms(&self, number: u64) -> u64 {
        let lease = u64::from(self.lease_ms);
        lease / 3 - number.wrapping_mul(7_919) % (lease / 12).max(1)
    }
}

/// What is wanted of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// This mode, under a lease.
    Mode(Mode),
    /// That it decides for itself, without a lease of any gateway.
    Release,
}

/// What there is to agree on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Situation {
    pub(super) wanted: Order,
    pub(super) reported: Option<Mode>,
    /// Who decides there; `None` if that was not told.
    pub(super) source: Option<ModeSource>,
    pub(super) wire: Wire,
}

/// Which wire a device is commanded on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    /// Leases and acknowledgements.
    Native,
    /// Neither: a command holds until the next, and there is no release.
    Lab,
    /// EdgeX: like the classroom's, but each command is answered by core-command, and one is under way at a time.
    Edgex,
}

impl Wire {
    /// Whether a command on it holds for a time only, and can be taken back.
    fn leased(self) -> bool {
        self == Self::Native
    }
}

impl Situation {
    /// The device is in the wanted mode.
    pub(super) fn agreed(&self) -> bool {
        self.reported.is_some_and(|mode| self.wanted == Order::Mode(mode))
    }

    /// Something stronger than the gateway decides there: leases are renewed for later, nothing is fought for.
    pub(super) fn held(&self) -> bool {
        matches!(self.source, Some(ModeSource::Operator | ModeSource::Safety))
    }
}

/// A command that was sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sent {
    pub(super) id: CommandId,
    pub(super) mode: Mode,
    /// When the need for the change arose, if this command asked for one that is not acknowledged yet.
    pub(super) change_since: Option<Moment>,
}

/// A change that is asked for until it is acknowledged or reported.
#[derive(Debug, Clone, Copy)]
pub(super) struct OpenChange {
    pub(super) since: Moment,
    pub(super) cause: Option<ReportRef>,
}

/// What was sent to one device, and what is open.
#[derive(Debug, Default)]
pub(super) struct Commands {
    last: Option<Last>,
    /// Wait before the next try while there is no agreement; 0 stands for the shortest.
    wait_ms: u32,
    /// Since when nothing is to be changed, and by which order.
    settled_since: Option<(Order, Moment)>,
    /// When another's command against the wanted mode was heard of.
    contested_at: Option<Moment>,
    hold: Hold,
    pub(super) change: Option<OpenChange>,
    /// On a wire with answers to commands: the one that waits for its answer.
    under_way: Option<(CommandId, Mode)>,
    recent: [Option<Sent>; REMEMBERED],
}

#[derive(Debug, Clone, Copy)]
struct Last {
    at: Moment,
    /// When it was ordered first.
    since: Moment,
    order: Order,
    number: u64,
}

/// Whether the device can still have the lease of the last command.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Hold {
    #[default]
    Leased,
    /// The device started or connected anew, or was out of reach.
    Doubtful,
}

impl Commands {
    /// When the next command is due; `None` while there is nothing to send.
    pub(super) fn due(&self, situation: &Situation, timing: &Timing) -> Option<Moment> {
        let settled = self.settled(situation);
        let nothing_to_renew = !situation.wire.leased() || situation.wanted == Order::Release;
        let no_such_command = !situation.wire.leased() && situation.wanted == Order::Release;
        let asked_already = self.under_way.as_ref().is_some_and(|(_, mode)| situation.wanted == Order::Mode(*mode));
        if settled && nothing_to_renew || no_such_command || asked_already {
            return None;
        }
        let Some(last) = self.last else { return Some(Moment::default()) };
        let wait_ms = if last.order != situation.wanted {
            0
        } else if !settled {
            u64::from(self.wait_ms.max(timing.retry_ms))
        } else if self.hold == Hold::Doubtful {
            u64::from(timing.retry_ms)
        } else {
            timing.renewal_ms(last.number)
        };
        Some(last.at.plus_millis(wait_ms))
    }

    /// Nothing is to be changed.
    fn settled(&self, situation: &Situation) -> bool {
        match situation.wanted {
            Order::Mode(_) => situation.held() || situation.agreed(),
            // A lease that was given may have arrived though the device does not tell so yet.
            Order::Release => situation.source != Some(ModeSource::Gateway) && self.last_mode().is_none(),
        }
    }

    /// Takes note of what the device reports.
    pub(super) fn observe(&mut self, now: Moment, situation: &Situation) {
        let since = self.settled_since.filter(|(order, _)| *order == situation.wanted).map(|(_, since)| since);
        // Momentary agreement proves nothing: another controller may want something else.
        if since.is_some_and(|since| now.millis_since(since) >= STEADY_MS) {
            self.wait_ms = 0;
        }
        self.settled_since = self.settled(situation).then_some((situation.wanted, since.unwrap_or(now)));
        if situation.agreed() {
            self.change = None;
        }
    }

    /// A command `number`, named `id`, goes out for this situation.
    pub(super) fn sent(&mut self, now: Moment, number: u64, id: CommandId, situation: &Situation, timing: &Timing) {
        self.ordered(now, number, situation, timing);
        // That a device is let go is no change of mode to be told of.
        let Order::Mode(mode) = situation.wanted else { return };
        if situation.wire == Wire::Edgex {
            self.under_way = Some((id.clone(), mode));
        }
        self.recent.rotate_right(1);
        let change_since = self.change.map(|change| change.since);
        let [newest, ..] = &mut self.recent;
        *newest = Some(Sent { id, mode, change_since });
    }

    /// A command `number` for this situation went out, whoever of a group sent it.
    pub(super) fn ordered(&mut self, now: Moment, number: u64, situation: &Situation, timing: &Timing) {
        let before = self.last.filter(|last| last.order == situation.wanted);
        if before.is_none() {
            self.wait_ms = timing.retry_ms;
        } else if !self.settled(situation) {
            self.wait_ms = self.wait_ms.max(timing.retry_ms).saturating_mul(2).min(MAX_RETRY_MS);
        }
        self.hold = Hold::Leased;
        let since = before.map_or(now, |last| last.since);
        self.last = Some(Last { at: now, since, order: situation.wanted, number });
    }

    /// What was ordered last was decided on once more.
    pub(super) fn decided_anew(&mut self, now: Moment) {
        if let Some(last) = &mut self.last {
            last.since = now;
        }
    }

    /// The mode that was ordered last, since when, and when that was said last; `None` if the device was let go since.
    pub(super) fn standing(&self) -> Option<(Mode, Moment, Moment)> {
        let last = self.last?;
        match last.order {
            Order::Mode(mode) => Some((mode, last.since, last.at)),
            Order::Release => None,
        }
    }

    /// What was ordered last.
    pub(super) fn ordered_last(&self) -> Option<Order> {
        self.last.map(|last| last.order)
    }

    /// When the last command went out.
    pub(super) fn last_at(&self) -> Option<Moment> {
        self.last.map(|last| last.at)
    }

    /// What was sent so far does not hold any more.
    pub(super) fn void(&mut self) {
        self.last = None;
    }

    /// The device started or connected anew, or was out of reach: its lease may be gone.
    pub(super) fn doubt(&mut self) {
        self.hold = Hold::Doubtful;
        self.wait_ms = 0;
    }

    /// EdgeX answered this command: the wait for the next try counts from here.
    pub(super) fn finished(&mut self, now: Moment, id: &CommandId) -> Option<Sent> {
        self.under_way.take_if(|(under_way, _)| under_way == id)?;
        if let Some(last) = &mut self.last {
            last.at = now;
        }
        self.answered(id)
    }

    /// It was done: what the device reports next may be from before.
    pub(super) fn confirm(&mut self) {
        self.wait_ms = self.wait_ms.max(CONFIRM_MS);
    }

    /// It will fail until somebody puts something right.
    pub(super) fn rest(&mut self) {
        self.wait_ms = REST_MS;
    }

    /// The device refused: no more hurry.
    pub(super) fn back_off(&mut self) {
        self.wait_ms = MAX_RETRY_MS;
    }

    /// Another's command against the wanted mode took effect; tells whether that is news.
    pub(super) fn contested(&mut self, now: Moment) -> bool {
        self.contested_at.replace(now).is_none_or(|before| now.millis_since(before) >= CONTEST_OVER_MS)
    }

    /// The mode last asked for; `None` if the device was let go since.
    pub(super) fn last_mode(&self) -> Option<Mode> {
        match self.last?.order {
            Order::Mode(mode) => Some(mode),
            Order::Release => None,
        }
    }

    /// The command with this id is answered; `None` if it was before, or was not sent lately.
    pub(super) fn answered(&mut self, id: &CommandId) -> Option<Sent> {
        self.recent.iter_mut().find_map(|sent| sent.take_if(|sent| sent.id == *id))
    }

    /// A change to this mode was acknowledged: later acknowledgements of its repetitions are no news.
    pub(super) fn close_change(&mut self, mode: Mode) {
        for sent in self.recent.iter_mut().flatten().filter(|sent| sent.mode == mode) {
            sent.change_since = None;
        }
        if self.last_mode() == Some(mode) {
            self.change = None;
        }
    }
}
