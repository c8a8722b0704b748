//! What outlives the process: a journal of small records in segments, in two places. See `docs/spool.md`.

mod crc;
mod directory;
mod files;
mod format;
mod journal;
mod key;
mod memory;
mod recovery;
mod scan;
#[cfg(test)]
mod tests;

pub use directory::Directory;
pub use files::{FileEntry, Files};
pub use format::{Change, HEADER, MAX_PAYLOAD, RECORD, VERSION};
pub use journal::{Batch, Cost, Journal, Others, Safety, WriteError};
pub use key::{Key, Kind};
pub use memory::{Crash, MemoryFiles, Trouble};
pub use recovery::{Damage, Recovered, Wrong};
