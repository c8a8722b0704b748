//! The commands: one file each.

mod one;
mod rollout;
mod status;
mod table;
mod who;

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use shared_host::config::ConfigError;

use crate::artefact::{Artefact, Proof};
use crate::cli::{Cli, Command, What};
use crate::inventory::SCHEMA;

/// Does what the command line says; the exit code of the program.
#[must_use]
pub fn execute(cli: Cli) -> ExitCode {
    let done = match cli.command {
        Command::Push(options) => one::push(&options),
        Command::Rollback(options) => one::rollback(&options),
        Command::Status(options) => status::run(&options),
        Command::Rollout(options) => rollout::run(&options),
        Command::Init => init(),
    };
    let (code, message) = match done {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Failed(message)) => (1, message),
        Err(Failure::Usage(message)) => (2, message),
        Err(Failure::Unclear(message)) => (3, message),
    };
    // A closed standard error leaves only the exit code to tell.
    let _ = writeln!(io::stderr(), "fleet: {message}");
    ExitCode::from(code)
}

/// Why a command did not do what it should, and with that the exit code.
#[derive(Debug)]
enum Failure {
    /// 1: it was tried and failed; every device is left with a good release.
    Failed(String),
    /// 2: the arguments or the inventory are wrong.
    Usage(String),
    /// 3: a device needs a person.
    Unclear(String),
}

impl Failure {
    fn failed(what: impl Display) -> Self {
        Self::Failed(what.to_string())
    }

    fn usage(what: impl Display) -> Self {
        Self::Usage(what.to_string())
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(error)
    }
}

fn init() -> Result<(), Failure> {
    const EXAMPLE: &str =
        "\n# One table for each device.\n#[[device]]\n#host = \"pi@pi-01.local\"\n#name = \"pi-01\"\n";
    // A list of tables begins with its first one.
    print(&(SCHEMA.template().replace("\ndevice = []\n", "\n") + EXAMPLE))
}

/// The artefact of the command line.
fn artefact(what: &What) -> Result<Artefact, Failure> {
    let beside = || format!("{}.minisig", what.artefact.display()).into();
    let proof =
        if what.unsigned { Proof::Unsigned } else { Proof::Signed(what.signature.clone().unwrap_or_else(beside)) };
    let hint = match &proof {
        Proof::Signed(file) if !file.exists() => "; minisign -S makes one, and --unsigned goes without",
        _ => "",
    };
    Artefact::read(&what.artefact, proof).map_err(|error| Failure::usage(format_args!("{error}{hint}")))
}

/// Writes to standard output; a reader that has gone is no failure.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::failed(error)),
        _ => Ok(()),
    }
}
