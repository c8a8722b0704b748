//! What outlives the process: a journal of small records in segments, in two places. See `docs/spool.md`.

mod by_hand;
mod crc;
mod directory;
mod durable;
mod files;
mod format;
mod journal;
mod keeper;
pub mod kept;
mod key;
mod ledger;
mod memory;
mod place;
mod plan;
mod recovery;
mod restore;
mod scan;
#[cfg(test)]
mod story;
#[cfg(test)]
mod tests;
mod worker;

pub use by_hand::Bench;
pub use directory::Directory;
pub use files::{FileEntry, Files};
pub use format::{Change, HEADER, MAX_PAYLOAD, RECORD, VERSION};
pub use journal::{Batch, Cost, Journal, Others, Safety, WriteError};
pub use keeper::{AtTheEnd, Keeper, StoreConfig, StoreEvent, StoreStatus};
pub use key::{Key, Kind};
pub use ledger::{Ledger, Urgency};
pub use memory::{Crash, MemoryFiles, Trouble};
pub use place::{Health, PlaceStatus, Role};
pub use plan::FlushConfig;
pub use recovery::{Damage, Recovered, Wrong};
pub use restore::{Restored, RestoredReport, restore};
