//! What is to be written into the directory, and when. No input, output or clock.
//!
//! A window that is sent and acknowledged at once is never written: a memory card has a life of so many writes. Whatever waits for
//! longer is; and of a window that is on the disk, the mark that it may have been sent is there before it is sent.

use std::collections::{BTreeMap, BTreeSet};

use super::spool::{Change, Key};

/// Changes that wait to be written.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pending: BTreeMap<Key, Change>,
    on_disk: BTreeSet<Key>,
}

impl Ledger {
    /// This window was found on the disk.
    pub(super) fn found(&mut self, key: Key) {
        self.on_disk.insert(key);
    }

    /// Something changed. Of one window the latest change counts.
    pub(super) fn note(&mut self, change: Change) {
        let key = match &change {
            Change::Keep(site, _) => (site.boot, site.seq),
            Change::Drop(key) => *key,
        };
        if matches!(change, Change::Drop(_)) && !self.on_disk.contains(&key) {
            self.pending.remove(&key);
        } else {
            self.pending.insert(key, change);
        }
    }

    /// Whether a window is on the disk, so that a change of it has to be there before anybody else acts on it.
    pub(super) fn is_on_disk(&self, key: Key) -> bool {
        self.on_disk.contains(&key)
    }

    /// Whether anything waits to be written.
    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// What is to be written now, in this order: whoever ends in between has something twice, and nothing never.
    pub(super) fn take(&mut self) -> Vec<Change> {
        let changes = std::mem::take(&mut self.pending).into_values();
        let (keep, drop): (Vec<_>, Vec<_>) = changes.partition(|change| matches!(change, Change::Keep(..)));
        [keep, drop].concat()
    }

    /// A change may be on the disk or not: whatever it was, it is to be made again, and taken away in the end.
    pub(super) fn failed(&mut self, change: Change) {
        if let Change::Keep(site, _) = &change {
            self.on_disk.insert((site.boot, site.seq));
        }
        let key = match &change {
            Change::Keep(site, _) => (site.boot, site.seq),
            Change::Drop(key) => *key,
        };
        self.pending.entry(key).or_insert(change);
    }

    /// A change is on the disk.
    pub(super) fn written(&mut self, change: &Change) {
        match change {
            Change::Keep(site, _) => self.on_disk.insert((site.boot, site.seq)),
            Change::Drop(key) => self.on_disk.remove(key),
        };
    }
}
