//! Open files: each connection is one.

use std::io;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Files that are open besides the connections.
const OTHERS: u64 = 64;

/// Too few open files are allowed.
#[derive(Debug, thiserror::Error)]
#[error(
    "{wanted} connections need {} open files, and {hard} are allowed: raise the limit (`ulimit -Hn {}` as root, LimitNOFILE= in a \
     systemd unit, /etc/security/limits.conf), or let devices share connections with --connections {}",
    wanted + OTHERS, wanted + OTHERS, hard.saturating_sub(OTHERS).max(1)
)]
pub struct TooFewFiles {
    wanted: u64,
    hard: u64,
}

/// Sees to it that so many connections can be open at one time, here and in the broker that is started from here.
///
/// # Errors
/// What the system refused, with what to do.
pub(super) fn allow_connections(connections: u32) -> io::Result<()> {
    let wanted = u64::from(connections);
    let needed = wanted + OTHERS;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft >= needed {
        return Ok(());
    }
    if hard >= needed {
        return Ok(setrlimit(Resource::RLIMIT_NOFILE, needed, hard)?);
    }
    // Root may raise the hard limit too.
    setrlimit(Resource::RLIMIT_NOFILE, needed, needed).map_err(|_| io::Error::other(TooFewFiles { wanted, hard }))
}
