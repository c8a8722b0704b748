//! The soak: many agents, faults drawn from a seed, and at the end every balance.

#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use system_tests::site::{Trouble, stop_when_interrupted};
use system_tests::soak::{DeviceOutcome, Options, soak, table};

/// Many agents with random faults for a long time: at the end, what every device counted must be what was received
#[derive(Debug, Parser)]
#[command(after_help = "\
A killed agent loses what it had not delivered, if its version has no store (`spool.runtime_dir`): such jobs stand under `lost`.

Exit codes: 0 every balance holds, 1 one does not, or something does not come back, 2 usage.")]
struct Cli {
    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    if let Some(code) = system_tests::programs::started_as_one() {
        return code;
    }
    let cli = Cli::parse();
    match run(&cli.options) {
        Ok(outcomes) if outcomes.iter().all(|outcome| outcome.balance.problems.is_empty()) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(trouble) => {
            // A closed standard error leaves only the exit code to tell.
            let _ = writeln!(io::stderr(), "soak: {trouble}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<Vec<DeviceOutcome>, Trouble> {
    stop_when_interrupted()?;
    let outcomes = soak(options)?;
    let printed = io::stdout().write_all(table(&outcomes).as_bytes());
    printed.map_err(|why| Trouble::System { what: "standard output".to_owned(), why })?;
    Ok(outcomes)
}
