//! Gateway to device: which mode to take, and for how long.

use serde::{Deserialize, Serialize};

use super::Version;
use crate::ids::{BootId, CommandId};
use crate::limits::{MAX_AHEAD_MS, MAX_LEASE_MS, MIN_LEASE_MS};
use crate::mode::Mode;
use crate::text::Reason;

/// Take this mode until the lease ends. The same `id` twice is acknowledged again and applied once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetMode {
    /// Version of the wire.
    pub v: Version,
    /// Names the command in its acknowledgement.
    pub id: CommandId,
    /// The mode to take.
    pub mode: Mode,
    /// How long the mode holds without another command, in milliseconds on the device's monotonic clock.
    pub lease_ms: Lease,
    /// Why, for people.
    #[serde(default)]
    pub reason: Reason,
    /// The report that led to this command, or the latest that the sender's policy has judged: so a policy's command is told
    /// from a person's, which has none. The device tells its own reaction time in the acknowledgement, and lets no policy
    /// change its mode twice within one dwell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<ReportRef>,
    /// Until when the command may be taken; without it, whenever it arrives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fresh: Option<Fresh>,
    /// Windows that the sender has never received. A broker that restarts acknowledges what it has nobody to give to; what the
    /// device still has of these windows it sends again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<Missing>,
}

/// Windows `after + 1 ..= up_to` of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// Run of the agent.
    pub boot: BootId,
    /// Number of the window before the first that is missing.
    pub after: u64,
    /// Number of the last one that is missing.
    pub up_to: u64,
}

/// Until when a command may be taken, on the device's own clock: no two clocks need to agree. A command for an earlier run
/// of the agent, or one that was held up on its way, is answered `expired` and changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fresh {
    /// The run of the agent that it is meant for.
    pub boot: BootId,
    /// Device time that the sender takes it to be: the latest that it was told ([`Report::up_ms`](super::Report::up_ms)),
    /// plus what has passed since.
    pub up_ms: u64,
    /// How long after `up_ms` the command may be taken, in milliseconds.
    pub ttl_ms: u32,
}

impl Fresh {
    /// Whether it may be taken by the run `boot` whose clock says `now_up_ms`. A time ahead of the device's own is never told by
    /// the device, so more than a rounding ahead it is not believed.
    ///
    /// # Errors
    /// [`NotFresh`] says why not.
    pub fn check(&self, boot: BootId, now_up_ms: u64) -> Result<(), NotFresh> {
        if self.boot != boot {
            return Err(NotFresh::OtherRun);
        }
        let ahead_ms = self.up_ms.saturating_sub(now_up_ms);
        if ahead_ms > MAX_AHEAD_MS {
            return Err(NotFresh::Ahead { ahead_ms });
        }
        let age_ms = now_up_ms.saturating_sub(self.up_ms);
        if age_ms > u64::from(self.ttl_ms) {
            return Err(NotFresh::Late { age_ms, ttl_ms: self.ttl_ms });
        }
        Ok(())
    }
}

/// Why a command may not be taken any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotFresh {
    /// It was meant for another run of the agent.
    #[error("it was meant for another run of the agent")]
    OtherRun,
    /// It was too long on its way.
    #[error("it is {age_ms} ms old, {ttl_ms} are allowed")]
    Late {
        /// Its age on the device's clock.
        age_ms: u64,
        /// The age that was allowed.
        ttl_ms: u32,
    },
    /// It quotes a device time that has not come yet.
    #[error("it quotes a device time {ahead_ms} ms ahead")]
    Ahead {
        /// How far ahead.
        ahead_ms: u64,
    },
}

/// Names one report: `(boot, seq)` never comes twice with different content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportRef {
    /// Run of the agent.
    pub boot: BootId,
    /// Number of the report in that run.
    pub seq: u64,
}

/// What is read first of any command, whatever its version: enough to say what is wrong with the rest.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Envelope {
    /// Version that the sender speaks.
    pub v: u32,
    /// Id of the command, if it has one. An id that breaks the rules makes the whole envelope unreadable.
    #[serde(default)]
    pub id: Option<CommandId>,
}

/// How long a commanded mode holds: 100 ms to one day, or 0 to let go of the device at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Lease(u32);

/// A lease outside its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("lease_ms {0}: allowed are {MIN_LEASE_MS} to {MAX_LEASE_MS}, or 0 to let go")]
pub struct BadLease(u32);

impl Lease {
    /// Ends the gateway's hold on the device at once.
    pub const RELEASE: Self = Self(0);

    /// Length in milliseconds; `None` lets go.
    #[must_use]
    pub fn millis(self) -> Option<u32> {
        (self.0 > 0).then_some(self.0)
    }
}

impl TryFrom<u32> for Lease {
    type Error = BadLease;

    fn try_from(ms: u32) -> Result<Self, BadLease> {
        match ms {
            0 | MIN_LEASE_MS..=MAX_LEASE_MS => Ok(Self(ms)),
            _ => Err(BadLease(ms)),
        }
    }
}

impl From<Lease> for u32 {
    fn from(lease: Lease) -> Self {
        lease.0
    }
}
