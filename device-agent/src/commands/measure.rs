//! `device-agent measure`.

use std::fmt::Write;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use analysis::run::{Run, RunFile};
use shared_host::log::Format;
use shared_proto::units::Ratio;

use super::{Failure, print};
use crate::measure::{self, Csv, End, Options, Plan, PlannedRun, Progress, Watcher};
use crate::program::until_signal;
use crate::rt::JobRecord;

pub(super) fn measure(options: &Options) -> Result<(), Failure> {
    let plan = Plan::new(options).map_err(|error| Failure::Configuration(error.to_string()))?;
    options.output.as_deref().map_or(Ok(()), check_output)?;
    // Only what goes wrong: the table tells the rest.
    let _log = shared_host::log::init(Format::Auto, "warn").map_err(Failure::failed)?;
    let csv = options.csv.as_deref().map(|path| Csv::create(path, options.csv_layout, plan.workload)).transpose();
    let mut onlookers = Onlookers { progress: Progress::for_terminal(&plan), csv: csv.map_err(Failure::failed)? };
    let outcome = until_signal(async |stop| measure::measure(&plan, &mut onlookers, stop).await);
    let outcome = outcome.map_err(Failure::failed)?;
    drop(onlookers.progress);
    let csv = onlookers.csv.map_or(Ok(()), Csv::finish);
    tell(options, &outcome.file)?;
    csv.map_err(Failure::failed)?;
    match outcome.end {
        End::Complete => judge(&plan, &outcome.file),
        End::Interrupted => Err(Failure::Failed(interrupted(&plan, &outcome.file))),
        End::Failed(error) => Err(Failure::failed(error)),
    }
}

fn interrupted(plan: &Plan, file: &RunFile) -> String {
    let made = file.runs.len();
    let last = file.runs.last().map_or(String::new(), |run| {
        format!(", the last one of {:.1} s instead of {:.1} s", run.elapsed_ms / 1000.0, plan.seconds())
    });
    format!("interrupted: {made} of {} runs are told{last}", plan.runs.len())
}

/// Prints what was measured, also if the measurement ended early.
fn tell(options: &Options, file: &RunFile) -> Result<(), Failure> {
    if options.json { print(&json(file)?) } else { print(&measure::table(file)) }?;
    match &options.output {
        // Nothing does not take the place of what an earlier measurement left.
        Some(path) if !file.runs.is_empty() => save(path, file),
        _ => Ok(()),
    }
}

/// Before the long wait rather than after it: the file can be written, and its folder too.
fn check_output(path: &Path) -> Result<(), Failure> {
    let refused = |error| Failure::Configuration(format!("--output {}: cannot write: {error}", path.display()));
    let existing = OpenOptions::new().write(true).open(path);
    match existing {
        Ok(file) if file.metadata().map_err(refused)?.is_file() => {}
        Ok(_) => return Err(refused(io::Error::from(io::ErrorKind::InvalidInput))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(refused(error)),
    }
    let draft = draft(path);
    File::create(&draft).and_then(|_| fs::remove_file(&draft)).map_err(refused)
}

/// As a whole, so that a full disk does not cost what was there before.
fn save(path: &Path, file: &RunFile) -> Result<(), Failure> {
    let draft = draft(path);
    let written = fs::write(&draft, json(file)?).and_then(|()| fs::rename(&draft, path));
    written.map_err(|error| Failure::failed(format_args!("--output {}: cannot write: {error}", path.display())))
}

fn draft(path: &Path) -> PathBuf {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    draft.into()
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
