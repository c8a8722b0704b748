//! The embedded broker, for the tests: takes the arguments `broker --port PORT` as the `demo` program does.

#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use demo::cli::{Cli, Command};

fn main() -> ExitCode {
    let done = if let Some(Command::Broker { port }) = Cli::parse().command {
        demo::broker::serve(port.get()).map_err(|error| error.to_string())
    } else {
        Err("only `broker --port PORT` is served here".to_owned())
    };
    let Err(message) = done else { return ExitCode::SUCCESS };
    // A closed standard error leaves only the exit code to tell.
    let _ = writeln!(io::stderr(), "broker: {message}");
    ExitCode::FAILURE
}
