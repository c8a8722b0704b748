//! The commands: one file each.

mod check;
mod devices;
mod direct;
mod edgex;
mod experiment;
mod forget;
mod health;
mod init;
#[cfg(feature = "report")]
mod report;
mod run;
mod set_mode;
mod sites_table;
mod table;

use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use shared_host::config::ConfigError;
use shared_host::control::ControlError;

use crate::run::StartError;
use tokio::runtime::{Builder, Runtime};

use crate::cli::{Cli, Command, Target};
use crate::config::{Config, Control};

/// Does what the command line says; the exit code of the program.
#[must_use]
pub fn execute(cli: Cli) -> ExitCode {
    let done = match cli.command {
        Command::Run(args) => run::run(&args),
        Command::CheckConfig(args) => check::run(&args),
        Command::Init(args) => init::run(&args),
        Command::Devices(args) => devices::run(&args),
        Command::Health(args) => health::run(&args),
        Command::SetMode(args) => set_mode::run(&args),
        Command::Forget(args) => forget::run(&args),
        Command::Edgex(args) => edgex::run(&args.command),
        Command::Experiment(args) => experiment::run(&args),
        #[cfg(feature = "report")]
        Command::Report(args) => report::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Why a command did not do what it should.
#[derive(Debug)]
enum Failure {
    /// The configuration or the arguments are wrong.
    Usage(String),
    /// It was tried and failed.
    Failed(String),
}

impl Failure {
    fn usage(what: impl Display) -> Self {
        Self::Usage(what.to_string())
    }

    fn failed(what: impl Display) -> Self {
        Self::Failed(what.to_string())
    }

    /// Tells it on standard error; its exit code.
    fn report(self) -> ExitCode {
        let (message, code) = match self {
            Self::Usage(message) => (message, 2),
            Self::Failed(message) => (message, 1),
        };
        // A closed standard error leaves only the exit code to tell.
        let _ = writeln!(std::io::stderr(), "error: {message}");
        ExitCode::from(code)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(error)
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Control(error) => error.into(),
            StartError::Key(_) => Self::usage(error),
            StartError::Upstream(error) => Self::failed(error),
        }
    }
}

impl From<ControlError> for Failure {
    fn from(error: ControlError) -> Self {
        Self::failed(error)
    }
}

/// Prints to standard output. A reader that has seen enough (`| head`) is no failure.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::failed(format_args!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// One thread, sockets and time.
fn runtime() -> Result<Runtime, Failure> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::failed(format_args!("cannot start: {error}")))
}

impl Target {
    fn load(&self) -> Result<Config, Failure> {
        Ok(Config::load(self.config.as_deref(), std::env::vars_os())?)
    }

    /// The control socket to ask.
    fn socket(&self) -> Result<PathBuf, Failure> {
        if let Some(path) = &self.socket {
            return Ok(path.clone());
        }
        match self.load()?.control {
            Control::At(path) => Ok(path),
            Control::Off => Ok(Config::default_socket()),
        }
    }
}
