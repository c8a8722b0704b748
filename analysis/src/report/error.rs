//! Why there is no report.

use std::path::PathBuf;

use crate::experiment::RecordingError;
use crate::{CompareError, ReadError};

/// Files that cannot be reported on, or a report that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// No file was named.
    #[error("{side} has no files")]
    NoFiles {
        /// `A` or `B`.
        side: &'static str,
    },
    /// An experiment file cannot be used.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// A run file cannot be used.
    #[error(transparent)]
    Run(#[from] ReadError),
    /// It is neither.
    #[error("{}: neither an experiment file nor a run file: allowed are files of `gateway-controller experiment`, of `device-agent measure` and of `cyclictest --json`. As a run file: {why}", .file.display())]
    Neither {
        /// The file.
        file: PathBuf,
        /// What is wrong with it as a run file.
        why: String,
    },
    /// Both kinds together.
    #[error(
        "{experiment} is an experiment file and {run} is not: they have different things in them; report on files of one kind at a time"
    )]
    Mixed {
        /// An experiment file.
        experiment: String,
        /// A run file.
        run: String,
    },
    /// A file is there twice.
    #[error("{first} and {again} are the same file; runs must be measured anew to count")]
    Twice {
        /// Its first name.
        first: String,
        /// The other one.
        again: String,
    },
    /// Nothing was measured.
    #[error("{file}: no device has reported in it, so there is nothing to say; leave it out")]
    NoReports {
        /// The file.
        file: String,
    },
    /// The runs cannot be compared.
    #[error(transparent)]
    Compare(#[from] CompareError),
    /// Something is there already.
    #[error("{}: exists; choose another name, or replace it with --force", .file.display())]
    Exists {
        /// The file.
        file: PathBuf,
    },
    /// The system refuses.
    #[error("{}: cannot be written: {source}", .file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A figure cannot be drawn.
    #[error("{figure}: {source}")]
    Draw {
        /// Its name.
        figure: &'static str,
        /// Why.
        source: crate::plot::PngError,
    },
}
