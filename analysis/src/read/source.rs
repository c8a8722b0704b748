//! A run file and where it came from.

use std::path::{Path, PathBuf};

use super::{Parsed, ReadError, parse};
use crate::run::RunFile;

/// Runs to be compared, with the name by which they are called.
#[derive(Debug, Clone)]
pub struct Source {
    name: String,
    /// Where the file really is, links resolved; `None` for runs that were never in a file.
    path: Option<PathBuf>,
    file: RunFile,
    notes: Vec<String>,
}

impl Source {
    /// Reads a run file, or what `cyclictest --json=FILE -h LIMIT` wrote (`"file_version": 1`); there all threads together
    /// are one run.
    ///
    /// # Errors
    /// [`ReadError`] names the file, the place in it and what is allowed there.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, ReadError> {
        let name = path.as_ref();
        let open = |source| ReadError::Open { file: name.to_owned(), source };
        let text = std::fs::read_to_string(name).map_err(open)?;
        let Parsed { file, notes } = parse(&text, name)?;
        let path = name.canonicalize().map_err(open)?;
        Ok(Self { name: name.display().to_string(), path: Some(path), file, notes })
    }

    /// The same from a text, which is called `name` and counts as a file of its own.
    ///
    /// # Errors
    /// As [`Source::read`].
    pub fn parse(name: impl Into<String>, text: &str) -> Result<Self, ReadError> {
        let name = name.into();
        let Parsed { file, notes } = parse(text, Path::new(&name))?;
        Ok(Self { name, path: None, file, notes })
    }

    /// Runs that are not in a file.
    #[must_use]
    pub fn in_memory(name: impl Into<String>, file: RunFile) -> Self {
        Self { name: name.into(), path: None, file, notes: Vec::new() }
    }

    /// Runs that were made of another file.
    #[cfg(feature = "report")]
    pub(crate) fn of_another(name: String, path: Option<PathBuf>, file: RunFile, notes: Vec<String>) -> Self {
        Self { name, path, file, notes }
    }

    /// Its name: the path as it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it really is.
    #[cfg(feature = "report")]
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The tool, the machine and the runs.
    #[must_use]
    pub fn file(&self) -> &RunFile {
        &self.file
    }

    /// The same, without its name.
    #[must_use]
    pub fn into_file(self) -> RunFile {
        self.file
    }

    /// What should be known about how it was read.
    pub(crate) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Whether both are the same file on the disk, by whatever names.
    pub(crate) fn is_same_file(&self, other: &Self) -> bool {
        self.path.is_some() && self.path == other.path
    }
}
