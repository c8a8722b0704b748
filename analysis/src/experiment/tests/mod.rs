//! Files that are whole, torn, damaged, foreign or hostile.

mod fixture;
mod hostile;
mod reacting;
mod round_trip;
mod torn;

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;

/// A file with this content.
fn file(content: &[u8]) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.jsonl.zst");
    std::fs::write(&path, content).unwrap();
    (directory, path)
}

/// All lines after the first, and the notes.
fn read_all(path: &Path) -> Result<(Vec<Line>, Vec<Note>), RecordingError> {
    let mut recording = Recording::read(path)?;
    let lines = recording.by_ref().collect::<Result<_, _>>()?;
    Ok((lines, recording.notes().to_vec()))
}

/// What a file with this content is refused with.
fn refusal(content: &[u8]) -> String {
    let (_directory, path) = file(content);
    let error = read_all(&path).unwrap_err().to_string();
    assert!(error.starts_with(path.to_str().unwrap()), "{error}");
    error
}
