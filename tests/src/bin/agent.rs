//! `device-agent`, for the tests.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use device_agent::cli::Cli;

fn main() -> ExitCode {
    device_agent::commands::execute(Cli::parse())
}
