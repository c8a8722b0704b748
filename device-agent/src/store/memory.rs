//! A directory in memory that can lose power, run full, and fail: for tests and simulations.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::files::{FileEntry, Files};

/// Unsynced bytes are lost or kept in pieces of this size, as a disk does.
const BLOCK: usize = 512;

/// What the disk does when it is asked to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trouble {
    /// It works.
    #[default]
    None,
    /// It takes this many bytes more, then none (`ENOSPC`).
    FullAfter(u64),
    /// It takes nothing (`EROFS`).
    ReadOnly,
    /// It takes this many bytes more; then everything fails until the power is back.
    CrashAfter(u64),
    /// It takes everything, but fsync fails, and what was not synced is gone.
    SyncFails,
}

/// What becomes of what was written and not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// All of it stays: only the process ended.
    Process,
    /// Any part of it is lost, in blocks and in names: the power failed. The number decides which.
    PowerCut {
        /// Seed of the choice.
        seed: u64,
    },
}

/// Files in memory. Clones are the same directory.
#[derive(Debug, Clone, Default)]
pub struct MemoryFiles(Arc<Mutex<Disk>>);

#[derive(Debug, Default)]
struct Disk {
    /// What programs see.
    names: BTreeMap<String, usize>,
    /// What a power cut leaves, before the changes of names since.
    safe_names: BTreeMap<String, usize>,
    renames: Vec<NameChange>,
    files: Vec<Content>,
    trouble: Trouble,
}

#[derive(Debug, Clone)]
enum NameChange {
    Add(String, usize),
    Rename(String, String),
    Remove(String),
}

#[derive(Debug, Default)]
struct Content {
    bytes: Vec<u8>,
    safe: Vec<u8>,
}

impl MemoryFiles {
    /// An empty directory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on the disk does this.
    pub fn set_trouble(&self, trouble: Trouble) {
        self.disk().trouble = trouble;
    }

    /// Changes the bytes of a file from outside; nothing if it is not there.
    pub fn tamper(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut disk = self.disk();
        if let Some(file) = disk.names.get(name).copied().and_then(|file| disk.files.get_mut(file)) {
            change(&mut file.bytes);
            file.safe.clone_from(&file.bytes);
        }
    }

    /// Puts a file there from outside.
    pub fn plant(&self, name: &str, bytes: &[u8]) {
        let mut disk = self.disk();
        disk.files.push(Content { bytes: bytes.to_vec(), safe: bytes.to_vec() });
        let file = disk.files.len() - 1;
        disk.names.insert(name.to_owned(), file);
        disk.safe_names.insert(name.to_owned(), file);
    }

    /// Bytes of all files together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let disk = self.disk();
        disk.names.values().filter_map(|file| disk.files.get(*file)).map(|file| file.bytes.len() as u64).sum()
    }

    /// The process or the machine ends, and is back without trouble.
    pub fn crash(&self, crash: Crash) {
        let mut disk = self.disk();
        disk.trouble = Trouble::None;
        if let Crash::PowerCut { seed } = crash {
            disk.cut_power(&mut fastrand::Rng::with_seed(seed));
        }
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk {
    fn file(&mut self, name: &str) -> io::Result<&mut Content> {
        let file = self.names.get(name).copied().and_then(|file| self.files.get_mut(file));
        file.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// How many of `wanted` bytes the disk takes now, and what it says to the rest.
    fn admit(&mut self, wanted: u64) -> (u64, io::Result<()>) {
        match &mut self.trouble {
            Trouble::None | Trouble::SyncFails => (wanted, Ok(())),
            Trouble::ReadOnly => (0, Err(io::ErrorKind::ReadOnlyFilesystem.into())),
            Trouble::FullAfter(room) => {
                let taken = wanted.min(*room);
                *room -= taken;
                (taken, if taken == wanted { Ok(()) } else { Err(io::ErrorKind::StorageFull.into()) })
            }
            Trouble::CrashAfter(room) => {
                let taken = wanted.min(*room);
                *room -= taken;
                let dead = taken < wanted || *room == 0;
                (taken, if dead { Err(io::Error::other("no power")) } else { Ok(()) })
            }
        }
    }

    fn rename_safely(&mut self, change: NameChange) -> io::Result<()> {
        // A change of names costs a byte, so that a crash can come between two of them.
        let (_, admitted) = self.admit(1);
        if !matches!(self.trouble, Trouble::FullAfter(_)) {
            admitted?;
        }
        apply(&mut self.names, &change);
        self.renames.push(change);
        Ok(())
    }

    fn cut_power(&mut self, rng: &mut fastrand::Rng) {
        for change in std::mem::take(&mut self.renames) {
            if rng.bool() {
                apply(&mut self.safe_names, &change);
            }
        }
        self.names.clone_from(&self.safe_names);
        for file in &mut self.files {
            file.tear(rng);
        }
    }
}

impl Content {
    fn tear(&mut self, rng: &mut fastrand::Rng) {
        if self.bytes != self.safe {
            let from = self.bytes.iter().zip(&self.safe).take_while(|(now, safe)| now == safe).count();
            self.bytes.truncate(rng.usize(from..=self.bytes.len()));
            for block in self.bytes.get_mut(from..).unwrap_or_default().chunks_mut(BLOCK) {
                match rng.u8(..4) {
                    0 => block.fill(0),
                    1 => rng.fill(block),
                    _ => {}
                }
            }
        }
        self.safe.clone_from(&self.bytes);
    }
}

fn apply(names: &mut BTreeMap<String, usize>, change: &NameChange) {
    match change {
        NameChange::Add(name, file) => drop(names.insert(name.clone(), *file)),
        NameChange::Remove(name) => drop(names.remove(name)),
        NameChange::Rename(from, to) => {
            if let Some(file) = names.remove(from) {
                names.insert(to.clone(), file);
            }
        }
    }
}

impl Files for MemoryFiles {
    fn list(&mut self) -> io::Result<Vec<FileEntry>> {
        let disk = self.disk();
        let entry = |(name, file): (&String, &usize)| FileEntry {
            name: name.clone(),
            bytes: disk.files.get(*file).map_or(0, |file| file.bytes.len() as u64),
        };
        Ok(disk.names.iter().map(entry).collect())
    }

    fn read(&mut self, name: &str) -> io::Result<Vec<u8>> {
        self.disk().file(name).map(|file| file.bytes.clone())
    }

    fn read_at(&mut self, name: &str, at: u64, length: usize) -> io::Result<Vec<u8>> {
        let start = usize::try_from(at).map_err(io::Error::other)?;
        let mut disk = self.disk();
        let bytes = disk.file(name)?.bytes.get(start..start.saturating_add(length));
        bytes.map(<[u8]>::to_vec).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn create(&mut self, name: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.files.push(Content::default());
        let file = disk.files.len() - 1;
        disk.rename_safely(NameChange::Add(name.to_owned(), file))
    }

    fn append(&mut self, name: &str, at: u64, bytes: &[u8]) -> io::Result<()> {
        let start = usize::try_from(at).map_err(io::Error::other)?;
        let mut disk = self.disk();
        let (taken, admitted) = disk.admit(bytes.len() as u64);
        let taken = bytes.get(..usize::try_from(taken).unwrap_or(usize::MAX)).unwrap_or(bytes);
        let content = &mut disk.file(name)?.bytes;
        content.resize(content.len().max(start + taken.len()), 0);
        content.iter_mut().skip(start).zip(taken).for_each(|(to, from)| *to = *from);
        admitted
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        let mut disk = self.disk();
        if disk.trouble == Trouble::SyncFails {
            let file = disk.file(name)?;
            file.bytes.clone_from(&file.safe);
            return Err(io::Error::other("input/output error"));
        }
        disk.admit(1)
            .1
            .or_else(|error| if error.kind() == io::ErrorKind::StorageFull { Ok(()) } else { Err(error) })?;
        let file = disk.file(name)?;
        file.safe.clone_from(&file.bytes);
        Ok(())
    }

    fn sync_directory(&mut self) -> io::Result<()> {
        let mut disk = self.disk();
        disk.admit(1)
            .1
            .or_else(|error| if error.kind() == io::ErrorKind::StorageFull { Ok(()) } else { Err(error) })?;
        disk.renames.clear();
        disk.safe_names = disk.names.clone();
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.file(from)?;
        disk.rename_safely(NameChange::Rename(from.to_owned(), to.to_owned()))
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.file(name)?;
        disk.rename_safely(NameChange::Remove(name.to_owned()))
    }
}
