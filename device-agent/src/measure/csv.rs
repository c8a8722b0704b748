//! A line for each job, as CSV.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use analysis::run::Run;
use shared_proto::mode::Mode;

use super::options::CsvLayout;
use super::order::PlannedRun;
use crate::config::WorkloadConfig;
use crate::rt::JobRecord;
use crate::time::MonoTime;

/// Writes the jobs of all runs. Written by the supervisor, never by the task.
pub struct Csv {
    layout: CsvLayout,
    path: PathBuf,
    workload: WorkloadConfig,
    file: Option<BufWriter<File>>,
    run: Option<PlannedRun>,
    /// Number in the run and end of the job before.
    before: Option<(u64, MonoTime)>,
    failed: Option<CsvError>,
}

/// The CSV could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {error}", path.display())]
pub struct CsvError {
    path: PathBuf,
    #[source]
    error: io::Error,
}

impl Csv {
    /// Opens the file, or makes the folder.
    ///
    /// # Errors
    /// [`CsvError`] if that fails.
    pub fn create(path: &Path, layout: CsvLayout, workload: WorkloadConfig) -> Result<Self, CsvError> {
        let mut csv =
            Self { layout, path: path.to_owned(), workload, file: None, run: None, before: None, failed: None };
        match layout {
            CsvLayout::Jobs => {
                csv.open(
                    path.to_owned(),
                    "scenario,repetition,job,epoch,mode,release_ns,wakeup_ns,response_ns,missed,skipped",
                )?;
            }
            CsvLayout::Classroom => {
                fs::create_dir_all(path).map_err(|error| CsvError { path: path.to_owned(), error })?;
            }
        }
        Ok(csv)
    }

    fn open(&mut self, path: PathBuf, header: &str) -> Result<(), CsvError> {
        let made = File::create(&path).map(BufWriter::new).and_then(|mut file| {
            writeln!(file, "{header}")?;
            Ok(file)
        });
        self.file = Some(made.map_err(|error| CsvError { path: path.clone(), error })?);
        self.path = path;
        Ok(())
    }

    /// A run begins.
    pub fn begins(&mut self, run: PlannedRun) {
        self.run = Some(run);
        self.before = None;
        if self.layout == CsvLayout::Classroom {
            // All files lie in one folder: beside the one before, if there was one.
            let folder = if self.file.is_some() { self.path.parent().unwrap_or(Path::new(".")) } else { &self.path };
            let path = folder.join(format!("{}-{}.csv", run.scenario.name(), run.repetition));
            if let Err(error) = self.open(path, "iter,t_ns,dt_ns,jitter_ns,miss,workload_ratio") {
                self.failed.get_or_insert(error);
            }
        }
    }

    /// A job ran.
    pub fn job(&mut self, record: &JobRecord) {
        let (Some(run), Some(file)) = (self.run, &mut self.file) else { return };
        let number = self.before.map_or(0, |(number, _)| number + 1);
        let written = match self.layout {
            CsvLayout::Jobs => writeln!(
                file,
                "{},{},{},{},{},{},{},{},{},{}",
                run.scenario.name(),
                run.repetition,
                record.job,
                record.epoch,
                record.effect.mode,
                record.release.as_nanos(),
                record.start.nanos_since(record.release),
                record.end.nanos_since(record.release),
                u8::from(record.missed),
                record.skipped
            ),
            CsvLayout::Classroom => {
                let dt_ns = self.before.map_or(record.period_ns, |(_, end)| record.end.nanos_since(end));
                writeln!(
                    file,
                    "{number},{},{dt_ns},{},{},{}",
                    record.end.as_nanos(),
                    dt_ns.abs_diff(record.period_ns),
                    u8::from(record.missed || record.skipped > 0),
                    ratio(self.workload, record.effect.mode)
                )
            }
        };
        self.before = Some((number, record.end));
        if let Err(error) = written {
            self.failed.get_or_insert(CsvError { path: self.path.clone(), error });
        }
    }

    /// A run is done: what is buffered goes out.
    pub fn ended(&mut self, _: &Run) {
        if let Some(Err(error)) = self.file.as_mut().map(BufWriter::flush) {
            self.failed.get_or_insert(CsvError { path: self.path.clone(), error });
        }
    }

    /// Whether everything was written.
    ///
    /// # Errors
    /// The first [`CsvError`] on the way.
    pub fn finish(mut self) -> Result<(), CsvError> {
        if let Some(Err(error)) = self.file.as_mut().map(BufWriter::flush) {
            self.failed.get_or_insert(CsvError { path: self.path.clone(), error });
        }
        self.failed.map_or(Ok(()), Err)
    }
}

fn ratio(workload: WorkloadConfig, mode: Mode) -> f64 {
    match (workload, mode) {
        (WorkloadConfig::Spin { normal, .. }, Mode::Normal) => normal.get(),
        (WorkloadConfig::Spin { degraded, .. }, Mode::Degraded) => degraded.get(),
        (WorkloadConfig::GpioFollow, _) => 0.0,
    }
}
