//! Child processes that leave their output in files, end with the story, and are quoted when it fails.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::waiting::{PATIENCE, look_for};

/// Lines of a log that are quoted.
const QUOTED: usize = 30;

/// A running program; killed when dropped.
pub(crate) struct Process {
    name: String,
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

/// A command without the configuration that this process may have inherited.
pub(super) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if [
            "AGENT_",
            "GATEWAY_",
            "RUNTIME_DIRECTORY",
            "STATE_DIRECTORY",
            "JOURNAL_STREAM",
            "NOTIFY_SOCKET",
            "WATCHDOG_",
        ]
        .iter()
        .any(|start| text.starts_with(start))
        {
            command.env_remove(&name);
        }
    }
    command
}

fn append(path: &Path) -> File {
    File::options().create(true).append(true).open(path).expect("a file for the output")
}

impl Process {
    /// Starts a program; its output is added to `NAME.out` and `NAME.err` in `home`.
    pub(super) fn start(name: &str, command: Command, home: &Path) -> Self {
        let err = append(&home.join(format!("{name}.err")));
        Self::start_with_stderr(name, command, home, err.into())
    }

    /// Starts a program that writes its log elsewhere.
    pub(crate) fn start_with_stderr(name: &str, mut command: Command, home: &Path, stderr: Stdio) -> Self {
        let (out, err) = (home.join(format!("{name}.out")), home.join(format!("{name}.err")));
        command.stdin(Stdio::null()).stdout(append(&out)).stderr(stderr);
        let child = command.spawn().unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        Self { name: name.to_owned(), child, out, err }
    }

    /// What it wrote to standard output, and those before it with this name in this place.
    pub(super) fn out(&self) -> String {
        fs::read_to_string(&self.out).unwrap_or_default()
    }

    /// What it wrote to standard error.
    pub(super) fn err(&self) -> String {
        fs::read_to_string(&self.err).unwrap_or_default()
    }

    /// Its process id.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("the state of a child").is_none()
    }

    /// Asks it to end, and waits.
    pub(crate) fn terminate(&mut self) -> (ExitStatus, Duration) {
        let begin = Instant::now();
        self.signal("TERM");
        (self.wait(), begin.elapsed())
    }

    /// Sends it a signal.
    pub(super) fn signal(&self, name: &str) {
        // The shell's own `kill` is everywhere; the library has only the hard way.
        let words = format!("kill -s {name} \"$0\"");
        let told = Command::new("sh").args(["-c", &words, &self.child.id().to_string()]).status();
        assert!(told.is_ok_and(|status| status.success()), "cannot signal {}", self.name);
    }

    /// Ends it at once, as a power cut would.
    pub(super) fn kill(&mut self) {
        // Fails only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits for its end.
    pub(super) fn wait(&mut self) -> ExitStatus {
        look_for(|| self.child.try_wait().expect("the state of a child"))
            .unwrap_or_else(|| panic!("{} did not end within {PATIENCE:?}", self.name))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        let outputs = [self.out(), self.err()];
        if std::thread::panicking() {
            for (stream, text) in ["standard output", "standard error"].iter().zip(&outputs) {
                let lines: Vec<_> = text.lines().collect();
                let latest = lines.get(lines.len().saturating_sub(QUOTED)..).unwrap_or_default();
                println!("---- {}, {stream}, latest lines:\n{}", self.name, latest.join("\n"));
            }
        } else {
            let panic = outputs.iter().flat_map(|text| text.lines()).find(|line| line.contains("panicked"));
            assert!(panic.is_none(), "{}: {panic:?}", self.name);
        }
    }
}
