//! Where reports outlive the process: there, writable, with room, and on the right kind of file system.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{AS_SERVICE, Finding};
use crate::rt::sys::{self, Space};
use crate::store::{Role, StoreConfig};

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
    let there = directory.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
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
pub(super) fn judge(facts: &[Facts], max_bytes: u64) -> Vec<Finding> {
    if facts.is_empty() {
        let why = "neither spool.dir nor spool.runtime_dir is set here; the service gets its directories from systemd";
        return vec![Finding { mend: Some(AS_SERVICE.to_owned()), ..Finding::skipped("store.directory", why) }];
    }
    facts.iter().map(|place| judge_place(place, max_bytes)).collect()
}

fn judge_place(place: &Facts, max_bytes: u64) -> Finding {
    let check = match place.role {
        Role::Volatile => "store.volatile",
        Role::Durable => "store.durable",
    };
    let path = place.directory.display();
    if let Err(why) = &place.writable {
        let mend = format!("sudo install -d -m 700 -o device-agent {path}   # the user that runs the agent");
        return Finding::failure(check, format!("{path} cannot be written: {why}"), &mend);
    }
    let wanted = max_bytes.saturating_sub(place.used) + RESERVE;
    let free = place.space.map_or(0, |space| space.free_bytes);
    match place.space {
        Some(Space { read_only: true, .. }) => {
            let mend = format!("sudo mount -o remount,rw \"$(stat -c %m {path})\"; dmesg | tail   # tells why");
            return Finding::failure(check, format!("{path}: its file system is read-only"), &mend);
        }
        Some(Space { free_files, .. }) if free_files < FILES => {
            let found = format!("{path}: its file system has room for {free_files} more files");
            return Finding::failure(check, found, &format!("df -i {path}; remove files there"));
        }
        Some(_) if free < wanted => {
            let found = format!("{path}: {} MiB free, {} MiB wanted", free >> 20, wanted >> 20);
            return Finding::warning(
                check,
                found,
                "make room (df -h; sudo journalctl --vacuum-size=64M), or lower spool.max_disk_mb",
            );
        }
        _ => {}
    }
    match (place.role, place.in_memory) {
        (Role::Volatile, false) => {
            let found =
                format!("{path} is not in memory (tmpfs): every report is written to the disk, which wears a card");
            Finding::warning(
                check,
                found,
                "set spool.runtime_dir to a directory below /run, or let systemd give it: RuntimeDirectory=",
            )
        }
        (Role::Durable, true) => {
            let found = format!("{path} is in memory (tmpfs): a power cut takes the reports that wait");
            Finding::warning(
                check,
                found,
                "set spool.dir to a directory on a disk, or let systemd give it: StateDirectory=",
            )
        }
        _ => Finding::ok(check, format!("{path}: {} MiB free", free >> 20)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Outcome::{Failure, Ok as Good, Skipped, Warning};
    use super::super::tests::outcomes;
    use super::*;

    fn place(role: Role) -> Facts {
        let space = Space { free_bytes: 1 << 30, free_files: 10_000, read_only: false };
        let in_memory = role == Role::Volatile;
        Facts { role, directory: "/spool".into(), used: 0, writable: Ok(()), space: Some(space), in_memory }
    }

    fn judged(place: Facts) -> super::super::Outcome {
        judge(&[place], 16 << 20)[0].outcome
    }

    #[test]
    fn places_that_work_are_good() {
        let told = judge(&[place(Role::Volatile), place(Role::Durable)], 16 << 20);
        assert_eq!(outcomes(&told), [("store.volatile", Good), ("store.durable", Good)]);
        assert_eq!(outcomes(&judge(&[], 1)), [("store.directory", Skipped)]);
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
        assert!(look(Role::Durable, Path::new("/proc/spool")).writable.is_err());
    }
}
