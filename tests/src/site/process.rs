//! Child processes that leave their output in files and end with whoever started them.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use super::{Trouble, wait_for};

/// Lines that are quoted when a program fails.
const QUOTED: usize = 5;

/// A running program; killed when dropped.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Child,
    log: PathBuf,
}

/// This very program once more, as the agent or the controller: see [`crate::programs`]. Without the configuration that this
/// process may have inherited. `through` goes before it: a program that starts it, with its arguments.
pub(super) fn command(role: &str, args: &[&str], through: &[String]) -> Result<Command, Trouble> {
    let program = std::env::current_exe().map_err(Trouble::system("the path of this program"))?;
    let words = through.iter().map(OsString::from).chain([program.into_os_string(), role.into()]);
    let mut words = words.chain(args.iter().map(OsString::from));
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words);
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
    Ok(command)
}

impl Program {
    /// Starts it; its log is added to `NAME.log` in `home`.
    pub(super) fn start(name: &str, mut command: Command, home: &Path) -> Result<Self, Trouble> {
        let log = home.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log);
        let file = file.map_err(Trouble::system(log.display().to_string()))?;
        // Decisions of a controller are not needed; of an agent there are none.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
        let child = command.spawn().map_err(Trouble::system(format!("start of {name}")))?;
        Ok(Self { name: name.to_owned(), child, log })
    }

    /// What it logged, and those before it with this name in this place.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Resident memory in KiB, as the kernel counts it; `None` if the process has ended.
    #[must_use]
    pub fn rss_kib(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().split(' ').next()?.parse().ok()
    }

    /// # Errors
    /// [`Trouble::Program`] if it has ended.
    pub(super) fn check_running(&mut self) -> Result<(), Trouble> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(self.failed(&format!("has ended ({status})"))),
            Err(why) => Err(Trouble::System { what: format!("state of {}", self.name), why }),
        }
    }

    /// Asks it to end (SIGTERM), and waits until it has.
    pub(super) fn terminate(&mut self) -> Result<(), Trouble> {
        // The shell's own `kill` is everywhere; the library has only the hard way.
        let told = Command::new("sh").args(["-c", "kill -s TERM \"$0\"", &self.child.id().to_string()]).status();
        told.map_err(Trouble::system(format!("SIGTERM to {}", self.name)))?;
        let what = format!("the end of {}", self.name);
        let status: ExitStatus = wait_for(&what, || self.child.try_wait().map_err(Trouble::system(what.clone())))?;
        if status.success() { Ok(()) } else { Err(self.failed(&format!("ended badly ({status})"))) }
    }

    /// Ends it at once, as a power cut would (SIGKILL).
    pub(super) fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// # Errors
    /// [`Trouble::Program`] if its log tells of a panic.
    pub(super) fn check_no_panic(&self) -> Result<(), Trouble> {
        if self.log().contains("panicked") { Err(self.failed("panicked")) } else { Ok(()) }
    }

    fn failed(&self, how: &str) -> Trouble {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        let words = lines.get(lines.len().saturating_sub(QUOTED)..).unwrap_or_default().join(" | ");
        Trouble::Program { program: self.name.clone(), how: how.to_owned(), words }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        let _ = self.kill();
    }
}
