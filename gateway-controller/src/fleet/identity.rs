//! Which run of the agent, and which of its connections, is the present one.
//!
//! Boots have no order. A birth (a status that says online) names the present run; the wills and goodbyes of other runs and of
//! older connections are stale news, and reports of other runs are leftovers from their spool.

use shared_proto::ids::BootId;
use shared_proto::wire::{Departure, Status};

use super::{Freshness, Moment};

/// After so long without a report of the run that was born, another run that keeps reporting takes its place: its birth
/// must have been lost. In milliseconds.
const BIRTH_LOST_AFTER_MS: u64 = 10_000;

/// The present run of the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Identity {
    /// Nothing is known.
    #[default]
    Unknown,
    /// Known from reports only.
    Reported { boot: BootId },
    /// Known from a status.
    Born {
        boot: BootId,
        conn: u64,
        /// The run before, which is over.
        previous: Option<BootId>,
        /// Another run that reports, and since when it alone does.
        stranger: Option<(BootId, Moment)>,
    },
}

/// What a report's boot says about the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// It is the present run.
    Present,
    /// It is a new run.
    NewRun,
    /// It is a leftover of another run.
    Leftover,
}

impl Identity {
    pub(super) fn boot(&self) -> Option<BootId> {
        match *self {
            Self::Unknown => None,
            Self::Reported { boot } | Self::Born { boot, .. } => Some(boot),
        }
    }

    pub(super) fn conn(&self) -> Option<u64> {
        match *self {
            Self::Born { conn, .. } => Some(conn),
            Self::Unknown | Self::Reported { .. } => None,
        }
    }

    /// A status says which run and connection it is from now on.
    pub(super) fn born(&mut self, status: &Status) {
        let previous = match *self {
            Self::Born { boot, previous, .. } if boot == status.boot => previous,
            _ => self.boot().filter(|boot| *boot != status.boot),
        };
        *self = Self::Born { boot: status.boot, conn: status.conn, previous, stranger: None };
    }

    /// Whether a status is stale news. `evidence` is what the present run is known by.
    pub(super) fn is_stale(&self, status: &Status, freshness: Freshness, evidence: Evidence) -> bool {
        // A device says good-bye itself, and now: that is newer than all that the broker kept, if its birth got lost.
        let good_bye = status.departure == Some(Departure::Stopped) && freshness == Freshness::Live;
        match *self {
            Self::Unknown => false,
            _ if self.boot() == Some(status.boot) => self.conn().is_some_and(|conn| status.conn < conn),
            _ if good_bye && evidence == Evidence::RetainedGoodbye => false,
            // What the broker retains is the last word on that topic, and a birth is always news.
            _ => !status.online && freshness == Freshness::Live,
        }
    }

    /// Judges a report's boot. `evidence` is what the present run is known by.
    pub(super) fn claim(&mut self, boot: BootId, now: Moment, evidence: Evidence) -> Claim {
        let present = self.boot() == Some(boot);
        let Self::Born { stranger, previous, .. } = self else {
            return if present { Claim::Present } else { Claim::NewRun };
        };
        if present {
            *stranger = None;
            return Claim::Present;
        }
        if *previous == Some(boot) {
            return Claim::Leftover;
        }
        let since = match *stranger {
            Some((known, since)) if known == boot => since,
            _ => now,
        };
        *stranger = Some((boot, since));
        let birth_lost = now.millis_since(since) >= BIRTH_LOST_AFTER_MS;
        if birth_lost || evidence == Evidence::RetainedGoodbye { Claim::NewRun } else { Claim::Leftover }
    }
}

/// What the present run is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Evidence {
    /// By word of now.
    Live,
    /// By a goodbye from the broker's store only: any report is newer.
    RetainedGoodbye,
}
