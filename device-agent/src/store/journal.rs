//! A journal in a directory: changes are appended to one segment; when most of it is out of date, what still matters goes
//! to a new one.
//!
//! A new segment is written under another name, synced and renamed, so it is there as a whole or not at all. Its header says
//! that all segments before it are void, so it does not matter in which order their removal becomes safe.

use std::collections::BTreeMap;
use std::io;

use shared_host::tree;

use super::files::Files;
use super::format::{Change, HEADER, Header, decode, encode, size};
use super::key::Key;
use super::recovery::{Recovered, Segment, read_segments, segment_name};

/// Bytes out of date that are always tolerated: a new segment costs several writes.
const TOLERATED: u64 = 256 * 1024;
/// Bytes handed to the file system at once while a new segment is written.
const CHUNK: usize = 64 * 1024;
/// Name of a segment that is not whole yet.
pub(super) const DRAFT: &str = "draft";

/// Whether what is written must survive a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Safety {
    /// It must: fsync.
    PowerCut,
    /// Surviving the process is enough.
    Process,
}

/// Changes to write at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The changes, oldest first.
    pub changes: Vec<Change>,
    /// What happens to all else that the journal holds.
    pub others: Others,
}

/// What happens to what a batch does not mention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// It stays.
    Stay,
    /// It is gone: the batch holds all that there is.
    Go,
}

/// Why a batch was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The file system refused, or failed.
    #[error("{doing}: {reason}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// What it says.
        reason: io::Error,
    },
    /// What is to be kept does not fit.
    #[error("what is to be kept takes {needed} bytes; with spool.max_disk_mb as it is, {allowed} fit")]
    Full {
        /// Bytes needed.
        needed: u64,
        /// Bytes allowed: half of the bound, because two segments are there while a new one is written.
        allowed: u64,
    },
}

/// What a batch cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Bytes written to files.
    pub bytes: u64,
    /// Calls of fsync.
    pub syncs: u64,
}

impl Cost {
    /// Sum of two costs.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self { bytes: self.bytes.saturating_add(other.bytes), syncs: self.syncs.saturating_add(other.syncs) }
    }
}

/// Where the latest value of a key is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub(super) segment: u64,
    pub(super) at: u64,
    pub(super) length: usize,
}

/// An open journal.
#[derive(Debug)]
pub struct Journal<F> {
    files: F,
    safety: Safety,
    max_bytes: u64,
    live: BTreeMap<Key, Slot>,
    live_bytes: u64,
    /// The segment to append to, and its length.
    active: Option<(u64, u64)>,
    /// Segments that are to go when the next one is there.
    old: Vec<String>,
    /// The highest number that a segment has had.
    last_number: u64,
}

impl<F: Files> Journal<F> {
    /// Reads what is in the directory; changes nothing there. At most `max_bytes` will be used.
    ///
    /// # Errors
    /// The directory cannot be read. What cannot be read in it is told by [`Recovered`] instead.
    pub fn open(mut files: F, max_bytes: u64, safety: Safety) -> io::Result<(Self, Recovered)> {
        let read = read_segments(&mut files)?;
        let mut journal = Self {
            files,
            safety,
            max_bytes,
            live_bytes: read.slots.values().map(|slot| slot.length as u64).sum(),
            live: read.slots,
            active: None,
            old: Vec::new(),
            last_number: read.last_number,
        };
        match read.segments.as_slice() {
            // Whole and alone: go on with it.
            [Segment { number, bytes, is_whole: true, .. }] if !read.drafts => {
                journal.active = Some((*number, *bytes));
            }
            segments => journal.old = segments.iter().map(|segment| segment.name.clone()).collect(),
        }
        Ok((journal, read.recovered))
    }

    /// Writes a batch; in a new segment if the present one is damaged, too long, or mostly out of date.
    ///
    /// # Errors
    /// [`WriteError`]; then it is not known what of the batch is there, and the journal has to be told all anew, by a batch
    /// with [`Others::Go`].
    pub fn write(&mut self, batch: &Batch) -> Result<Cost, WriteError> {
        let appendable =
            self.active.filter(|(_, length)| batch.others == Others::Stay && self.is_worth_it(batch, *length));
        let written = match appendable {
            Some((number, length)) => self.append(&batch.changes, number, length),
            None => self.rewrite(batch),
        };
        if written.is_err() {
            // Its end is in doubt.
            self.old.extend(self.active.take().map(|(number, _)| segment_name(number)));
            // Half a draft takes space that others need. Often there is none.
            let _ = self.files.remove(DRAFT);
        }
        written
    }

    /// Whether to append to a segment of this length: not if it grew too long, or if more of it were out of date than not.
    fn is_worth_it(&self, batch: &Batch, length: u64) -> bool {
        let touched = tree::set(batch.changes.iter().map(|change| change.key));
        let out_of_date: u64 = touched.iter().filter_map(|key| self.live.get(key)).map(|slot| slot.length as u64).sum();
        let (mut added, mut new) = (0, 0);
        for change in &batch.changes {
            added += size(change) as u64;
            new += change.value.as_ref().map_or(0, |_| size(change) as u64);
        }
        let live = self.live_bytes.saturating_sub(out_of_date).saturating_add(new);
        let whole = length.saturating_add(added);
        whole <= self.allowed() && whole.saturating_sub(HEADER as u64).saturating_sub(live) <= live.max(TOLERATED)
    }

    /// Bytes that files may take while no new segment is being written.
    fn allowed(&self) -> u64 {
        self.max_bytes / 2
    }

    fn append(&mut self, changes: &[Change], number: u64, length: u64) -> Result<Cost, WriteError> {
        let name = segment_name(number);
        let mut bytes = Vec::new();
        let mut slots = Vec::new();
        for change in changes {
            let at = length + bytes.len() as u64;
            encode(change, number, &mut bytes);
            slots.push((change, Slot { segment: number, at, length: size(change) }));
        }
        self.files.append(&name, length, &bytes).map_err(failed("writing"))?;
        let syncs = match self.safety {
            Safety::PowerCut => {
                self.files.sync(&name).map_err(failed("syncing"))?;
                1
            }
            Safety::Process => 0,
        };
        let written = bytes.len() as u64;
        self.active = Some((number, length + written));
        for (change, slot) in slots {
            self.note(change, slot);
        }
        Ok(Cost { bytes: written, syncs })
    }

    /// Puts all that matters after `batch` into a new segment.
    fn rewrite(&mut self, batch: &Batch) -> Result<Cost, WriteError> {
        let number = self.last_number.saturating_add(1);
        let mut fresh: BTreeMap<Key, &Change> = BTreeMap::new();
        for change in &batch.changes {
            fresh.insert(change.key, change);
        }
        let stays = |key: &Key| batch.others == Others::Stay && !fresh.contains_key(key);
        let kept: Vec<(Key, Slot)> =
            self.live.iter().filter(|(key, _)| stays(key)).map(|(key, slot)| (*key, *slot)).collect();
        let new = || fresh.values().filter(|change| change.value.is_some());
        let needed = HEADER as u64
            + kept.iter().map(|(_, slot)| slot.length as u64).sum::<u64>()
            + new().map(|change| size(change) as u64).sum::<u64>();
        if needed > self.allowed() {
            return Err(WriteError::Full { needed, allowed: self.allowed() });
        }

        let mut draft = Draft { written: 0, bytes: Header { number, base: number }.encode().to_vec() };
        let mut live = BTreeMap::new();
        self.files.create(DRAFT).map_err(failed("creating a file"))?;
        for (key, slot) in kept {
            // Bits may have turned since it was read; then it is lost, and nothing wrong goes on.
            let Some(change) = self.read_back(slot) else { continue };
            live.insert(key, draft.add(&change, number));
            draft.flush(&mut self.files, CHUNK)?;
        }
        for change in new() {
            live.insert(change.key, draft.add(change, number));
            draft.flush(&mut self.files, CHUNK)?;
        }
        draft.flush(&mut self.files, 1)?;
        let mut syncs = 0;
        if self.safety == Safety::PowerCut {
            self.files.sync(DRAFT).map_err(failed("syncing"))?;
            syncs += 1;
        }
        self.last_number = number;
        self.files.rename(DRAFT, &segment_name(number)).map_err(failed("renaming"))?;
        if self.safety == Safety::PowerCut {
            if let Err(reason) = self.files.sync_directory() {
                self.old.push(segment_name(number));
                return Err(WriteError::Io { doing: "syncing the directory", reason });
            }
            syncs += 1;
        }
        let old = self.active.replace((number, draft.written)).map(|(number, _)| segment_name(number));
        // One that cannot be removed is void all the same; the next new segment tries again.
        self.old = self.old.drain(..).chain(old).collect();
        let files = &mut self.files;
        self.old.retain(|name| files.remove(name).is_err_and(|error| error.kind() != io::ErrorKind::NotFound));
        self.live_bytes = live.values().map(|slot: &Slot| slot.length as u64).sum();
        self.live = live;
        Ok(Cost { bytes: draft.written, syncs })
    }

    fn read_back(&mut self, slot: Slot) -> Option<Change> {
        let bytes = self.files.read_at(&segment_name(slot.segment), slot.at, slot.length).ok()?;
        decode(&bytes, slot.segment)?.change
    }

    fn note(&mut self, change: &Change, slot: Slot) {
        let before = if change.value.is_some() {
            self.live_bytes += slot.length as u64;
            self.live.insert(change.key, slot)
        } else {
            self.live.remove(&change.key)
        };
        self.live_bytes = self.live_bytes.saturating_sub(before.map_or(0, |slot| slot.length as u64));
    }
}

/// A segment on its way into the file.
struct Draft {
    /// Bytes in the file already.
    written: u64,
    bytes: Vec<u8>,
}

impl Draft {
    fn add(&mut self, change: &Change, number: u64) -> Slot {
        let at = self.written + self.bytes.len() as u64;
        encode(change, number, &mut self.bytes);
        Slot { segment: number, at, length: size(change) }
    }

    /// Writes what waits if it is at least this much.
    fn flush(&mut self, files: &mut impl Files, least: usize) -> Result<(), WriteError> {
        if self.bytes.len() < least {
            return Ok(());
        }
        files.append(DRAFT, self.written, &self.bytes).map_err(failed("writing"))?;
        self.written += self.bytes.len() as u64;
        self.bytes.clear();
        Ok(())
    }
}

fn failed(doing: &'static str) -> impl Fn(io::Error) -> WriteError {
    move |reason| WriteError::Io { doing, reason }
}
