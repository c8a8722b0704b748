//! Numbers every change of what is to be kept, and holds it until the store fetches it. Pure.

use super::format::{Change, MAX_PAYLOAD};
use super::key::Key;

/// Whether the durable place should hear of something soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Urgency {
    /// With the next write.
    #[default]
    None,
    /// Within a minute: it matters after a power cut too.
    Soon,
}

/// Something that is to be kept, as it stands.
pub struct Kept<'a> {
    /// What it is.
    pub key: Key,
    /// Serial number of its latest change.
    pub serial: u64,
    /// Its bytes.
    pub encode: &'a dyn Fn() -> Option<Vec<u8>>,
}

/// Changes that have not been fetched yet.
#[derive(Debug, Default)]
pub struct Ledger {
    last: u64,
    keeping: Keeping,
    changes: Vec<Change>,
}

/// Whether anybody keeps what changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Keeping {
    #[default]
    Nothing,
    Everything,
}

impl Ledger {
    /// From now on changes are kept.
    pub fn begin(&mut self) {
        self.keeping = Keeping::Everything;
    }

    /// Whether changes are kept.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.keeping == Keeping::Everything
    }

    /// `key` is now what `encode` gives; nothing happens if that is too long. Tells the serial number; 0 if nothing is kept.
    pub fn put(&mut self, key: Key, encode: impl FnOnce() -> Option<Vec<u8>>) -> u64 {
        if !self.is_kept() {
            return 0;
        }
        match encode().filter(|value| value.len() <= MAX_PAYLOAD) {
            Some(value) => self.note(key, Some(value)),
            None => self.last,
        }
    }

    /// `key` is gone.
    pub fn remove(&mut self, key: Key) {
        if self.is_kept() {
            self.note(key, None);
        }
    }

    fn note(&mut self, key: Key, value: Option<Vec<u8>>) -> u64 {
        self.last += 1;
        self.changes.push(Change { serial: self.last, key, value });
        self.last
    }

    /// The changes since the last call.
    pub fn take(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Serial number of the latest change.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Serial numbers up to this one were used by earlier runs.
    pub fn skip_to(&mut self, serial: u64) {
        self.last = self.last.max(serial);
    }
}
