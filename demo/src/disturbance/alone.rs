//! One run of the loop alone: what `device-agent measure` runs.

use std::future::pending;

use analysis::run::{Machine, Run};
use device_agent::measure::{End, MeasureError, Plan, PlannedRun, Watcher, measure};
use device_agent::rt::JobRecord;
use shared_proto::units::Ratio;

/// Runs it, and tells on what machine.
pub(super) async fn run(plan: &Plan) -> Result<(Run, Machine), MeasureError> {
    let outcome = measure(plan, &mut Nobody, pending()).await;
    if let End::Failed(error) = outcome.end {
        return Err(error);
    }
    let run = outcome.file.runs.into_iter().next().ok_or(MeasureError::NoJobs)?;
    Ok((run, outcome.file.machine))
}

/// Looks at nothing.
struct Nobody;

impl Watcher for Nobody {
    fn begins(&mut self, _: PlannedRun) {}
    fn progress(&mut self, _: Ratio) {}
    fn job(&mut self, _: &JobRecord) {}
    fn ended(&mut self, _: &Run) {}
}
