//! Who else can read a file.

use std::fmt;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Permission bits: everybody may read or write.
const EVERYBODY: u32 = 0o006;
/// Permission bits: the file's group may read or write.
const GROUP: u32 = 0o060;
const PERMISSIONS: u32 = 0o7777;

/// Who else can read or change a file that nobody else should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposure {
    /// Every user of this machine.
    Everybody {
        /// The file's permissions.
        mode: u32,
    },
    /// The members of a group that is not this process's.
    Group {
        /// The file's permissions.
        mode: u32,
        /// The group's number.
        group: u32,
    },
}

impl Exposure {
    /// Whether somebody else can read or change a file, as far as its permissions tell.
    pub(crate) fn of(file: &Metadata) -> Option<Self> {
        judge(file.mode() & PERMISSIONS, file.gid(), own_group())
    }

    /// Whether every user of this machine can read the file at this path. One that is not there nobody can read.
    pub(crate) fn to_everybody(path: &Path) -> Option<Self> {
        let exposure = judge(fs::metadata(path).ok()?.mode() & PERMISSIONS, 0, Some(0));
        exposure.filter(|exposure| matches!(exposure, Self::Everybody { .. }))
    }
}

fn judge(mode: u32, group: u32, own: Option<u32>) -> Option<Exposure> {
    if mode & EVERYBODY != 0 {
        return Some(Exposure::Everybody { mode });
    }
    (mode & GROUP != 0 && own != Some(group)).then_some(Exposure::Group { mode, group })
}

/// The effective group of this process. Others in which its user is do not count: their members are other users.
fn own_group() -> Option<u32> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Gid:"))?;
    // Real, effective, saved, for files: proc(5).
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}

impl fmt::Display for Exposure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everybody { mode } => write!(f, "mode {mode:04o} lets everybody on this machine read or change it"),
            Self::Group { mode, group } => {
                write!(f, "mode {mode:04o} lets group {group}, which is not this process's, read or change it")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owner_and_own_group_may_read() {
        for (mode, group) in [(0o600, 7), (0o400, 7), (0o700, 7), (0o640, 5), (0o440, 5), (0o610, 7)] {
            assert_eq!(judge(mode, group, Some(5)), None, "{mode:o} {group}");
        }
    }

    #[test]
    fn nobody_else_may() {
        for mode in [0o644, 0o604, 0o602] {
            assert_eq!(judge(mode, 5, Some(5)), Some(Exposure::Everybody { mode }));
        }
        for (mode, own) in [(0o640, Some(5)), (0o620, Some(5)), (0o440, None)] {
            assert_eq!(judge(mode, 7, own), Some(Exposure::Group { mode, group: 7 }));
        }
    }

    #[test]
    fn the_own_group_is_that_of_new_files() {
        let file = tempfile::tempfile().unwrap();
        assert_eq!(own_group(), Some(file.metadata().unwrap().gid()));
    }
}
