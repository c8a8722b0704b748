//! `gateway-controller`, for the tests.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    gateway_controller::cli::main()
}
