//! `device-agent measure`.

use std::fmt::Write;
use std::path::Path;

use analysis::run::{Run, RunFile};
use shared_host::config::{Existing, write};
use shared_host::log::Format;
use shared_proto::units::Ratio;

use super::signals::stop_signal;
use super::{Failure, print};
use crate::measure::{self, Csv, End, Options, Plan, PlannedRun, Progress, Watcher};
use crate::rt::JobRecord;

pub(super) fn measure(options: &Options) -> Result<(), Failure> {
    let plan = Plan::new(options).map_err(|error| Failure::Configuration(error.to_string()))?;
    options.output.as_deref().map_or(Ok(()), check_output)?;
    // Only what goes wrong: the table tells the rest.
    let _log = shared_host::log::init(Format::Auto, "warn").map_err(Failure::failed)?;
    let csv = options.csv.as_deref().map(|path| Csv::create(path, options.csv_layout, plan.workload)).transpose();
    let mut onlookers = Onlookers { progress: Progress::for_terminal(&plan), csv: csv.map_err(Failure::failed)? };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    let outcome = runtime.block_on(async {
        let stop = stop_signal().map_err(Failure::failed)?;
        Ok::<_, Failure>(measure::measure(&plan, &mut onlookers, stop).await)
    })?;
    drop(onlookers.progress);
    let csv = onlookers.csv.map_or(Ok(()), Csv::finish);
    tell(options, &outcome.file)?;
    csv.map_err(Failure::failed)?;
    match outcome.end {
        End::Complete => judge(&plan, &outcome.file),
        End::Interrupted => {
            Err(Failure::Failed(format!("interrupted after {} of {} runs", outcome.file.runs.len(), plan.runs.len())))
        }
        End::Failed(error) => Err(Failure::failed(error)),
    }
}

/// Prints what was measured, also if the measurement ended early.
fn tell(options: &Options, file: &RunFile) -> Result<(), Failure> {
    if options.json { print(&json(file)?) } else { print(&measure::table(file)) }?;
    options.output.as_deref().map_or(Ok(()), |path| save(path, file))
}

/// Before the long wait rather than after it.
fn check_output(path: &Path) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if folder.is_dir() {
        return Ok(());
    }
    Err(Failure::Configuration(format!("--output {}: there is no folder {}", path.display(), folder.display())))
}

fn save(path: &Path, file: &RunFile) -> Result<(), Failure> {
    write(path, &json(file)?, Existing::Replace).map_err(Failure::failed)
}

fn json(file: &RunFile) -> Result<String, Failure> {
    let mut text = serde_json::to_string(file).map_err(Failure::failed)?;
    text.push('\n');
    Ok(text)
}

fn judge(plan: &Plan, file: &RunFile) -> Result<(), Failure> {
    let mut exceeded = String::new();
    for over in file.runs.iter().flat_map(|run| plan.limits.exceeded_by(run)) {
        // Writing to a string cannot fail.
        let _ = write!(exceeded, "\n  {over}");
    }
    if exceeded.is_empty() { Ok(()) } else { Err(Failure::Limit(format!("limits are exceeded:{exceeded}"))) }
}

struct Onlookers {
    progress: Option<Progress>,
    csv: Option<Csv>,
}

impl Watcher for Onlookers {
    fn begins(&mut self, run: PlannedRun) {
        if let Some(progress) = &mut self.progress {
            progress.begins(run);
        }
        if let Some(csv) = &mut self.csv {
            csv.begins(run);
        }
    }

    fn progress(&mut self, share: Ratio) {
        if let Some(progress) = &mut self.progress {
            progress.progress(share);
        }
    }

    fn job(&mut self, record: &JobRecord) {
        if let Some(csv) = &mut self.csv {
            csv.job(record);
        }
    }

    fn ended(&mut self, run: &Run) {
        if let Some(progress) = &mut self.progress {
            progress.ended();
        }
        if let Some(csv) = &mut self.csv {
            csv.ended(run);
        }
    }
}
