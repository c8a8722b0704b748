//! Reads a command, steps the policy, records and merges windows and writes a report: without std, without an allocator.
//!
//! `tests/no-std/check` builds this with the profile `no-std`, whose `panic = "abort"` takes std away. If shared-proto used
//! std or an allocator, that build would fail. With any other profile this is an ordinary program that does the same.

#![cfg_attr(panic = "abort", no_std, no_main)]

mod device;
#[cfg(panic = "abort")]
mod start;

#[cfg(not(panic = "abort"))]
fn main() -> std::process::ExitCode {
    device::run().map_or_else(|step| std::process::ExitCode::from(step as u8), |()| std::process::ExitCode::SUCCESS)
}
