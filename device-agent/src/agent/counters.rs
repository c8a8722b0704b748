//! What became of the commands that arrived.

use serde::{Deserialize, Serialize};

/// Why a command was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Longer than a command may be.
    Oversize,
    /// Of a version that is not known.
    Version,
    /// Not what a command looks like.
    Malformed,
    /// Left in the broker by somebody: a retained command is old by nature.
    Retained,
    /// Too late, or for another run of the agent.
    Expired,
    /// Not signed, or not limited in time, where that is required.
    Unsigned,
    /// Signed wrongly: by another key, for another topic, or changed on the way.
    Forged,
}

/// Counts since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CommandCounts {
    /// Taken.
    pub accepted: u64,
    /// Repeated: answered again, applied once.
    pub duplicate: u64,
    /// Refused: too long.
    pub oversize: u64,
    /// Refused: unknown version.
    pub version: u64,
    /// Refused: not a command.
    pub malformed: u64,
    /// Refused: retained.
    pub retained: u64,
    /// Refused: too late, or for another run of the agent.
    #[serde(default)]
    pub expired: u64,
    /// Refused: not signed, or not limited in time, where that is required.
    #[serde(default)]
    pub unsigned: u64,
    /// Refused: signed wrongly.
    #[serde(default)]
    pub forged: u64,
}

impl CommandCounts {
    /// Commands that arrived, whatever became of them.
    #[must_use]
    pub fn arrived(&self) -> u64 {
        let Self { accepted, duplicate, oversize, version, malformed, retained, expired, unsigned, forged } = *self;
        accepted + duplicate + oversize + version + malformed + retained + expired + unsigned + forged
    }

    pub(super) fn accepted(&mut self) {
        self.accepted += 1;
    }

    pub(super) fn duplicate(&mut self) {
        self.duplicate += 1;
    }

    pub(super) fn refused(&mut self, kind: Refused) {
        *match kind {
            Refused::Oversize => &mut self.oversize,
            Refused::Version => &mut self.version,
            Refused::Malformed => &mut self.malformed,
            Refused::Retained => &mut self.retained,
            Refused::Expired => &mut self.expired,
            Refused::Unsigned => &mut self.unsigned,
            Refused::Forged => &mut self.forged,
        } += 1;
    }
}
