//! Commands that end by themselves.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek};
use std::process::{Command, Stdio};

use super::process;
use super::waiting::look_for;

/// What came of a command.
#[derive(Debug)]
pub(crate) struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    /// Standard output, if all went well.
    pub(crate) fn success(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.out
    }

    /// Standard error, if all went well.
    pub(crate) fn success_with_words(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.err
    }

    /// Exit code, `None` after a signal, and standard output.
    pub(crate) fn ended(self) -> (Option<i32>, String) {
        (self.code, self.out)
    }

    /// Standard error, if it ended with this exit code.
    pub(crate) fn failure(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:?}");
        self.err
    }
}

/// The agent's program.
pub(crate) fn agent<const N: usize>(args: [&str; N]) -> Command {
    let mut command = process::command(env!("CARGO_BIN_EXE_agent"));
    command.args(args);
    command
}

/// The controller's program.
pub(crate) fn controller<const N: usize>(args: [&str; N]) -> Command {
    let mut command = process::command(env!("CARGO_BIN_EXE_controller"));
    command.args(args);
    command
}

/// A program of Debian's mosquitto-clients.
pub(crate) fn mosquitto_client<const N: usize>(name: &str, args: [&str; N]) -> Command {
    tool(name, args)
}

/// Another program of the machine.
pub(crate) fn tool<const N: usize>(name: &str, args: [&str; N]) -> Command {
    let mut command = process::command(name);
    command.args(args);
    command
}

/// Runs a command to its end. Whatever it says, it must not be of a panic.
pub(crate) fn run(mut command: Command) -> Ran {
    let name = format!("{command:?}");
    let (mut out, mut err) = (scratch(), scratch());
    let copy = |file: &File| Stdio::from(file.try_clone().expect("another handle of a file"));
    let child = command.stdin(Stdio::null()).stdout(copy(&out)).stderr(copy(&err)).spawn();
    let mut child = child.unwrap_or_else(|error| match error.kind() {
        ErrorKind::NotFound => panic!("{name}: {error}; Debian: apt-get install mosquitto-clients strace"),
        _ => panic!("{name}: {error}"),
    });
    let status = look_for(|| child.try_wait().expect("the state of a child"));
    if status.is_none() {
        // Nobody else would end it.
        let _ = child.kill();
        let _ = child.wait();
    }
    let ran = Ran { code: status.and_then(|status| status.code()), out: text(&mut out), err: text(&mut err) };
    assert!(status.is_some(), "{name} did not end: {ran:?}");
    assert!(!ran.out.contains("panicked") && !ran.err.contains("panicked"), "{name}: {ran:?}");
    ran
}

fn scratch() -> File {
    tempfile::tempfile().expect("a temporary file")
}

fn text(file: &mut File) -> String {
    let mut text = String::new();
    file.rewind().and_then(|()| file.read_to_string(&mut text)).expect("output in UTF-8");
    text
}
