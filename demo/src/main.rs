//! The `demo` program.

use std::fmt::Display;
use std::future::Future;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use demo::cli::{Cli, Command};
use demo::disturbance::{disturbance, flood};
use demo::error::ShowError;
use demo::fleet::fleet;
use demo::reaction::reaction;
use demo::show::show;
use serde::Serialize;
use shared_host::log;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Some(Command::Broker { port }) => demo::broker::serve(port.get()).map_err(|error| error.to_string()),
        Some(Command::Reaction(options)) => run(reaction(&options)).and_then(|measured| {
            let table = if options.json { None } else { Some(measured.to_string()) };
            table.map_or_else(|| print_json(&measured), |table| print(&table))
        }),
        // Connections that are refused are part of the measurement.
        Some(Command::Disturbance(options)) => run_telling("error", disturbance(&options)).and_then(|outcome| {
            if !options.json {
                return print(&outcome.to_string());
            }
            // A closed standard error is no reason to keep the figures back.
            let _ = writeln!(io::stderr(), "{outcome}");
            print_json(&outcome.file)
        }),
        Some(Command::Fleet(options)) => run(fleet(&options)).and_then(|outcome| {
            if options.json {
                // A closed standard error is no reason to keep the figures back.
                let _ = writeln!(io::stderr(), "{outcome}");
                print_json(&outcome)?;
            } else {
                print(&outcome.to_string())?;
            }
            if outcome.is_good() { Ok(()) } else { Err(ShowError::Disagreement.to_string()) }
        }),
        Some(Command::Flood(options)) => run(flood(&options)),
        None => run(show(&cli.demo)).and_then(|summary| {
            if cli.demo.json {
                print_json(&summary)?;
            }
            if summary.totals_agree { Ok(()) } else { Err(ShowError::Disagreement.to_string()) }
        }),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // A closed standard error is no reason to panic.
            let _ = writeln!(io::stderr(), "demo: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run<T, E: Display>(work: impl Future<Output = Result<T, E>>) -> Result<T, String> {
    // What is printed tells the story; only trouble is logged.
    run_telling("warn", work)
}

fn run_telling<T, E: Display>(what: &str, work: impl Future<Output = Result<T, E>>) -> Result<T, String> {
    let _log = log::init(log::Format::Human, what).map_err(|error| error.to_string())?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    runtime.block_on(work).map_err(|error| error.to_string())
}

fn print_json(value: &impl Serialize) -> Result<(), String> {
    print(&serde_json::to_string(value).map_err(|error| error.to_string())?)
}

/// Writes a line to standard output; a reader that has gone is no failure.
fn print(text: &str) -> Result<(), String> {
    let mut out = io::stdout();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.to_string()),
        _ => Ok(()),
    }
}
