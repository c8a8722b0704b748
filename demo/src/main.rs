//! The `demo` program.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use demo::cli::{Cli, Command, Demo};
use demo::show::show;
use shared_host::log;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Some(Command::Broker { port }) => demo::broker::serve(port.get()).map_err(|error| error.to_string()),
        None => run(&cli.demo),
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

fn run(demo: &Demo) -> Result<(), String> {
    // The table tells the story; only trouble is logged.
    log::init(log::Format::Auto, "warn").map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let summary = runtime.block_on(show(demo)).map_err(|error| error.to_string())?;
    if demo.json {
        let text = serde_json::to_string(&summary).map_err(|error| error.to_string())?;
        let mut out = io::stdout();
        match writeln!(out, "{text}").and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.to_string()),
            _ => {}
        }
    }
    Ok(())
}
