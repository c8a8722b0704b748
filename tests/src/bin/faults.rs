//! The fault suite: provokes faults, and compares what the device counted with what was received.

#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use system_tests::faults::{Scale, Scenario, Suite, table};
use system_tests::site::{Trouble, stop_when_interrupted};

/// Provokes faults against Debian's Mosquitto, and compares what the device counted with what was received
#[derive(Debug, Parser)]
#[command(after_help = "\
Columns: jobs counted by the device; of these lost on the way; reports that came twice (none may be counted twice); times that the \
device came back, and the longest time from there to the wanted mode; miss rate and wake-up latency before and during the fault.

Exit codes: 0 every balance holds, 1 one does not, 2 usage.")]
struct Cli {
    /// Some minutes instead of an hour
    #[arg(long)]
    short: bool,
    /// Only this fault; may be given more than once
    #[arg(long, value_name = "NAME")]
    only: Vec<Scenario>,
    /// Also write all figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Also fail if a time or a memory exceeds its bound; on a busy machine it may
    #[arg(long)]
    strict: bool,
}

fn main() -> ExitCode {
    if let Some(code) = system_tests::programs::started_as_one() {
        return code;
    }
    let cli = Cli::parse();
    match run(&cli) {
        Ok(suite) if suite.is_balanced() && !(cli.strict && suite.is_beyond()) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(trouble) => {
            // A closed standard error leaves only the exit code to tell.
            let _ = writeln!(io::stderr(), "faults: {trouble}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<Suite, Trouble> {
    stop_when_interrupted()?;
    let scale = if cli.short { Scale::Short } else { Scale::Full };
    let mut suite = Suite { version: env!("CARGO_PKG_VERSION").to_owned(), outcomes: Vec::new() };
    for &scenario in if cli.only.is_empty() { Scenario::all() } else { &cli.only } {
        // For whoever waits.
        let _ = writeln!(io::stderr(), "{} ...", scenario.name());
        suite.outcomes.push(scenario.play(scale)?);
    }
    let printed = io::stdout().write_all(table(&suite).as_bytes());
    printed.map_err(|why| Trouble::System { what: "standard output".to_owned(), why })?;
    if let Some(path) = &cli.json {
        let written = serde_json::to_string_pretty(&suite).map_err(io::Error::other);
        let written = written.and_then(|text| std::fs::write(path, text + "\n"));
        written.map_err(|why| Trouble::System { what: path.display().to_string(), why })?;
    }
    Ok(suite)
}
