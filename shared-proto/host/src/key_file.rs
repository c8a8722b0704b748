//! Files with the keys of devices: 64 to 128 hexadecimal digits, blanks and line ends around them do not matter.
//!
//! A device has one such file. The gateway has a directory of them, one `DEVICE.key` for each device.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use shared_proto::ids::{BadId, DeviceId};
use shared_proto::sign::{BadKey, Key};

use crate::lab_sign::LabKey;
use crate::secret::{FileError, Place};

/// What a key file is called after its device.
const EXTENSION: &str = "key";

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
pub enum KeyFileError {
    /// It cannot be read, or others can read it.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no key in it.
    #[error("{place}: {problem}")]
    Key {
        /// The file.
        place: Place,
        /// What is wrong, and what is allowed.
        problem: BadKey,
    },
    /// The directory cannot be read.
    #[error("{}: cannot read it: {problem}", directory.display())]
    Directory {
        /// The directory.
        directory: PathBuf,
        /// What the system says.
        problem: io::Error,
    },
    /// The file is not called after a device.
    #[error("{}: the name before .{EXTENSION} is no device: {problem}", path.display())]
    Name {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what is allowed.
        problem: BadId,
    },
    /// The name of the file is not UTF-8.
    #[error("{}: its name is not UTF-8", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
    },
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

/// Reads the key file of one device: a secret that nobody else may be able to read.
///
/// # Errors
/// [`KeyFileError`] if it cannot be read, or should not have been readable for others, or holds no key.
pub fn read(place: &Place) -> Result<DeviceKeys, KeyFileError> {
    let secret = place.read_secret()?;
    // What is not ASCII is no digit: the key says where.
    let text = String::from_utf8_lossy(secret.bytes());
    DeviceKeys::from_text(&text).map_err(|problem| KeyFileError::Key { place: place.clone(), problem })
}

/// Reads all files of a directory that end in `.key`; others, and hidden ones, are left alone.
///
/// # Errors
/// [`KeyFileError`] for the directory, or for the first file that is no key of a device.
pub fn read_directory(directory: &Path) -> Result<Keys, KeyFileError> {
    let entries = fs::read_dir(directory).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let entries = entries.map_err(|problem| KeyFileError::Directory { directory: directory.to_owned(), problem })?;

    let mut paths: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
    paths.sort();
    let mut keys = Keys::new();
    for path in paths.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == EXTENSION)) {
        let Some(name) = path.file_stem().and_then(|stem| stem.to_str()) else {
            return Err(KeyFileError::NotUtf8 { path });
        };
        if name.starts_with('.') {
            continue;
        }
        match name.parse::<DeviceId>() {
            Ok(device) => keys.insert(device, read(&Place::Path(path))?),
            Err(problem) => return Err(KeyFileError::Name { path, problem }),
        };
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::os::unix::fs::PermissionsExt;

    const DIGITS: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    fn write(path: &Path, content: impl AsRef<[u8]>) -> Place {
        fs::write(path, content).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        Place::Path(path.to_owned())
    }

    #[test]
    fn a_key_file_may_end_in_a_line_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pi.key");
        for content in [DIGITS.to_owned(), format!("{DIGITS}\n"), format!(" {}\r\n\n", DIGITS.to_uppercase())] {
            let key = read(&write(&path, content)).unwrap();
            let expected = Key::from_hex(DIGITS).unwrap().tag(&[b"x"]).to_hex();
            assert_eq!(key.native.tag(&[b"x"]).to_hex(), expected);
        }
        assert_eq!(
            format!("{:?}", read(&Place::Path(path)).unwrap()),
            "DeviceKeys { native: Key(***), lab: LabKey(Key(***)) }"
        );
    }

    #[test]
    fn what_is_no_key_file_is_named_and_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pi.key");
        let place = Place::Path(path.clone());
        assert!(read(&place).unwrap_err().to_string().starts_with(&format!("{}: cannot read it", path.display())));
        for (content, problem) in [
            (b"".to_vec(), "it is empty"),
            (b"\n".to_vec(), "a key of 0 characters: allowed are 64 to 128 hexadecimal digits"),
            (b"s3cret".to_vec(), "byte 1 of the key is not a hexadecimal digit"),
            (vec![0xff; 64], "byte 1 of the key is not a hexadecimal digit"),
            (DIGITS.as_bytes()[..62].to_vec(), "a key of 62 characters"),
            (format!("{DIGITS} {DIGITS}").into_bytes(), "byte 65 of the key"),
            (vec![b'0'; 2000], "a key of 2000 characters"),
            (vec![b'0'; 100_000], "too large"),
        ] {
            let error = read(&write(&path, content)).unwrap_err();
            assert!(error.to_string().contains(problem), "{error}");
            assert!(!format!("{error} {error:?}").contains("s3cret"));
        }
    }

    #[test]
    fn a_key_that_others_can_read_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pi.key");
        let place = write(&path, DIGITS);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(read(&place), Err(KeyFileError::File(FileError::Exposed { .. }))));
    }

    #[test]
    fn a_directory_holds_a_key_for_each_device() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &str| write(&folder.path().join(name), content);
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
        assert!(read_directory(folder.path()).unwrap_err().to_string().contains("c.key: it is empty"));
        assert!(read_directory(&folder.path().join("none")).is_err());
    }
}
