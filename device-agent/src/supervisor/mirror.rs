//! Mirrors simulated lines into a file, for onlookers in other processes.

use std::fs;
use std::io;
use std::path::PathBuf;

use shared_host::tree;
use tracing::warn;

use crate::gpio::{Level, Line, Simulated};

/// The file is replaced as a whole, so that nobody reads half of it.
pub(super) struct Mirror {
    path: PathBuf,
    lines: Simulated,
    written: Option<Vec<(Line, Level)>>,
    failed: bool,
}

impl Mirror {
    pub(super) fn new(path: PathBuf, lines: Simulated) -> Self {
        Self { path, lines, written: None, failed: false }
    }

    /// Writes the levels if they have changed. A failure is told once.
    pub(super) fn update(&mut self) {
        let levels: Vec<(Line, Level)> = self.lines.levels().collect();
        if self.written.as_ref() == Some(&levels) {
            return;
        }
        match self.write(&levels) {
            Ok(()) => self.written = Some(levels),
            Err(error) if !self.failed => {
                self.failed = true;
                warn!(path = %self.path.display(), %error, "cannot mirror the simulated lines (gpio.sim_state_file)");
            }
            Err(_) => {}
        }
    }

    fn write(&self, levels: &[(Line, Level)]) -> io::Result<()> {
        let object = tree::map(levels.iter().map(|&(line, level)| (line.to_string(), level)));
        let mut draft = self.path.clone().into_os_string();
        draft.push(".new");
        fs::write(&draft, serde_json::to_string(&object)? + "\n")?;
        fs::rename(&draft, &self.path)
    }
}
