//! The experiment file: all that a recorder heard of a fleet and saw of its gateway, line by line.
//!
//! JSON, one [`Line`] a line, compressed with zstd in frames that stand alone, so that what was written before a crash can be read.
//! Unknown members are ignored, a line of an unknown kind too. Times are milliseconds on the recorder's monotonic clock since the
//! start of the run.
//!
//! [`Writer`] makes such a file, [`Recording`] reads it line by line: neither holds all of it in memory.

mod error;
mod line;
mod note;
mod reaction;
mod read;
mod source;
#[cfg(test)]
mod tests;
mod write;

pub use error::{RecordingError, WriteError};
pub use line::{
    Begin, Beginning, Command, Down, End, Ending, FORMAT, FORMAT_VERSION, Format, Gateway, Group, Heard, Injected,
    Line, Lost, Setup,
};
pub use note::Note;
pub use reaction::{Reaction, ReactionKind, Reactions, reactions};
pub use read::Recording;
pub use source::MAX_LINE;
pub use write::{Existing, Kept, Writer};
