//! Where a file is: a path, or a name among systemd's credentials.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Deserialize;
use thiserror::Error;

use super::FileError;

const CREDENTIAL: &str = "credential:";

/// Where a file is, as it is written: `/path/to/file`, or `credential:NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub enum Place {
    /// A path; a relative one starts where the program was started.
    Path(PathBuf),
    /// A file of this name in `$CREDENTIALS_DIRECTORY`, which systemd sets for a service with `LoadCredential=NAME:FILE`.
    Credential(String),
}

/// A text that is no place.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlaceError {
    /// There is no text.
    #[error("it is empty; leave it out if there is no such file")]
    Empty,
    /// A credential's name is not one.
    #[error("`{name}` is no name of a credential; allowed are letters, digits and . _ - (not . or .. alone)")]
    Name {
        /// The name.
        name: String,
    },
}

impl Place {
    /// The path, with systemd's directory of credentials, if there is one.
    pub(super) fn path(&self, credentials: Option<&Path>) -> Result<PathBuf, FileError> {
        match (self, credentials) {
            (Self::Path(path), _) => Ok(path.clone()),
            (Self::Credential(name), Some(directory)) => Ok(directory.join(name)),
            (Self::Credential(name), None) => Err(FileError::NoCredentials { name: name.clone() }),
        }
    }
}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        if text.is_empty() {
            return Err(PlaceError::Empty);
        }
        let Some(name) = text.strip_prefix(CREDENTIAL) else { return Ok(Self::Path(text.into())) };
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if matches!(name, "" | "." | "..") || !name.bytes().all(allowed) {
            return Err(PlaceError::Name { name: name.to_owned() });
        }
        Ok(Self::Credential(name.to_owned()))
    }
}

impl TryFrom<String> for Place {
    type Error = PlaceError;

    fn try_from(text: String) -> Result<Self, PlaceError> {
        text.parse()
    }
}

impl From<PathBuf> for Place {
    fn from(path: PathBuf) -> Self {
        Self::Path(path)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Credential(name) => write!(f, "{CREDENTIAL}{name}"),
        }
    }
}
