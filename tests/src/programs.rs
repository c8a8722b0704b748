//! One executable, several programs: the tools start themselves again as agent and controller, so that `cargo run` has one
//! thing to build and the programs are always those of the same sources.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

/// The program that the first argument names, if it is one of the programs under test; to be asked before anything else.
#[must_use]
pub fn started_as_one() -> Option<ExitCode> {
    let mut args = std::env::args_os().skip(1);
    let role = args.next()?;
    let words = |name: &str| [OsString::from(name)].into_iter().chain(args);
    if role == "agent" {
        Some(device_agent::commands::execute(device_agent::cli::Cli::parse_from(words("device-agent"))))
    } else if role == "controller" {
        let cli = gateway_controller::cli::Cli::parse_from(words("gateway-controller"));
        Some(gateway_controller::commands::execute(cli))
    } else {
        None
    }
}
