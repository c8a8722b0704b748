//! The `device-agent` program.

use std::process::ExitCode;

use clap::Parser;
use device_agent::cli::Cli;

fn main() -> ExitCode {
    // clap itself ends with 2 on wrong usage, and with 0 after --help.
    device_agent::commands::execute(Cli::parse())
}
