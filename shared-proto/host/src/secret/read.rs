//! Reads files whole, within a bound, and secret ones only if nobody else can.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::exposure::Exposure;
use super::{Place, Secret};

/// Largest secret file in bytes.
const LARGEST_SECRET: u64 = 64 * 1024;
/// Largest file of certificates in bytes: many times a system's bundle.
const LARGEST_PUBLIC: u64 = 4 * 1024 * 1024;

/// Why a file was not read. No message holds any of its content.
#[derive(Debug, Error)]
pub enum FileError {
    /// The system does not give it.
    #[error("{}: cannot read it: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
    /// A directory, pipe or device.
    #[error("{}: it is no ordinary file", path.display())]
    NoFile {
        /// What is there.
        path: PathBuf,
    },
    /// Too large to be what it should be.
    #[error("{}: it is too large; allowed: up to {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Largest size in bytes.
        limit: u64,
    },
    /// Others can read or change a secret.
    #[error("{}: {exposure}; allowed: mode 0600 or 0400, or 0640 with the group of this process", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Who can.
        exposure: Exposure,
    },
    /// There is nothing in it.
    #[error("{}: it is empty", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A credential was asked for, and there are none.
    #[error(
        "credential:{name}: $CREDENTIALS_DIRECTORY is not set; systemd sets it for a service with LoadCredential={name}:FILE"
    )]
    NoCredentials {
        /// The credential's name.
        name: String,
    },
}

/// Who may be able to read a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Readers {
    Everybody,
    UsAlone,
}

impl Place {
    /// Reads a file that is no secret, at most 4 MiB.
    ///
    /// # Errors
    /// [`FileError`] if it cannot be read, is no ordinary file or too large.
    pub fn read_public(&self) -> Result<Vec<u8>, FileError> {
        let directory = credentials();
        read(&self.path(directory.as_deref())?, LARGEST_PUBLIC, Readers::Everybody)
    }

    /// Reads a secret, at most 64 KiB: as it is, with whatever newline is at its end.
    ///
    /// # Errors
    /// [`FileError`] if it cannot be read, is no ordinary file, empty or too large; or if others can read or change it: anybody,
    /// or a group that is not this process's. In systemd's directory of credentials the permissions are systemd's affair.
    pub fn read_secret(&self) -> Result<Secret, FileError> {
        self.secret(credentials().as_deref())
    }

    /// Reads a secret of one line, such as a password: as [`Self::read_secret`], without the newline at its end.
    ///
    /// # Errors
    /// As [`Self::read_secret`]; it is also empty if there is only a newline.
    pub fn read_secret_line(&self) -> Result<Secret, FileError> {
        self.secret_line(credentials().as_deref())
    }

    pub(super) fn secret(&self, credentials: Option<&Path>) -> Result<Secret, FileError> {
        let path = self.path(credentials)?;
        let is_credential = credentials.is_some_and(|directory| path.parent() == Some(directory));
        let readers = if is_credential { Readers::Everybody } else { Readers::UsAlone };
        let content = read(&path, LARGEST_SECRET, readers)?;
        if content.is_empty() { Err(FileError::Empty { path }) } else { Ok(Secret::new(content)) }
    }

    pub(super) fn secret_line(&self, credentials: Option<&Path>) -> Result<Secret, FileError> {
        let secret = self.secret(credentials)?;
        let line = secret.bytes();
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() { Err(FileError::Empty { path: self.path(credentials)? }) } else { Ok(Secret::new(line)) }
    }
}

/// Where systemd puts what a service may know.
fn credentials() -> Option<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").filter(|directory| !directory.is_empty()).map(PathBuf::from)
}

fn read(path: &Path, limit: u64, readers: Readers) -> Result<Vec<u8>, FileError> {
    let unreadable = |reason| FileError::Unreadable { path: path.to_owned(), reason };
    // Before it is opened: opening a pipe would wait for whoever writes into it.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(FileError::NoFile { path: path.to_owned() });
    }
    let file = File::open(path).map_err(unreadable)?;
    // Of the open file, so that it is the one that is read.
    let exposure = Exposure::of(&file.metadata().map_err(unreadable)?);
    if let (Readers::UsAlone, Some(exposure)) = (readers, exposure) {
        return Err(FileError::Exposed { path: path.to_owned(), exposure });
    }
    let mut content = Vec::new();
    // One byte more than allowed, to see that there is more.
    file.take(limit + 1).read_to_end(&mut content).map_err(unreadable)?;
    if u64::try_from(content.len()).is_ok_and(|length| length <= limit) {
        return Ok(content);
    }
    Err(FileError::TooLarge { path: path.to_owned(), limit })
}
