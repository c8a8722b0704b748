//! The `fleet` program.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use fleet::cli::Cli;

fn main() -> ExitCode {
    // clap itself ends with 2 on wrong usage, and with 0 after --help.
    fleet::commands::execute(Cli::parse())
}
