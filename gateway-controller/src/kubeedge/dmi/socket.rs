//! EdgeCore's socket as a file: whether it is another one than before, and whose it is.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Root: EdgeCore, as a rule.
const ROOT: u32 = 0;

/// What tells one socket from its successor at the same path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SocketFile {
    device: u64,
    inode: u64,
    changed: (i64, i64),
    owner: u32,
}

impl SocketFile {
    /// The socket at this path; `None` if there is none. Does not hold up the runtime.
    pub(super) async fn at(path: &Path) -> Option<Self> {
        let path = path.to_owned();
        let metadata = tokio::task::spawn_blocking(move || std::fs::metadata(path)).await.ok()?.ok()?;
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            // An inode number is soon used again.
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            owner: metadata.uid(),
        })
    }
}

/// Whether a caller may steer devices: root, whoever owns EdgeCore's socket, or our own user. An abstract socket has no file
/// permissions: without this, every user of the machine could.
pub(super) fn may_call(caller: u32, edgecore: Option<SocketFile>, ours: Option<u32>) -> bool {
    caller == ROOT || edgecore.is_some_and(|socket| socket.owner == caller) || ours == Some(caller)
}

/// The user that this program runs as.
pub(super) fn our_user() -> Option<u32> {
    std::fs::metadata("/proc/self").ok().map(|metadata| metadata.uid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_may_not_call() {
        let socket = SocketFile { device: 1, inode: 1, changed: (0, 0), owner: 990 };
        assert!(may_call(0, None, None));
        assert!(may_call(990, Some(socket), Some(1000)));
        assert!(may_call(1000, Some(socket), Some(1000)));
        assert!(!may_call(1001, Some(socket), Some(1000)));
        assert!(!may_call(990, None, None));
    }
}
