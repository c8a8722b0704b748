//! A line follower on device-agent: its own task, with everything that `device-agent` has around it.

#![forbid(unsafe_code)]

mod follower;

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use device_agent::measure::{End, Options, Plan, Scenario, measure_with, table};
use device_agent::program::{self, until_signal};
use device_agent::supervisor::Parts;
use follower::LineFollower;

const USAGE: &str = "usage: line-follower measure | line-follower run --config FILE";

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(|word| word.to_str().unwrap_or_default()).collect();
    let done = match words.as_slice() {
        ["measure"] => measure(),
        ["run", "--config", file] => run(Path::new(file)),
        _ => {
            let _ = writeln!(io::stderr(), "{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "line-follower: {error}");
            ExitCode::FAILURE
        }
    }
}

/// How well this task keeps a period of 1 ms on this machine: a second, no network, a table.
fn measure() -> Result<(), Box<dyn Error>> {
    let plan = Plan::new(&Options {
        scenario: vec![Scenario::Nominal, Scenario::Fifo],
        duration: Duration::from_millis(400),
        warm_up: Duration::from_millis(100),
        ..Options::default()
    })?;
    let outcome =
        until_signal(async |stop| measure_with(&plan, &|| Box::new(LineFollower::default()), &mut (), stop).await)?;
    io::stdout().write_all(table(&outcome.file).as_bytes())?;
    match outcome.end {
        End::Complete => Ok(()),
        End::Interrupted => Err("interrupted".into()),
        End::Failed(error) => Err(error.into()),
    }
}

/// The whole agent: the task, reports over MQTT, modes, until SIGTERM or Ctrl-C.
fn run(config: &Path) -> Result<(), Box<dyn Error>> {
    program::run(Some(config), Parts { workload: Some(Box::new(LineFollower::default())), ..Parts::default() })?;
    Ok(())
}
