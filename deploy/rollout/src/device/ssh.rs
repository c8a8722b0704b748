//! A device behind the user's own `ssh` and `scp`: keys, agents, jump hosts and `~/.ssh/config` just work.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::facts::printable;
use super::process::{self, Ended};
use super::quote::quoted;
use super::{Back, Device, Facts, Trouble};
use crate::artefact::{Artefact, Proof};
use crate::release::{Mark, ReleaseName};

/// What runs on the device.
pub(super) const SCRIPT: &str = include_str!("../device.sh");
/// Longest time of a step on the device; a restart under systemd may take 90 s.
const STEP: Duration = Duration::from_secs(150);
/// Longest time until a connection stands.
const CONNECT: Duration = Duration::from_secs(30);
/// The device's own refusal.
const REFUSED: i32 = 20;
/// A connection that cannot be had, or breaks.
const BROKEN: i32 = 255;

/// Connections of one run of the tool: a private directory of their sockets.
#[derive(Debug)]
pub struct Connections(TempDir);

impl Connections {
    /// Makes the directory.
    ///
    /// # Errors
    /// What the system says.
    pub fn open() -> io::Result<Self> {
        tempfile::Builder::new().prefix("fleet-").tempdir().map(Self)
    }
}

/// Where things are on a device, and how they are done there. Paths are absolute and of letters, digits and `._/+@-`, which the
/// script checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What `ssh` calls it.
    pub host: String,
    /// Another port than `ssh` would take.
    pub port: Option<u16>,
    /// More `-o` options for `ssh` and `scp`.
    pub ssh_options: Vec<String>,
    /// Whether `sudo` is needed.
    pub rights: Rights,
    /// Directory of the releases.
    pub dir: String,
    /// The agent's configuration.
    pub config: String,
    /// Public key that the device trusts.
    pub key: String,
    /// What the service starts: becomes a link to the current release.
    pub program: String,
    /// Where systemd keeps the service's credentials.
    pub credentials: String,
    /// Restarts the service; for a shell.
    pub restart: String,
    /// Longest time that a copy may take.
    pub copy_limit: Duration,
}

/// How rights are got on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rights {
    /// The user who logs in has them.
    Login,
    /// `sudo -n`.
    Sudo,
}

/// A device behind `ssh`.
#[derive(Debug)]
pub struct Ssh<'a> {
    place: Place,
    /// Socket of the connection that all steps share.
    socket: PathBuf,
    _directory: &'a Connections,
}

impl<'a> Ssh<'a> {
    /// Nothing is connected yet.
    #[must_use]
    pub fn new(place: Place, connections: &'a Connections) -> Self {
        let socket = connections.0.path().join(format!("{:012x}", fastrand::u64(..) >> 16));
        Self { place, socket, _directory: connections }
    }

    /// `ssh` or `scp`, that asks nobody anything and notices a lost connection within 15 s.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let (port_flag, Place { port, ssh_options, .. }) = (if program == "scp" { "-P" } else { "-p" }, &self.place);
        for option in [
            "BatchMode=yes",
            "ConnectTimeout=10",
            "ServerAliveInterval=5",
            "ServerAliveCountMax=3",
            "ForwardAgent=no",
            "ForwardX11=no",
            "ClearAllForwardings=yes",
            "LogLevel=ERROR",
        ] {
            command.args(["-o", option]);
        }
        command.arg("-o").arg(format!("ControlPath={}", self.socket.display()));
        for option in ssh_options {
            command.args(["-o", option]);
        }
        if let Some(port) = port {
            command.args([port_flag, &port.to_string()]);
        }
        command
    }

    /// The one connection, which goes to the background, and ends a minute after this program if that cannot say good-bye.
    fn connect(&self) -> Result<(), Trouble> {
        if self.socket.exists() {
            return Ok(());
        }
        let lost = |error: io::Error| Trouble::Unreachable(error.to_string());
        // A file, not a pipe: the background keeps it open.
        let mut words = tempfile::tempfile().map_err(lost)?;
        let mut command = self.command("ssh");
        command.args(["-f", "-N", "-o", "ControlMaster=yes", "-o", "ControlPersist=60", "--", &self.place.host]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(words.try_clone().map_err(lost)?);
        let mut child = command.spawn().map_err(|error| Trouble::Unreachable(format!("ssh: {error}")))?;
        let deadline = Instant::now() + CONNECT;
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break Some(status),
                Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(5)),
                Ok(None) | Err(_) => break None,
            }
        };
        match status {
            Some(status) if status.success() => Ok(()),
            Some(_) => Err(Trouble::Unreachable(last_line(&read(&mut words)))),
            None => {
                // Fails only if it has ended meanwhile.
                let _ = child.kill();
                let _ = child.wait();
                Err(Trouble::Unreachable(format!("ssh: no connection within {CONNECT:?}")))
            }
        }
    }

    /// Runs the script there. All words are arguments; none is ever part of a command's text.
    fn script(&self, arguments: &[&str]) -> Result<String, Trouble> {
        let words = ["sh", "-s", "--"].iter().chain(arguments.iter());
        self.remote(words.copied(), SCRIPT)
    }

    fn remote<'w>(&self, words: impl Iterator<Item = &'w str>, input: &str) -> Result<String, Trouble> {
        self.connect()?;
        let rights: &[&str] = match self.place.rights {
            Rights::Login => &[],
            Rights::Sudo => &["sudo", "-n", "--"],
        };
        let line: Vec<_> = rights.iter().copied().chain(words).map(quoted).collect();
        let mut command = self.command("ssh");
        command.args(["-T", "--", &self.place.host, &line.join(" ")]);
        outcome(process::run(command, input, STEP))
    }
}

fn outcome(ended: Result<Ended, process::NoEnd>) -> Result<String, Trouble> {
    let ended = ended.map_err(|error| Trouble::Unreachable(error.to_string()))?;
    match ended.status.code() {
        Some(0) => Ok(ended.out),
        Some(REFUSED) => Err(Trouble::Refused(printable(ended.err.trim()))),
        Some(BROKEN) | None => Err(Trouble::Unreachable(last_line(&ended.err))),
        Some(code) => Err(Trouble::Refused(format!("exit code {code}: {}", last_line(&ended.err)))),
    }
}

fn read(file: &mut File) -> String {
    let mut bytes = Vec::new();
    // What cannot be read is no reason to say nothing.
    let _ = file.rewind().and_then(|()| file.take(64 * 1024).read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

fn last_line(text: &str) -> String {
    text.lines().rev().find(|line| !line.trim().is_empty()).map_or_else(|| "no reason was given".to_owned(), printable)
}

impl Device for Ssh<'_> {
    fn status(&self) -> Result<Facts, Trouble> {
        let Place { dir, program, config, .. } = &self.place;
        let text = self.script(&["status", dir, program, config])?;
        Facts::read(&text).map_err(|error| Trouble::Refused(error.to_string()))
    }

    fn copy(&self, artefact: &Artefact, mark: &Mark) -> Result<(), Trouble> {
        let name = artefact.release();
        self.script(&["stage", &self.place.dir, name.as_str(), mark.as_str()])?;
        let part = format!("{}/releases/{name}.{}.part", self.place.dir, mark.as_str());
        let signature = match &artefact.signature {
            Proof::Signed(file) => Some((file, format!("{part}.minisig"))),
            Proof::Unsigned => None,
        };
        for (file, target) in signature.into_iter().chain([(&artefact.file, part)]) {
            let mut command = self.command("scp");
            command.args(["-q", "--"]).arg(local(file)).arg(format!("{}:{target}", bracketed(&self.place.host)));
            let ended = process::run(command, "", self.place.copy_limit)
                .map_err(|error| Trouble::Unreachable(error.to_string()))?;
            if !ended.status.success() {
                // scp ends with 1 or 255 for whatever reason. Who still answers has refused.
                self.script(&["status", &self.place.dir, &self.place.program, &self.place.config])?;
                return Err(Trouble::Refused(format!("scp: {}", last_line(&ended.err))));
            }
        }
        Ok(())
    }

    fn receive(&self, artefact: &Artefact, mark: &Mark) -> Result<(), Trouble> {
        let (name, place) = (artefact.release(), &self.place);
        let signed = match &artefact.signature {
            Proof::Signed(_) => "signed",
            Proof::Unsigned => "unsigned",
        };
        let words = [
            "receive",
            &place.dir,
            name.as_str(),
            mark.as_str(),
            &artefact.sha256,
            signed,
            &place.key,
            &place.program,
            &place.config,
            &place.credentials,
        ];
        self.script(&words).map(drop)
    }

    fn switch(&self, release: &ReleaseName, mark: &Mark, guard: Duration) -> Result<(), Trouble> {
        const KEEP: &str = r#"umask 022; cat >"$1/.fleet.new" && mv -T "$1/.fleet.new" "$1/fleet.sh""#;
        let Place { dir, program, restart, .. } = &self.place;
        self.remote(["sh", "-c", KEEP, "sh", dir].into_iter(), SCRIPT)?;
        let seconds = guard.as_secs().to_string();
        self.script(&["switch", dir, release.as_str(), mark.as_str(), &seconds, program, restart]).map(drop)
    }

    fn commit(&self, mark: &Mark) -> Result<(), Trouble> {
        self.script(&["commit", &self.place.dir, mark.as_str()]).map(drop)
    }

    fn go_back(&self, from: &Back) -> Result<(), Trouble> {
        let Place { dir, restart, .. } = &self.place;
        match from {
            Back::Anything => self.script(&["rollback", dir, "-", restart]),
            Back::Update(mark) => self.script(&["rollback", dir, mark.as_str(), restart]),
            Back::Release(name) => self.script(&["withdraw", dir, name.as_str(), restart]),
        }
        .map(drop)
    }
}

/// `scp` takes `a:b` for a host.
fn local(file: &std::path::Path) -> PathBuf {
    if file.is_absolute() { file.to_owned() } else { std::path::Path::new(".").join(file) }
}

/// `scp` wants brackets around an address with colons.
fn bracketed(host: &str) -> String {
    let (user, address) = host.rsplit_once('@').map_or((None, host), |(user, address)| (Some(user), address));
    let address =
        if address.contains(':') && !address.starts_with('[') { format!("[{address}]") } else { address.into() };
    user.map_or_else(|| address.clone(), |user| format!("{user}@{address}"))
}

impl Drop for Ssh<'_> {
    fn drop(&mut self) {
        if self.socket.exists() {
            let mut command = self.command("ssh");
            command.args(["-O", "exit", "--", &self.place.host]);
            // Else it ends by itself, a minute later.
            let _ = process::run(command, "", Duration::from_secs(5));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_one() {
        let checked = process::run(
            {
                let mut command = Command::new("sh");
                command.args(["-n", "-s"]);
                command
            },
            SCRIPT,
            STEP,
        );
        assert_eq!(checked.unwrap().status.code(), Some(0));
        // Where it is not installed, tests/all has said so.
        let mut command = Command::new("shellcheck");
        command.args(["-s", "sh", "-"]);
        if let Ok(checked) = process::run(command, SCRIPT, STEP) {
            assert!(checked.status.success(), "{}", checked.out);
        }
    }

    #[test]
    fn addresses_with_colons_are_bracketed() {
        assert_eq!(bracketed("pi@pi-01.local"), "pi@pi-01.local");
        assert_eq!(bracketed("pi@::1"), "pi@[::1]");
        assert_eq!(bracketed("[::1]"), "[::1]");
    }
}
