//! Files with the keys of devices: 64 to 128 hexadecimal digits, blanks and line ends around them do not matter.
//!
//! A device has one such file. The gateway has a directory of them, one `DEVICE.key` for each device.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use shared_proto::ids::{BadId, DeviceId};
use shared_proto::sign::{BadKey, Key};

use crate::lab_sign::LabKey;

/// What a key file is called after its device.
const EXTENSION: &str = "key";
/// Largest key file in bytes.
const MAX_FILE: u64 = 1024;

/// The keys of one device, both from the same text. `Debug` shows neither.
#[derive(Debug, Clone)]
pub struct DeviceKeys {
    /// For the native wire: the bytes that the digits stand for.
    pub native: Key,
    /// For the classroom's wire: the digits themselves, as its programs use the file.
    pub lab: LabKey,
}

/// The keys of many devices.
pub type Keys = BTreeMap<DeviceId, DeviceKeys>;

/// A key file that cannot be used. Never says what was in it.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct KeyFileError {
    path: PathBuf,
    problem: Problem,
}

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("cannot read it: {0}")]
    Unreadable(#[from] io::Error),
    #[error("larger than {MAX_FILE} bytes: this is no key file")]
    TooLarge,
    #[error("{0}")]
    Key(#[from] BadKey),
    #[error("the name before .{EXTENSION} is no device: {0}")]
    Name(#[from] BadId),
    #[error("the name is not UTF-8")]
    NotUtf8,
}

impl DeviceKeys {
    /// The keys in the content of a key file.
    ///
    /// # Errors
    /// [`BadKey`] if it is something else than 64 to 128 hexadecimal digits.
    pub fn from_text(text: &str) -> Result<Self, BadKey> {
        let digits = text.trim_ascii();
        Ok(Self { native: Key::from_hex(digits)?, lab: LabKey::from_text(digits)? })
    }
}

/// Reads the key file of one device.
///
/// # Errors
/// [`KeyFileError`] if it cannot be read or holds no key.
pub fn read(path: &Path) -> Result<DeviceKeys, KeyFileError> {
    let keys = text(path).and_then(|text| Ok(DeviceKeys::from_text(&text)?));
    keys.map_err(|problem| KeyFileError { path: path.to_owned(), problem })
}

/// Reads all files of a directory that end in `.key`; others, and hidden ones, are left alone.
///
/// # Errors
/// [`KeyFileError`] for the directory, or for the first file that is no key of a device.
pub fn read_directory(directory: &Path) -> Result<Keys, KeyFileError> {
    let refuse = |path: &Path, problem: Problem| KeyFileError { path: path.to_owned(), problem };
    let entries = fs::read_dir(directory).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let entries = entries.map_err(|error| refuse(directory, error.into()))?;

    let mut paths: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
    paths.sort();
    let mut keys = Keys::new();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == EXTENSION)) {
        let Some(name) = path.file_stem().and_then(|stem| stem.to_str()) else {
            return Err(refuse(path, Problem::NotUtf8));
        };
        if name.starts_with('.') {
            continue;
        }
        let device = name.parse::<DeviceId>().map_err(|error| refuse(path, error.into()))?;
        keys.insert(device, read(path)?);
    }
    Ok(keys)
}

/// The content of a key file.
fn text(path: &Path) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(Problem::TooLarge);
    }
    // What is not ASCII is no digit: the key says where.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGITS: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    #[test]
    fn a_key_file_may_end_in_a_line_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pi.key");
        for content in [DIGITS.to_owned(), format!("{DIGITS}\n"), format!(" {}\r\n\n", DIGITS.to_uppercase())] {
            fs::write(&path, content).unwrap();
            let key = read(&path).unwrap();
            let expected = Key::from_hex(DIGITS).unwrap().tag(&[b"x"]).to_hex();
            assert_eq!(key.native.tag(&[b"x"]).to_hex(), expected);
        }
        assert_eq!(format!("{:?}", read(&path).unwrap()), "DeviceKeys { native: Key(***), lab: LabKey(Key(***)) }");
    }

    #[test]
    fn what_is_no_key_file_is_named_and_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pi.key");
        assert!(read(&path).unwrap_err().to_string().starts_with(&format!("{}: cannot read it", path.display())));
        for (content, problem) in [
            (b"".to_vec(), "a key of 0 characters: allowed are 64 to 128 hexadecimal digits"),
            (b"s3cret".to_vec(), "byte 1 of the key is not a hexadecimal digit"),
            (vec![0xff; 64], "byte 1 of the key is not a hexadecimal digit"),
            (DIGITS.as_bytes()[..62].to_vec(), "a key of 62 characters"),
            (format!("{DIGITS} {DIGITS}").into_bytes(), "byte 65 of the key"),
            (vec![b'0'; 2000], "larger than 1024 bytes"),
        ] {
            fs::write(&path, content).unwrap();
            let error = read(&path).unwrap_err();
            assert!(error.to_string().contains(problem), "{error}");
            assert!(!format!("{error} {error:?}").contains("s3cret"));
        }
    }

    #[test]
    fn a_directory_holds_a_key_for_each_device() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &str| fs::write(folder.path().join(name), content).unwrap();
        for (name, content) in
            [("b.key", DIGITS), ("a.1.key", DIGITS), ("README", "x"), ("a.key~", "x"), (".a.key", "x")]
        {
            write(name, content);
        }
        let keys = read_directory(folder.path()).unwrap();
        assert_eq!(keys.keys().map(DeviceId::as_str).collect::<Vec<_>>(), ["a.1", "b"]);

        write("not a device.key", DIGITS);
        let error = read_directory(folder.path()).unwrap_err().to_string();
        assert!(error.contains("not a device.key: the name before .key is no device: device name"), "{error}");
        fs::remove_file(folder.path().join("not a device.key")).unwrap();
        write("c.key", "");
        assert!(read_directory(folder.path()).unwrap_err().to_string().contains("c.key: a key of 0 characters"));
        assert!(read_directory(&folder.path().join("none")).is_err());
    }
}
