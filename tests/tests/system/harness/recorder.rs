//! `gateway-controller experiment` as a process of its own.

use std::path::PathBuf;

use analysis::experiment::{Line, Note, Recording};

use super::process::Process;
use super::{Site, eventually};

/// A recorder that writes into a directory of its own.
pub(crate) struct Recorder {
    process: Process,
    file: PathBuf,
}

/// What is read of a file.
pub(crate) struct Recorded {
    pub(crate) lines: Vec<Line>,
    pub(crate) notes: Vec<Note>,
    /// What is told by the first line.
    pub(crate) begin: analysis::experiment::Begin,
}

impl Recorder {
    /// Starts the recording of one run, at the site's broker.
    pub(crate) fn start(site: &Site, label: &str, args: &[&str]) -> Self {
        let home = site.home(label);
        let directory = home.to_str().expect("a path in UTF-8").to_owned();
        let url = site.broker.url();
        let mut command = super::controller(["experiment", "--label", label, "--output", &directory, "--broker", &url]);
        command.args(args);
        let process = Process::start(label, command, &home);
        Self { process, file: home.join(format!("{label}-1.jsonl.zst")) }
    }

    /// Waits until what is on the disk fits.
    pub(crate) fn wait_for(&mut self, what: &str, fits: impl Fn(&[Line]) -> bool) {
        eventually(what, || {
            assert!(self.process.is_running(), "the recorder has ended: {}", self.process.err());
            Recording::read(&self.file).ok()?;
            fits(&self.read().lines).then_some(())
        });
    }

    /// What is on the disk now.
    pub(crate) fn read(&self) -> Recorded {
        let mut recording = Recording::read(&self.file).unwrap_or_else(|error| panic!("{error}"));
        let lines = recording.by_ref().map(|line| line.unwrap_or_else(|error| panic!("{error}"))).collect();
        Recorded { lines, notes: recording.notes().to_vec(), begin: recording.begin().clone() }
    }

    /// Waits for its end; its exit code and what it says.
    pub(crate) fn wait(&mut self) -> (Option<i32>, String) {
        (self.process.wait().code(), self.process.out())
    }

    /// SIGTERM; its exit code.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        self.process.terminate().0.code()
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }
}
