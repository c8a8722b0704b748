//! What was done: a line of JSON each, on the disk before the next step is taken.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::release::ReleaseName;
use crate::update::{Outcome, Step};

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Wall clock in milliseconds since 1970.
    pub t_ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A rollout begins.
    Begin {
        /// Name of the release.
        release: ReleaseName,
        /// SHA-256 of the artefact.
        sha256: String,
        /// Devices by wave.
        waves: Vec<Vec<String>>,
    },
    /// It goes on, after this record ended.
    Resume,
    /// A step is about to be taken.
    Step {
        /// The device.
        host: String,
        /// Its wave, from 0.
        wave: usize,
        /// The step.
        step: Step,
    },
    /// It is over on a device.
    End {
        /// The device.
        host: String,
        /// Its wave, from 0.
        wave: usize,
        /// How.
        #[serde(flatten)]
        outcome: Outcome,
    },
    /// A wave went wrong, and the rollout stops.
    Stop {
        /// Why.
        why: String,
    },
    /// All waves are through.
    Finish,
}

/// Where lines go.
#[derive(Debug)]
pub struct Record(Option<Mutex<File>>);

impl Record {
    /// Nowhere.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// To a new file.
    ///
    /// # Errors
    /// It is there already, or cannot be made.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create_new(true).append(true).open(path)?;
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(directory)?.sync_all()?;
        Ok(Self(Some(Mutex::new(file))))
    }

    /// To the end of a file. A line that was cut short is ended first.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn append(path: &Path, content: &str) -> io::Result<Self> {
        let mut file = OpenOptions::new().append(true).open(path)?;
        if !content.is_empty() && !content.ends_with('\n') {
            file.write_all(b"\n")?;
        }
        Ok(Self(Some(Mutex::new(file))))
    }

    /// Writes an event; when this returns, it is on the disk.
    ///
    /// # Errors
    /// It is not.
    pub fn write(&self, event: Event) -> io::Result<()> {
        let Some(file) = &self.0 else { return Ok(()) };
        let t_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let line = Line { t_ms: u64::try_from(t_ms).unwrap_or(u64::MAX), event };
        let mut text = serde_json::to_vec(&line)?;
        text.push(b'\n');
        // A neighbour that panicked has written its whole line, or none.
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&text)?;
        file.sync_data()
    }
}
