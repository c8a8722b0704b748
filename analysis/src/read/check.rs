//! What the values of a run file promise beyond their types.

use crate::run::{Accounting, Run, RunFile};

/// Shares come from two clocks, so a full one may be told as a little more than 1.
const GREATEST_SHARE: f64 = 1.01;

/// The first broken promise, with its place.
pub(super) fn check(file: &RunFile) -> Result<(), String> {
    for (index, run) in file.runs.iter().enumerate() {
        check_times(run)
            .and_then(|()| check_shares(run))
            .and_then(|()| check_counts(run))
            .map_err(|problem| format!("runs[{index}].{problem}"))?;
    }
    Ok(())
}

fn check_times(run: &Run) -> Result<(), String> {
    let positive = [("task.period_us", run.task.period_us), ("task.deadline_us", run.task.deadline_us)];
    if let Some((name, value)) = positive.into_iter().find(|(_, value)| *value <= 0.0) {
        return Err(format!("{name} is {value}; it must be above 0"));
    }
    if run.elapsed_ms < 0.0 {
        return Err(format!("elapsed_ms is {}; it must not be below 0", run.elapsed_ms));
    }
    Ok(())
}

fn check_shares(run: &Run) -> Result<(), String> {
    let shares = [
        ("task.workload_ratio", Some(run.task.workload_ratio)),
        ("miss_rate", Some(run.miss_rate)),
        ("cpu", run.cpu),
        ("cpu_wait", run.cpu_wait),
        ("context.steal", run.context.steal),
        ("context.machine_cpu", run.context.machine_cpu),
    ];
    for (name, value) in shares {
        if let Some(value) = value.filter(|value| !(0.0..=GREATEST_SHARE).contains(value)) {
            return Err(format!("{name} is {value}; allowed are 0 to 1"));
        }
    }
    Ok(())
}

fn check_counts(run: &Run) -> Result<(), String> {
    let counts = [
        ("run", run.run),
        ("skipped", run.skipped),
        ("misses", run.misses),
        ("longest_miss_run", run.longest_miss_run),
    ];
    for (name, value) in counts {
        if value > run.releases {
            return Err(format!("{name} is {value}; allowed are 0 to {}, the number of releases", run.releases));
        }
    }
    match run.accounting {
        Accounting::PassedReleasesForgotten => Ok(()),
        Accounting::Complete if run.run.checked_add(run.skipped) != Some(run.releases) => Err(format!(
            "run is {} and skipped {}; together they must be {}, the number of releases, unless accounting is \
             \"passed-releases-forgotten\"",
            run.run, run.skipped, run.releases
        )),
        Accounting::Complete if run.skipped > run.misses => {
            Err(format!("skipped is {}; allowed are 0 to {}, the number of misses", run.skipped, run.misses))
        }
        Accounting::Complete => Ok(()),
    }
}
