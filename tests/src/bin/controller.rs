//! `gateway-controller`, for the tests.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use gateway_controller::cli::Cli;

fn main() -> ExitCode {
    gateway_controller::commands::execute(Cli::parse())
}
