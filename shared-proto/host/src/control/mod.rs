//! Control socket for the command lines of both programs: a unix socket that takes one line of JSON as a request and answers
//! with one line of JSON.
//!
//! Only the user that runs the program (and root) can reach it. An answer `{"error": "…"}` refuses the request.

mod client;
mod inside;
mod lock;
mod path;
mod server;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

pub use client::ask;
pub use inside::{Asker, NoAnswer, Questions, inside};
pub use path::default_path;
pub use server::{Incoming, Reply, Server, parse_request, serve};

use serde::{Deserialize, Serialize};

/// Longest request line in bytes.
pub const MAX_REQUEST: usize = 64 * 1024;
/// Longest answer line in bytes: a table of 10,000 devices fits several times.
pub const MAX_ANSWER: usize = 64 * 1024 * 1024;
/// Longest time from connecting to the end of the answer, on both sides.
pub const TIME_LIMIT: Duration = Duration::from_secs(5);

/// The answer that refuses a request; no other answer has a member `error`.
#[derive(Debug, Serialize, Deserialize)]
struct Refusal {
    error: String,
}

/// Why a control socket could not be opened or asked.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Another process answers on the socket.
    #[error("{}: another process answers on this control socket: is the program already running?", path.display())]
    AlreadyRunning {
        /// The socket.
        path: PathBuf,
    },
    /// Something that is not a socket stands in the way.
    #[error("{}: this is not a socket; choose another path for the control socket, or remove it", path.display())]
    NotASocket {
        /// The path asked for.
        path: PathBuf,
    },
    /// The directory of the socket could belong to somebody else.
    #[error(
        "{}: not safe for a control socket: others could have made it; allowed is a directory of your own with mode 0700",
        directory.display()
    )]
    UnsafeDirectory {
        /// The directory.
        directory: PathBuf,
    },
    /// The socket is somebody else's, where everybody may put one.
    #[error(
        "{}: this belongs to another user, in a directory where everybody may write; allowed is a directory of your own with \
         mode 0700",
        path.display()
    )]
    ForeignSocket {
        /// The socket.
        path: PathBuf,
    },
    /// The socket could not be opened.
    #[error("{}: cannot open the control socket: {reason}", path.display())]
    Open {
        /// The socket, or its directory.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        reason: std::io::Error,
    },
    /// Nobody listens.
    #[error("nobody listens at {}: is the program running, and is this its control socket?", path.display())]
    NobodyListens {
        /// The socket.
        path: PathBuf,
    },
    /// The socket belongs to another user.
    #[error("{}: permission denied: use the user that runs the program, or root", path.display())]
    PermissionDenied {
        /// The socket.
        path: PathBuf,
    },
    /// The conversation broke off, or took longer than [`TIME_LIMIT`].
    #[error("{}: {problem}", path.display())]
    Conversation {
        /// The socket.
        path: PathBuf,
        /// What went wrong.
        problem: String,
    },
    /// The program refused the request; its own words.
    #[error("{0}")]
    Refused(String),
}
