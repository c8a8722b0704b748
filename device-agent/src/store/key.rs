//! What a record is about.

/// Kind of a record. The numbers are those of the file format and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A report that waits for its PUBACK.
    Report,
    /// A run of the agent: what its reports have in common with its last one.
    Run,
    /// How far a run had counted.
    Tail,
    /// A command and its answer.
    Command,
    /// A named value.
    Value,
    /// Whether reports of this place may have been sent since they were written.
    Sending,
}

impl Kind {
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Report => 1,
            Self::Run => 2,
            Self::Tail => 3,
            Self::Command => 4,
            Self::Value => 5,
            Self::Sending => 6,
        }
    }

    /// Whether the owner in its key is a run of the agent.
    pub(crate) const fn is_of_run(self) -> bool {
        matches!(self, Self::Report | Self::Run | Self::Tail)
    }

    pub(super) const fn of_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Report,
            2 => Self::Run,
            3 => Self::Tail,
            4 => Self::Command,
            5 => Self::Value,
            6 => Self::Sending,
            _ => return None,
        })
    }
}

/// Names what is kept: a later record of the same key replaces the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// What it is.
    pub kind: Kind,
    /// Whose: the run of a report, its number otherwise.
    pub owner: u64,
    /// Its number among those of the owner: `seq` of a report, 0 otherwise.
    pub number: u64,
}

impl Key {
    /// A key.
    #[must_use]
    pub const fn new(kind: Kind, owner: u64, number: u64) -> Self {
        Self { kind, owner, number }
    }
}
