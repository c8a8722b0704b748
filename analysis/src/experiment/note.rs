//! What a reader should know about a recording that can be read.

use std::fmt;

/// Something odd that does not forbid to use the file.
#[derive(Debug, Clone, PartialEq)]
pub enum Note {
    /// It has no last line: the recorder was killed, the machine failed, or the file was copied while it grew.
    CutShort {
        /// Time of the last line that is there, in milliseconds since the start of the run.
        after_ms: f64,
    },
    /// Lines of a kind that this program does not know were left out.
    UnknownKinds {
        /// How many.
        lines: u64,
        /// The kind of the first.
        first: String,
    },
    /// The last line tells another number of reports than the file holds.
    Reports {
        /// Told.
        told: u64,
        /// There.
        found: u64,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CutShort { after_ms } => write!(f, "ends after {:.1} s: cut short", after_ms / 1000.0),
            Self::UnknownKinds { lines, first } => {
                write!(
                    f,
                    "{lines} lines of unknown kinds left out, the first is of kind {first:?}: a newer program wrote it"
                )
            }
            Self::Reports { told, found } => write!(f, "its last line tells {told} reports, {found} are there"),
        }
    }
}
