//! What outlives the process: a journal of small records in segments, in two places. See `docs/spool.md`.

mod crc;
mod directory;
mod files;
mod format;
mod journal;
pub mod kept;
mod key;
mod ledger;
mod memory;
mod recovery;
mod restore;
mod scan;
#[cfg(test)]
mod tests;

pub use directory::Directory;
pub use files::{FileEntry, Files};
pub(crate) use format::in_order;
pub use format::{Change, HEADER, MAX_PAYLOAD, RECORD, VERSION};
pub use journal::{Batch, Cost, Journal, Others, Safety, WriteError};
pub use key::{Key, Kind};
pub use ledger::{Kept, Ledger, Urgency};
pub use memory::{Crash, MemoryFiles, Trouble};
pub use recovery::{Damage, Recovered, Wrong};
pub(crate) use restore::restore_late;
pub use restore::{Restored, RestoredReport, restore};
