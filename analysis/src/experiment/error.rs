//! Why a recording cannot be written or read.

use std::io;
use std::path::PathBuf;

use super::FORMAT_VERSION;

/// What an experiment file is.
const KNOWN: &str =
    "an experiment file is written by `gateway-controller experiment`: JSON lines, compressed with zstd or not";

/// A recording that cannot be written. What was kept before can be read.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// There is a file of that name.
    #[error("{}: the file exists; choose another label or directory, or replace it with --force", .file.display())]
    Exists {
        /// The file.
        file: PathBuf,
    },
    /// The file cannot be made.
    #[error("{}: cannot be made: {source}", .file.display())]
    Create {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The disk does not take it.
    #[error("{}: cannot be written after {bytes} bytes: {source}; what stands there can be read", .file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// Length of what was kept, in bytes.
        bytes: u64,
        /// What the system says.
        source: io::Error,
    },
    /// A line cannot be written, so no reader would take it.
    #[error("{}: a line cannot be written: {problem}", .file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// Why.
        problem: String,
    },
}

/// A file that is no recording, or a damaged one.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// It cannot be opened or read.
    #[error("{}: {source}", .file.display())]
    Open {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is no line in it.
    #[error("{}: there is no line in it; {KNOWN}", .file.display())]
    Empty {
        /// The file.
        file: PathBuf,
    },
    /// It is neither JSON nor zstd.
    #[error("{}: neither zstd nor JSON lines; {KNOWN}", .file.display())]
    NotZstd {
        /// The file.
        file: PathBuf,
    },
    /// It begins otherwise.
    #[error("{}: the file of another tool: its first line is not `{{\"kind\":\"begin\",\"format\":\"fleet-experiment\",…}}`; {KNOWN}", .file.display())]
    Foreign {
        /// The file.
        file: PathBuf,
    },
    /// It has a version that this program does not know.
    #[error("{}: version {version}: this program reads 1 to {FORMAT_VERSION}", .file.display())]
    Version {
        /// The file.
        file: PathBuf,
        /// Its version.
        version: u64,
    },
    /// The compressed data is damaged.
    #[error("{}: damaged before byte {byte}, after line {line}: {source}", .file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// So many bytes of the file were read by then.
        byte: u64,
        /// The last line before it, from 1.
        line: u64,
        /// What zstd says.
        source: io::Error,
    },
    /// A line is longer than any that is written.
    #[error("{}: line {line}: longer than {limit} bytes, which no line is", .file.display())]
    TooLong {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
        /// Longest line allowed, in bytes.
        limit: usize,
    },
    /// It unpacks to more than a recording can be.
    #[error("{}: line {line}: the lines before are {limit} bytes unpacked, and no more are read", .file.display())]
    TooMuch {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
        /// Greatest length allowed, in bytes.
        limit: u64,
    },
    /// A line is not what it must be.
    #[error("{}: line {line}: {problem}", .file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong, and what is allowed.
        problem: String,
    },
}
