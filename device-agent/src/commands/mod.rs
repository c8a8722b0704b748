//! What each command of the command line does.

mod ask;
#[cfg(feature = "compare")]
mod compare;
mod doctor;
mod init;
mod measure;
mod safe;
mod verify;

use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use shared_host::config::ConfigError;

use crate::cli::{Cli, Command, ConfigFile};
use crate::config;
use crate::program::{self, ProgramError};
use crate::supervisor::Parts;

/// Why a command failed, and with that the exit code.
#[derive(Debug)]
enum Failure {
    /// Exit code 1.
    Failed(String),
    /// Exit code 2.
    Configuration(String),
    /// Exit code 3.
    Limit(String),
}

/// For whom an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Human,
    Json,
}

impl Style {
    /// By `--json`.
    fn of(json: bool) -> Self {
        if json { Self::Json } else { Self::Human }
    }
}

impl Failure {
    fn failed(error: impl Display) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Configuration(error.to_string())
    }
}

impl From<ProgramError> for Failure {
    fn from(error: ProgramError) -> Self {
        match error {
            ProgramError::Config(error) => error.into(),
            ProgramError::Log(_) | ProgramError::Runtime(_) | ProgramError::Run(_) => Self::failed(error),
        }
    }
}

/// Does what the command line says.
#[must_use]
pub fn execute(cli: Cli) -> ExitCode {
    let done = match cli.command {
        Command::Run(ConfigFile { config }) => run(config.as_deref()),
        Command::CheckConfig { file } => check_config(file.as_deref()),
        Command::Doctor { json, file } => doctor::doctor(file.config.as_deref(), Style::of(json)),
        Command::Init(options) => init::init(&options),
        #[cfg(feature = "compare")]
        Command::Compare(options) => compare::compare(&options),
        Command::Measure(options) => measure::measure(&options),
        Command::Status { json, agent } => ask::status(&agent, Style::of(json)),
        Command::Safe(ConfigFile { config }) => safe::safe(config.as_deref()),
        Command::Verify(options) => verify::verify(&options),
        Command::Hold { mode, agent } => ask::hold(&agent, mode),
    };
    let (code, message) = match done {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Failed(message)) => (1, message),
        Err(Failure::Configuration(message)) => (2, message),
        Err(Failure::Limit(message)) => (3, message),
    };
    // A closed standard error is no reason to panic.
    let _ = writeln!(io::stderr(), "device-agent: {message}");
    ExitCode::from(code)
}

fn run(file: Option<&Path>) -> Result<(), Failure> {
    program::run(file, Parts::default())?;
    Ok(())
}

fn check_config(file: Option<&Path>) -> Result<(), Failure> {
    let (config, loaded) = config::load(file)?;
    config.check_files(&loaded)?;
    let mut text = String::new();
    for value in loaded.effective() {
        text.push_str(&format!("{} = {}    # {}\n", value.path, value.value, value.source));
    }
    print(&text)
}

/// Writes to standard output; a reader that has gone is no failure.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::failed(error)),
        _ => Ok(()),
    }
}
