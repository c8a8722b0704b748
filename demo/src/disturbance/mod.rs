//! `demo disturbance`: whether the agent disturbs its own real-time loop.
//!
//! The loop alone, as `device-agent measure` runs it, against the same loop in a whole agent that is busy with something
//! else: an [`Arm`] each, in interleaved runs. What comes of it are runs as any others, compared as any others.

mod agent;
mod alone;
mod arm;
mod cpus;
mod evidence;
mod flood;
mod options;
mod order;
mod outcome;
mod site;
mod table;
mod trouble;

use std::fmt::Write as _;
use std::io::{self, Write as _};

use analysis::run::{Machine, Run, RunFile};
use shared_host::config::{Existing, write};

pub use arm::Arm;
pub use evidence::Evidence;
pub use flood::{FloodOptions, flood};
pub use options::Options;
pub use outcome::{Disturbance, Row};
pub use trouble::{DisturbanceError, Trouble};

use crate::broker::open_broker;
use crate::interrupts::Interrupts;
use options::Common;
use order::Planned;
use site::Site;

/// Makes all runs and compares them. On a tokio runtime of one thread with time and sockets; tells on standard error how far
/// it is.
///
/// # Errors
/// [`DisturbanceError`] says which option is wrong, or which run failed or did not do what its arm is there for. Runs made
/// until then are in the output file, if there is one.
pub async fn disturbance(options: &Options) -> Result<Disturbance, DisturbanceError> {
    let common = Common::new(options)?;
    let mut interrupts = Interrupts::new()?;
    if options.broker.is_some() {
        // Like the next one: before the first minutes have passed.
        open_broker(options.broker.as_ref())?;
    }
    site::check_tls()?;
    let mut made = Made::default();
    let performed = tokio::select! {
        performed = perform(options, &common, &mut made) => performed,
        () = interrupts.next() => Err(DisturbanceError::Interrupted),
    };
    if let Some(broker) = &options.broker {
        site::leave(broker).await;
    }
    let Made { machine, runs, evidence } = made;
    let tool = concat!("demo ", env!("CARGO_PKG_VERSION"), " disturbance").into();
    let file = RunFile { tool, machine, runs };
    if let Some(path) = &options.output {
        let mut text = serde_json::to_string(&file)?;
        text.push('\n');
        write(path, &text, Existing::Replace)?;
    }
    performed?;
    Disturbance::new(file, &evidence)
}

/// What was made so far.
#[derive(Debug, Default)]
struct Made {
    machine: Machine,
    runs: Vec<Run>,
    evidence: Vec<(Arm, Evidence)>,
}

async fn perform(options: &Options, common: &Common, made: &mut Made) -> Result<(), DisturbanceError> {
    let planned = order::interleaved(options.rounds);
    for (number, &Planned { arm, repetition }) in (1..).zip(&planned) {
        let (mut run, evidence) = one(options, common, arm, made).await.map_err(|trouble| DisturbanceError::Run {
            arm,
            repetition,
            trouble,
        })?;
        run.scenario = arm.name().to_owned();
        run.repetition = repetition;
        tell(number, planned.len(), &run, evidence.as_ref());
        made.runs.push(run);
        made.evidence.extend(evidence.map(|evidence| (arm, evidence)));
    }
    Ok(())
}

async fn one(
    options: &Options,
    common: &Common,
    arm: Arm,
    made: &mut Made,
) -> Result<(Run, Option<Evidence>), Trouble> {
    let Some(conditions) = arm.conditions() else {
        let (run, machine) = alone::run(&common.plan).await?;
        // The first one tells when it all began.
        if made.machine == Machine::default() {
            made.machine = machine;
        }
        return Ok((run, None));
    };
    let site = Site::open(&conditions, options.broker.as_ref(), common)?;
    let (run, evidence) = agent::run(&common.plan, site.agent.clone(), &conditions).await?;
    Ok((run, Some(evidence)))
}

/// How far it is, for whoever waits.
fn tell(number: usize, of: usize, run: &Run, evidence: Option<&Evidence>) {
    let mut line = format!("{number:>3}/{of} {:<13} #{}", run.scenario, run.repetition);
    let us = |value: Option<f64>| value.map_or("-".to_owned(), |us| format!("{us:.1}"));
    let wakeup = &run.wakeup_us;
    // Writing to a string cannot fail.
    let _ = write!(line, "  wake-up p50 {} p99 {} us", us(wakeup.p50_us()), us(wakeup.p99_us()));
    let _ = write!(line, ", {} misses of {}", run.misses, run.releases);
    if let Some(evidence) = evidence.filter(|evidence| evidence.commands > 0) {
        let _ = write!(line, ", {:.0} commands/s", evidence.command_rate());
    }
    // A closed standard error is no reason to end.
    let _ = writeln!(io::stderr(), "{line}");
}
