//! Writes a configuration file, whole or not at all.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// What to do with a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Leave it alone.
    Keep,
    /// Replace it.
    Replace,
}

/// A configuration that could not be written; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The file is there already.
    #[error("{}: it exists; --force replaces it", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The system refused.
    #[error("{}: cannot write: {why}", path.display())]
    System {
        /// The file.
        path: PathBuf,
        /// What it said.
        why: io::Error,
    },
}

/// Writes `text` to a new file, or in place of an old one. It may hold a password, so only its owner may read it.
///
/// # Errors
/// [`WriteError`]; then nothing was changed.
pub fn write(path: &Path, text: &str, existing: Existing) -> Result<(), WriteError> {
    let failed = |why: io::Error| match why.kind() {
        ErrorKind::AlreadyExists => WriteError::Exists { path: path.to_owned() },
        _ => WriteError::System { path: path.to_owned(), why },
    };
    match existing {
        Existing::Keep => create(path, text).map_err(failed),
        Existing::Replace => {
            let draft = draft_of(path);
            // Left behind by an earlier try.
            let _ = fs::remove_file(&draft);
            create(&draft, text).and_then(|()| fs::rename(&draft, path)).map_err(|why| {
                let _ = fs::remove_file(&draft);
                WriteError::System { path: path.to_owned(), why }
            })
        }
    }
}

fn create(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    // On the disk before it is renamed: a power cut must not leave an empty file in place of the old one.
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).inspect_err(|_| {
        // Half a configuration could pass for a whole one.
        let _ = fs::remove_file(path);
    })
}

fn draft_of(path: &Path) -> PathBuf {
    let mut draft = OsString::from(path);
    draft.push(".new");
    draft.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_existing_file_is_kept_unless_it_is_to_be_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.toml");
        write(&path, "one", Existing::Keep).unwrap();
        let error = write(&path, "two", Existing::Keep).unwrap_err();
        assert!(error.to_string().contains("--force"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
        write(&path, "two", Existing::Replace).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failure_names_the_file_and_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let error = write(&dir.path().join("no/such/a.toml"), "x", Existing::Keep).unwrap_err();
        assert!(error.to_string().contains("no/such/a.toml"), "{error}");
        let error = write(dir.path(), "x", Existing::Replace).unwrap_err();
        assert!(matches!(error, WriteError::System { .. }), "{error}");
        assert!(dir.path().is_dir());
        let mut draft = dir.path().as_os_str().to_owned();
        draft.push(".new");
        assert!(!Path::new(&draft).exists());
    }
}
