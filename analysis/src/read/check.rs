//! What the values of a run file promise beyond their types.

use crate::run::{Run, RunFile};

/// The first broken promise, with its place.
pub(super) fn check(file: &RunFile) -> Result<(), String> {
    for (index, run) in file.runs.iter().enumerate() {
        check_run(run).map_err(|problem| format!("runs[{index}].{problem}"))?;
    }
    Ok(())
}

fn check_run(run: &Run) -> Result<(), String> {
    let positive = [("task.period_us", run.task.period_us), ("task.deadline_us", run.task.deadline_us)];
    if let Some((name, value)) = positive.into_iter().find(|(_, value)| *value <= 0.0) {
        return Err(format!("{name} is {value}; it must be above 0"));
    }
    let shares = [
        ("task.workload_ratio", Some(run.task.workload_ratio)),
        ("elapsed_ms", Some(run.elapsed_ms)),
        ("cpu", run.cpu),
        ("cpu_wait", run.cpu_wait),
    ];
    for (name, value) in shares {
        if let Some(value) = value.filter(|value| *value < 0.0) {
            return Err(format!("{name} is {value}; it must not be below 0"));
        }
    }
    for (name, value) in [("run", run.run), ("skipped", run.skipped), ("misses", run.misses)] {
        if value > run.releases {
            return Err(format!("{name} is {value}; allowed are 0 to {}, the number of releases", run.releases));
        }
    }
    Ok(())
}
