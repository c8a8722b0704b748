//! Reads run files: ours, and cyclictest's.

mod check;
mod command_line;
mod cyclictest;
mod source;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::{DeserializeOwned, IgnoredAny};

pub use source::Source;

use crate::run::RunFile;

/// The two shapes that are known.
const KNOWN: &str = "a run file is a JSON object with \"runs\", a file of `cyclictest --json` one with \"file_version\" \
                     and \"thread\"";

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be read.
    #[error("{file}: {source}", file = .file.display())]
    Open {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// There is nothing in it.
    #[error("{file}: the file is empty; {KNOWN}", file = .file.display())]
    Empty {
        /// The file.
        file: PathBuf,
    },
    /// It is not JSON, or only a part of it.
    #[error("{file}: not JSON, or not all of it ({source}); {KNOWN}", file = .file.display())]
    NotJson {
        /// The file.
        file: PathBuf,
        /// What is wrong, with line and column.
        source: serde_json::Error,
    },
    /// A value is not what it must be.
    #[error("{file}: {place}: {source}", file = .file.display())]
    Json {
        /// The file.
        file: PathBuf,
        /// Path of the value, like `runs[2].task`.
        place: String,
        /// What is wrong, with line and column.
        source: serde_json::Error,
    },
    /// It is JSON, but neither shape.
    #[error("{file}: neither of the two known shapes: {KNOWN}", file = .file.display())]
    UnknownShape {
        /// The file.
        file: PathBuf,
    },
    /// A value is not what it may be, or contradicts another.
    #[error("{file}: {problem}", file = .file.display())]
    Content {
        /// The file.
        file: PathBuf,
        /// Which value, and what is allowed.
        problem: String,
    },
}

/// What was read, and what should be known about how.
#[derive(Debug, PartialEq)]
struct Parsed {
    file: RunFile,
    notes: Vec<String>,
}

fn parse(text: &str, file: &Path) -> Result<Parsed, ReadError> {
    // Some editors put a byte order mark in front.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(ReadError::Empty { file: file.to_owned() });
    }
    let keys: BTreeMap<String, IgnoredAny> = match serde_json::from_str(text) {
        Ok(keys) => keys,
        Err(error) if error.is_data() => return Err(ReadError::UnknownShape { file: file.to_owned() }),
        Err(source) => return Err(ReadError::NotJson { file: file.to_owned(), source }),
    };
    let problem = |problem| ReadError::Content { file: file.to_owned(), problem };
    if keys.contains_key("runs") {
        let run_file: RunFile = typed(text, file)?;
        check::check(&run_file).map_err(problem)?;
        Ok(Parsed { file: run_file, notes: Vec::new() })
    } else if keys.contains_key("file_version") && keys.contains_key("thread") {
        let result: cyclictest::Output = typed(text, file)?;
        let (run_file, notes) = cyclictest::import(&result).map_err(problem)?;
        check::check(&run_file).map_err(problem)?;
        Ok(Parsed { file: run_file, notes })
    } else {
        Err(ReadError::UnknownShape { file: file.to_owned() })
    }
}

/// Reads JSON of a known shape; an error tells the path of the value.
fn typed<T: DeserializeOwned>(text: &str, file: &Path) -> Result<T, ReadError> {
    let mut json = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let place = error.path().to_string();
        ReadError::Json { file: file.to_owned(), place, source: error.into_inner() }
    })
}

#[cfg(test)]
mod tests;
