//! One server per socket: of two that start together only one may find the place free.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::ControlError;

/// How often the file may be another one than was opened just before.
const ATTEMPTS: u32 = 10;

/// A locked file beside the socket; it goes when this is dropped, and the lock with the process.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    file: File,
}

impl Lock {
    /// Takes the lock of `socket`.
    pub(super) fn take(socket: &Path) -> Result<Self, ControlError> {
        let mut path = OsString::from(socket);
        path.push(".lock");
        let path = PathBuf::from(path);
        let failed = |reason| ControlError::Open { path: path.clone(), reason };
        for _ in 0..ATTEMPTS {
            let Some(file) = open(&path).map_err(failed)? else { continue };
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(ControlError::AlreadyRunning { path: socket.to_owned() }),
                Err(TryLockError::Error(reason)) => return Err(failed(reason)),
            }
            // A lock on a file that its holder has removed in between excludes nobody.
            if is_still_there(&file, &path) {
                return Ok(Self { path, file });
            }
        }
        Err(failed(std::io::Error::other("the lock file is replaced again and again")))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if is_still_there(&self.file, &self.path) {
            // Left behind it would do no harm.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The lock file, new or as it is; `None` if it went in between.
fn open(path: &Path) -> std::io::Result<Option<File>> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        created => return created.map(Some),
    }
    match fs::symlink_metadata(path) {
        Ok(found) if !found.is_file() => return Err(std::io::Error::other("this is not a lock file; remove it")),
        _ => {}
    }
    match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        opened => opened.map(Some),
    }
}

fn is_still_there(file: &File, path: &Path) -> bool {
    let ours = file.metadata().map(|ours| (ours.dev(), ours.ino()));
    let there = fs::symlink_metadata(path).map(|there| (there.dev(), there.ino()));
    ours.ok().zip(there.ok()).is_some_and(|(ours, there)| ours == there)
}
