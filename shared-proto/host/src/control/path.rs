//! Where the socket is, and whether its directory can be trusted.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::ControlError;

const NAME: &str = "control.sock";
/// Permission bit: everybody may write.
const ALL_WRITE: u32 = 0o002;
/// Permission bit of a directory: only the owner of a file may remove or replace it.
const STICKY: u32 = 0o1000;
/// Permission bits: group or everybody may write.
const OTHERS_WRITE: u32 = 0o022;

/// Where `program` has its socket unless told otherwise: under systemd in its runtime directory (`$RUNTIME_DIRECTORY`), as
/// root in `/run/{program}`, else in `$XDG_RUNTIME_DIR/{program}`, else in `/tmp/{program}-{uid}`.
#[must_use]
pub fn default_path(program: &str) -> PathBuf {
    choose(program, own_uid(), |name| std::env::var_os(name))
}

pub(super) fn choose(program: &str, uid: Option<u32>, variable: impl Fn(&str) -> Option<OsString>) -> PathBuf {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    if let Some(directories) = set("RUNTIME_DIRECTORY") {
        // systemd separates several directories by colons.
        if let Some(first) = std::env::split_paths(&directories).next() {
            return first.join(NAME);
        }
    }
    if uid == Some(0) {
        return Path::new("/run").join(program).join(NAME);
    }
    if let Some(runtime) = set("XDG_RUNTIME_DIR") {
        return PathBuf::from(runtime).join(program).join(NAME);
    }
    let owner = uid.map_or_else(|| "unknown".to_owned(), |uid| uid.to_string());
    Path::new("/tmp").join(format!("{program}-{owner}")).join(NAME)
}

/// The user of this process: the owner of its directory in `/proc`.
fn own_uid() -> Option<u32> {
    fs::metadata("/proc/self").ok().map(|process| process.uid())
}

/// Creates the directory of `socket`, mode 0700, if it is missing, and checks that nobody else could have made it.
pub(super) fn prepare_directory(socket: &Path) -> Result<(), ControlError> {
    let Some(directory) = directory_of(socket) else { return Ok(()) };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|reason| ControlError::Open { path: directory.to_owned(), reason })?;
    check_directory(socket)
}

/// Refuses a directory that another user could have put there: where everybody may write (as in `/tmp`), only a real
/// directory of our own is trusted in which nobody else may write. Elsewhere the path is the administrator's affair, but for
/// a socket that lies openly where everybody may write: see [`check_socket`].
pub(super) fn check_directory(socket: &Path) -> Result<(), ControlError> {
    let Some(directory) = directory_of(socket) else { return check_socket(Path::new("."), socket) };
    let shared = directory.parent().and_then(|above| fs::metadata(above).ok());
    if shared.is_none_or(|above| above.mode() & ALL_WRITE == 0) {
        return check_socket(directory, socket);
    }
    match fs::symlink_metadata(directory) {
        Ok(found) if found.is_dir() && Some(found.uid()) == own_uid() && found.mode() & OTHERS_WRITE == 0 => Ok(()),
        // Nothing there is not an attack; connecting will say so.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        _ => Err(ControlError::UnsafeDirectory { directory: directory.to_owned() }),
    }
}

/// In a directory where everybody may write, only the sticky bit keeps others from replacing the socket, and only its owner
/// tells whose it is.
fn check_socket(directory: &Path, socket: &Path) -> Result<(), ControlError> {
    let Ok(found) = fs::metadata(directory) else { return Ok(()) };
    if found.mode() & ALL_WRITE == 0 {
        return Ok(());
    }
    if found.mode() & STICKY == 0 || !is_root_or_us(found.uid()) {
        return Err(ControlError::UnsafeDirectory { directory: directory.to_owned() });
    }
    match fs::symlink_metadata(socket) {
        Ok(there) if !is_root_or_us(there.uid()) => Err(ControlError::ForeignSocket { path: socket.to_owned() }),
        _ => Ok(()),
    }
}

fn is_root_or_us(uid: u32) -> bool {
    uid == 0 || Some(uid) == own_uid()
}

fn directory_of(socket: &Path) -> Option<&Path> {
    socket.parent().filter(|directory| !directory.as_os_str().is_empty())
}
