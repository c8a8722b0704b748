//! Samples from files of this repository.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Samples by name.
pub type Samples = BTreeMap<String, Vec<u8>>;

/// The files of a folder (from the root of the repository) whose names begin with `start`; none if there is no such folder.
pub(crate) fn files(folder: &str, start: &str) -> Samples {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder);
    let Ok(entries) = fs::read_dir(&folder) else { return Samples::new() };
    let paths = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let named = paths.map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), path));
    named.filter(|(name, _)| name.starts_with(start)).map(|(name, path)| (name, fs::read(path).unwrap())).collect()
}
