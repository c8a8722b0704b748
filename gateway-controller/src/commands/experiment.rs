//! `experiment`: records what is heard of a fleet, and how its gateway is.

use analysis::experiment::{Ending, Existing};
use std::io::{IsTerminal, Write};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

use super::direct::configuration;
use super::{Failure, print, runtime};
use crate::cli::{ExperimentArgs, Target};
use crate::config::Config;
use crate::edgex::Source;
use crate::experiment::{Outcome, Plan, Run, Signals, record, text};

pub(super) fn run(args: &ExperimentArgs) -> Result<(), Failure> {
    let plan = plan(args);
    plan.check().map_err(Failure::usage)?;
    let target = Target { config: args.config.clone(), socket: None, broker: args.broker.clone() };
    let config = configuration(&target)?;
    if config.source == Source::EdgexRest || !config.dialects.native() {
        return Err(Failure::usage(
            "only what devices say to a broker on the native wire can be recorded: mqtt as gateway.source, and native or both \
             as topics.dialect",
        ));
    }
    let files = plan.files().map_err(Failure::usage)?;
    let runtime = runtime()?;
    let done = runtime.block_on(all(&plan, &files, config));
    // A name that is being resolved keeps its thread for as long as the resolver likes.
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}

fn plan(args: &ExperimentArgs) -> Plan {
    Plan {
        label: args.label.clone(),
        runs: args.runs,
        duration: args.duration,
        output: args.output.clone(),
        inject: (!args.no_inject).then_some(args.inject_every),
        devices: args.devices.clone(),
        sample: args.sample_every,
        processes: args.processes.clone(),
        groups: args.cgroups.clone(),
        note: args.note.clone(),
        existing: if args.force { Existing::Replace } else { Existing::Refuse },
    }
}

async fn all(plan: &Plan, files: &[Run], mut config: Config) -> Result<(), Failure> {
    let listen = |kind| signal(kind).map_err(|error| Failure::failed(format_args!("no signals: {error}")));
    let mut signals =
        Signals { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? };
    for run in files {
        config.mqtt.client_id = format!("gateway-experiment-{:08x}", fastrand::u32(..));
        let recorded = record(plan, run, &config, &mut signals).await;
        if std::io::stderr().is_terminal() {
            // Where the progress stood.
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
        let Outcome { reason, tally } = recorded.map_err(Failure::failed)?;
        print(&text(&run.file, reason, &tally))?;
        if tally.is_empty() {
            return Err(Failure::failed(format_args!(
                "{}: no report was heard below {}: are the devices online, and is this their broker?",
                run.file.display(),
                config.root
            )));
        }
        if reason == Ending::Interrupted {
            break;
        }
    }
    Ok(())
}
