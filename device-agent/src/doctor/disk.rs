//! Where reports outlive the process: there, writable, with room, and on the right kind of file system.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{AS_SERVICE, Findings, Outcome};
use crate::keeper::{Role, StoreConfig};
use crate::sys::{self, Space};

/// What is to stay free beside the store, for the rest of the machine: 16 MiB.
const RESERVE: u64 = 16 << 20;
/// Files that a store may have at a time, generously.
const FILES: u64 = 64;

/// What was found of one place.
pub(super) struct Facts {
    role: Role,
    directory: PathBuf,
    /// Bytes in it already: they count within its bound.
    used: u64,
    /// Whether a file could be made there, or in the nearest directory that is there.
    writable: Result<(), String>,
    space: Option<Space>,
    in_memory: bool,
}

pub(super) fn gather(store: &StoreConfig) -> Vec<Facts> {
    let places = [(Role::Volatile, &store.runtime_dir), (Role::Durable, &store.dir)];
    places.into_iter().filter_map(|(role, directory)| Some(look(role, directory.as_deref()?))).collect()
}

fn look(role: Role, directory: &Path) -> Facts {
    // The agent makes what is missing, as its own user; the doctor leaves nothing behind.
    let whole = std::path::absolute(directory).unwrap_or_default();
    let there = whole.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    let size = |entry: fs::DirEntry| entry.metadata().map_or(0, |file| file.len());
    Facts {
        role,
        directory: directory.to_owned(),
        used: fs::read_dir(directory).into_iter().flatten().flatten().map(size).sum(),
        writable: try_to_write(there).map_err(|error| format!("{}: {error}", there.display())),
        space: sys::space_of(there).ok(),
        in_memory: sys::is_in_memory(there).unwrap_or(false),
    }
}

/// Makes a file without a name, which is gone with its descriptor.
fn try_to_write(directory: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).custom_flags(libc::O_TMPFILE).open(directory) {
        // A file system without such files, or a kernel: whether it is read-only is told with its space.
        Err(error) if matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::EISDIR)) => Ok(()),
        other => other.map(drop),
    }
}

/// `max_bytes`: what each place may take.
pub(super) fn judge(facts: &[Facts], max_bytes: u64, to: &mut Findings) {
    if facts.is_empty() {
        let why = "neither spool.dir nor spool.runtime_dir is set here; the service gets its directories from systemd";
        to.add("store.directory", Outcome::Skipped, format_args!("{why}"), format_args!("{AS_SERVICE}"));
    }
    for place in facts {
        judge_place(place, max_bytes, to);
    }
}

fn judge_place(place: &Facts, max_bytes: u64, to: &mut Findings) {
    let check = match place.role {
        Role::Volatile => "store.volatile",
        Role::Durable => "store.durable",
    };
    let path = place.directory.display();
    if let Err(why) = &place.writable {
        let mend = format_args!("sudo install -d -m 700 -o device-agent {path}   # the user that runs the agent");
        return to.failure(check, format_args!("{path} cannot be written: {why}"), mend);
    }
    let Some(Space { free_bytes, free_files, read_only }) = place.space else {
        return to.skipped(check, "the system does not tell how much room there is");
    };
    let wanted = max_bytes.saturating_sub(place.used) + RESERVE;
    if read_only {
        let mend = format_args!("sudo mount -o remount,rw \"$(stat -c %m {path})\"; dmesg | tail   # tells why");
        to.failure(check, format_args!("{path}: its file system is read-only"), mend);
    } else if free_files < FILES {
        let found = format_args!("{path}: its file system has room for {free_files} more files");
        to.failure(check, found, format_args!("df -i {path}; remove files there"));
    } else if free_bytes < wanted {
        let found = format_args!("{path}: {} MiB free, {} MiB wanted", free_bytes >> 20, wanted >> 20);
        let mend = format_args!("make room (df -h; sudo journalctl --vacuum-size=64M), or lower spool.max_disk_mb");
        to.warning(check, found, mend);
    } else if place.role == Role::Volatile && !place.in_memory {
        let found =
            format_args!("{path} is not in memory (tmpfs): every report is written to the disk, which wears a card");
        let mend =
            format_args!("set spool.runtime_dir to a directory below /run, or let systemd give it: RuntimeDirectory=");
        to.warning(check, found, mend);
    } else if place.role == Role::Durable && place.in_memory {
        let found = format_args!("{path} is in memory (tmpfs): a power cut takes the reports that wait");
        let mend = format_args!("set spool.dir to a directory on a disk, or let systemd give it: StateDirectory=");
        to.warning(check, found, mend);
    } else {
        to.ok(check, format_args!("{path}: {} MiB free", free_bytes >> 20));
    }
}

#[cfg(test)]
mod tests {
    use super::super::Outcome::{Failure, Ok as Good, Skipped, Warning};
    use super::super::tests::{outcomes, told};
    use super::*;

    fn place(role: Role) -> Facts {
        let space = Space { free_bytes: 1 << 30, free_files: 10_000, read_only: false };
        let in_memory = role == Role::Volatile;
        Facts { role, directory: "/spool".into(), used: 0, writable: Ok(()), space: Some(space), in_memory }
    }

    fn judged(place: Facts) -> super::super::Outcome {
        told(|to| judge(&[place], 16 << 20, to))[0].outcome
    }

    #[test]
    fn places_that_work_are_good() {
        let both = told(|to| judge(&[place(Role::Volatile), place(Role::Durable)], 16 << 20, to));
        assert_eq!(outcomes(&both), [("store.volatile", Good), ("store.durable", Good)]);
        assert_eq!(outcomes(&told(|to| judge(&[], 1, to))), [("store.directory", Skipped)]);
    }

    #[test]
    fn each_trouble_is_told() {
        let with = |change: &dyn Fn(&mut Facts)| {
            let mut place = place(Role::Durable);
            change(&mut place);
            judged(place)
        };
        let space = |change: &dyn Fn(&mut Space)| with(&|place| place.space.as_mut().map_or((), change));
        assert_eq!(with(&|place| place.writable = Err("no".to_owned())), Failure);
        assert_eq!(space(&|space| space.read_only = true), Failure);
        assert_eq!(space(&|space| space.free_files = 3), Failure);
        assert_eq!(space(&|space| space.free_bytes = 31 << 20), Warning);
        assert_eq!(space(&|space| space.free_bytes = 32 << 20), Good);
        assert_eq!(with(&|place| place.in_memory = true), Warning);
        assert_eq!(judged(Facts { in_memory: false, ..place(Role::Volatile) }), Warning);
    }

    #[test]
    fn what_the_store_has_already_counts_within_its_bound() {
        let mut full = place(Role::Durable);
        full.used = 16 << 20;
        full.space = Some(Space { free_bytes: 16 << 20, free_files: 10_000, read_only: false });
        assert_eq!(judged(full), Good);
    }

    #[test]
    fn looking_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("a/b");
        let facts = look(Role::Durable, &missing);
        assert_eq!(facts.writable, Ok(()));
        assert!(facts.space.unwrap().free_bytes > 0);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        fs::write(dir.path().join("file"), "").unwrap();
        assert!(look(Role::Durable, &dir.path().join("file/spool")).writable.is_err());
    }
}
