//! `device-agent measure`: how well a periodic task keeps its time on this machine, without any network.
//!
//! Each run starts the very thread that `run` starts, under the conditions of a [`Scenario`]. Data goes one way: thread →
//! ring → `tally` → [`analysis::run::Run`] → table, JSON, CSV.

mod collector;
mod csv;
mod disturb;
mod governor;
mod limits;
mod machine;
mod options;
mod order;
mod outliers;
mod plan;
mod progress;
mod run;
mod scenario;
mod table;
mod tally;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::pin;

use analysis::run::{Run, RunFile};
use shared_host::control::{ControlError, Server, serve};
use shared_proto::units::Ratio;

pub use collector::Collector;
pub use csv::{Csv, CsvError};
pub use governor::GovernorError;
pub use limits::{Exceeded, Limits};
pub use options::{CsvLayout, Options, Overrun};
pub use order::{Order, PlannedRun};
pub use plan::{Plan, PlanError};
pub use progress::Progress;
pub use run::MakeWorkload;
pub use scenario::Scenario;
pub use table::table;
pub use tally::Counted;

use run::Made;

use crate::gpio::GpioBackend;
use crate::gpio::GpioError;
use crate::load::IoLoadError;
use crate::rt::{JobRecord, Panicked, Ring, StartError, Unbalanced};
use crate::supervisor::Request;
use crate::task;
use crate::workload::Speed;

/// Why a measurement failed.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// The real-time thread did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// GPIO cannot be used.
    #[error(transparent)]
    Gpio(#[from] GpioError),
    /// A load on the disk could not be made.
    #[error(transparent)]
    Io(#[from] IoLoadError),
    /// A load on the CPUs could not be made.
    #[error("cannot load the CPUs: {0}")]
    Load(#[source] std::io::Error),
    /// Another agent drives the lines.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The frequency governor could not be set.
    #[error(transparent)]
    Governor(#[from] GovernorError),
    /// The loop's counts do not fit its releases: a defect of this program.
    #[error(transparent)]
    Unbalanced(#[from] Unbalanced),
    /// The real-time thread panicked.
    #[error(transparent)]
    Panicked(#[from] Panicked),
    /// The real-time thread ended by itself.
    #[error("the real-time thread ended before its time")]
    Ended,
    /// The real-time thread does not finish its job.
    #[error("the real-time thread did not finish its job in 5 s")]
    Stuck,
    /// No job ran to its end after the warm-up.
    #[error("no job ran to its end: the run is too short for its period, or the thread got no CPU")]
    NoJobs,
}

/// Looks on while runs are made; `()` looks at nothing.
pub trait Watcher {
    /// A run begins.
    fn begins(&mut self, _run: PlannedRun) {}
    /// So much of the run is done.
    fn progress(&mut self, _share: Ratio) {}
    /// A job ran that counts.
    fn job(&mut self, _record: &JobRecord) {}
    /// A run is done.
    fn ended(&mut self, _run: &Run) {}
}

impl Watcher for () {}

/// What came of a measurement.
#[derive(Debug)]
pub struct Outcome {
    /// The runs that were made.
    pub file: RunFile,
    /// How it ended.
    pub end: End,
}

/// How a measurement ended.
#[derive(Debug)]
pub enum End {
    /// All runs were made.
    Complete,
    /// It was told to stop. The last run may be shorter than planned: its `elapsed_ms` tells.
    Interrupted,
    /// A run failed.
    Failed(MeasureError),
}

/// Makes all runs of a plan with its own workload, until `stop` completes. On a tokio runtime of one thread with time and
/// sockets.
pub async fn measure(plan: &Plan, watcher: &mut dyn Watcher, stop: impl Future<Output = ()>) -> Outcome {
    // Once for all runs, and before anything disturbs: the same work in each, whatever governor or load slows it down.
    let speed = Speed::of_this_thread();
    measure_with(plan, &|| task::workload_at(plan.workload, &plan.timing, speed), watcher, stop).await
}

fn alone(plan: &Plan) -> Result<Option<Server<Request>>, ControlError> {
    match (&plan.gpio, &plan.control_socket) {
        (Some(gpio), Some(socket)) if gpio.backend != GpioBackend::Sim => serve(socket).map(Some),
        _ => Ok(None),
    }
}

/// Makes all runs of a plan with a workload of the program's own: see [`measure`].
pub async fn measure_with(
    plan: &Plan,
    make_workload: &MakeWorkload<'_>,
    watcher: &mut dyn Watcher,
    stop: impl Future<Output = ()>,
) -> Outcome {
    let mut file = RunFile {
        tool: concat!("device-agent ", env!("CARGO_PKG_VERSION")).into(),
        machine: machine::describe(plan.cpus.len()),
        runs: Vec::with_capacity(plan.runs.len()),
    };
    // Real lines have one master at a time: with an agent that runs by this configuration the socket is taken.
    let _alone = match alone(plan) {
        Ok(alone) => alone,
        Err(error) => return Outcome { file, end: End::Failed(error.into()) },
    };
    let mut stop = pin!(stop);
    let mut ring = Ring::new();
    for &planned in &plan.runs {
        watcher.begins(planned);
        match run::make(plan, planned, ring, make_workload(), watcher, stop.as_mut()).await {
            Ok(Made::Whole(run, used)) => {
                watcher.ended(&run);
                file.runs.push(*run);
                ring = used;
            }
            Ok(Made::Interrupted(partial)) => {
                if let Some(run) = partial {
                    watcher.ended(&run);
                    file.runs.push(*run);
                }
                return Outcome { file, end: End::Interrupted };
            }
            Err(error) => return Outcome { file, end: End::Failed(error) },
        }
    }
    Outcome { file, end: End::Complete }
}
