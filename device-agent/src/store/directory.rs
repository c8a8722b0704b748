//! A real directory, used by one process at a time.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::files::{FileEntry, Files};

/// Held locked (flock) while the directory is in use. It stays when the process ends: the lock is what counts.
pub(super) const LOCK: &str = "lock";

/// A directory of the file system.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    _lock: File,
    /// The file that was written last, so that it is not opened for every record.
    open: Option<(String, File)>,
}

impl Directory {
    /// Creates the directory if it is missing (mode 0700), and locks it.
    ///
    /// # Errors
    /// It cannot be created, or another process uses it.
    pub fn open(path: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path.join(LOCK))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock, open: None }),
            Err(TryLockError::WouldBlock) => Err(io::Error::other("another process uses this directory")),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn opened(&mut self, name: &str) -> io::Result<&File> {
        let known = self.open.take().filter(|(known, _)| known == name);
        let (name, file) = match known {
            Some(known) => known,
            None => (name.to_owned(), OpenOptions::new().write(true).open(self.path.join(name))?),
        };
        Ok(&self.open.insert((name, file)).1)
    }
}

impl Files for Directory {
    fn list(&mut self) -> io::Result<Vec<FileEntry>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let Ok(metadata) = entry.metadata() else { continue };
            // Reading from anything but a file could wait for ever.
            if metadata.is_file() && name != LOCK {
                files.push(FileEntry { name, bytes: metadata.len() });
            }
        }
        Ok(files)
    }

    fn read(&mut self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.path.join(name))
    }

    fn read_at(&mut self, name: &str, at: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        File::open(self.path.join(name))?.read_exact_at(&mut bytes, at)?;
        Ok(bytes)
    }

    fn create(&mut self, name: &str) -> io::Result<()> {
        self.open = None;
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(self.path.join(name))?;
        self.open = Some((name.to_owned(), file));
        Ok(())
    }

    fn append(&mut self, name: &str, at: u64, bytes: &[u8]) -> io::Result<()> {
        let path = self.path.join(name);
        let file = self.opened(name)?;
        // A file that somebody removed, or whose disk is gone, would take it all the same.
        let (ours, there) = (file.metadata()?, fs::metadata(path)?);
        if (ours.dev(), ours.ino()) != (there.dev(), there.ino()) {
            return Err(io::Error::other("the file was replaced by somebody"));
        }
        file.write_all_at(bytes, at)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.opened(name)?.sync_data()
    }

    fn sync_directory(&mut self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))?;
        if let Some((name, _)) = self.open.as_mut().filter(|(name, _)| name == from) {
            to.clone_into(name);
        }
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        if self.open.as_ref().is_some_and(|(open, _)| open == name) {
            self.open = None;
        }
        fs::remove_file(self.path.join(name))
    }
}
