//! The files of a side.

use std::path::{Path, PathBuf};

use super::ReportError;
use super::gather;
use super::recorded::Recorded;
use crate::experiment::RecordingError;
use crate::run::RunFile;
use crate::{ReadError, Side, Source};

/// Longest label that is shown, in letters.
const MAX_LABEL: usize = 60;

/// Files of one condition.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) side: Side,
    pub(super) label: String,
    pub(super) files: Files,
}

/// What the files are.
#[derive(Debug)]
pub(super) enum Files {
    /// Recordings of a fleet, one run each.
    Recorded(Vec<Recorded>),
    /// Runs of one program.
    Measured(Vec<Source>),
}

enum File {
    Recorded(Box<Recorded>),
    Measured(Box<Source>),
}

impl Group {
    pub(super) fn read(side: Side, paths: &[PathBuf], label: Option<&str>) -> Result<Self, ReportError> {
        let (mut recorded, mut measured) = (Vec::new(), Vec::new());
        for path in paths {
            match file(path)? {
                File::Recorded(one) => recorded.push(*one),
                File::Measured(one) => measured.push(*one),
            }
        }
        let files = match (recorded.first(), measured.first()) {
            (None, None) => return Err(ReportError::NoFiles { side: side.name() }),
            (Some(one), Some(other)) => return Err(mixed(one, other)),
            (Some(_), None) => Files::Recorded(recorded),
            (None, Some(_)) => Files::Measured(measured),
        };
        Ok(Self::of(side, files, label))
    }

    /// The same of what is in memory already.
    pub(super) fn of(side: Side, files: Files, label: Option<&str>) -> Self {
        let mut found: Vec<String> = Vec::new();
        for name in files.labels() {
            if !name.is_empty() && !found.contains(&name) {
                found.push(name);
            }
        }
        let label = label.map_or_else(|| found.join(" and "), str::to_owned);
        let label: String = label.trim().chars().take(MAX_LABEL).collect();
        Self { side, label: if label.is_empty() { side.name().to_owned() } else { label }, files }
    }

    /// The experiment files; none of others.
    pub(super) fn recorded(&self) -> &[Recorded] {
        match &self.files {
            Files::Recorded(files) => files,
            Files::Measured(_) => &[],
        }
    }

    /// As [`crate::compare`] takes them: one run a file, all devices together.
    pub(super) fn sources(&self) -> Vec<Source> {
        match &self.files {
            Files::Measured(sources) => sources.clone(),
            Files::Recorded(files) => files.iter().map(|file| self.source(file, file.run.clone())).collect(),
        }
    }

    /// The same of one device, of the files that have it.
    pub(super) fn sources_of(&self, device: &str) -> Vec<Source> {
        let of = |file: &Recorded| Some(self.source(file, file.devices.get(device)?.run.clone()));
        self.recorded().iter().filter_map(of).collect()
    }

    fn source(&self, file: &Recorded, mut run: crate::run::Run) -> Source {
        run.scenario.clone_from(&self.label);
        let content = RunFile { tool: file.begin.tool.clone(), machine: file.begin.machine.clone(), runs: vec![run] };
        Source::of_another(file.name.clone(), file.path.clone(), content, file.notes.clone())
    }

    /// Names of the files, and where they really are.
    fn places(&self) -> Vec<(&str, Option<&Path>)> {
        match &self.files {
            Files::Recorded(files) => files.iter().map(|file| (file.name.as_str(), file.path.as_deref())).collect(),
            Files::Measured(files) => files.iter().map(|file| (file.name(), file.path())).collect(),
        }
    }
}

impl Files {
    fn labels(&self) -> Vec<String> {
        match self {
            Self::Recorded(files) => files.iter().map(|file| file.begin.label.clone()).collect(),
            Self::Measured(_) => Vec::new(),
        }
    }
}

impl Side {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
        }
    }
}

/// Experiment files are called without their directories, if they can be told apart then.
pub(super) fn shorten(groups: &mut [&mut Group]) {
    let short = |run: &Recorded| Path::new(&run.name).file_name().map(|name| name.to_string_lossy().into_owned());
    let mut names: Vec<Option<String>> = groups.iter().flat_map(|group| group.recorded()).map(short).collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| pair.first() == pair.last()) {
        return;
    }
    for group in groups {
        if let Files::Recorded(runs) = &mut group.files {
            runs.iter_mut().for_each(|run| run.name = short(run).unwrap_or_default());
        }
    }
}

/// No file twice, on whatever side, and one kind only.
pub(super) fn check(groups: &[&Group]) -> Result<(), ReportError> {
    let all: Vec<_> = groups.iter().flat_map(|group| group.places()).collect();
    for (position, (again, path)) in all.iter().enumerate() {
        let same = |(_, other): &&(&str, Option<&Path>)| path.is_some() && other == path;
        if let Some((first, _)) = all.iter().take(position).find(same) {
            return Err(ReportError::Twice { first: (*first).to_owned(), again: (*again).to_owned() });
        }
    }
    let recorded = groups.iter().find_map(|group| group.recorded().first());
    let measured = groups.iter().find_map(|group| match &group.files {
        Files::Measured(sources) => sources.first(),
        Files::Recorded(_) => None,
    });
    match (recorded, measured) {
        (Some(one), Some(other)) => Err(mixed(one, other)),
        _ => Ok(()),
    }
}

fn mixed(one: &Recorded, other: &Source) -> ReportError {
    ReportError::Mixed { experiment: one.name.clone(), run: other.name().to_owned() }
}

fn file(path: &Path) -> Result<File, ReportError> {
    match gather::recorded(path) {
        Ok(recorded) if recorded.run.releases == 0 => Err(ReportError::NoReports { file: recorded.name }),
        Ok(recorded) => Ok(File::Recorded(Box::new(recorded))),
        // Not an experiment file: perhaps one of the other kind.
        // Not an experiment file: perhaps one of the other kind. One without a line end may be that as well.
        Err(
            error @ (RecordingError::Empty { .. }
            | RecordingError::Foreign { .. }
            | RecordingError::NotZstd { .. }
            | RecordingError::TooLong { line: 0 | 1, .. }),
        ) => match Source::read(path) {
            Ok(source) => Ok(File::Measured(Box::new(source))),
            Err(ReadError::Empty { .. }) => Err(error.into()),
            Err(why) => Err(ReportError::Neither { file: path.to_owned(), why: why.to_string() }),
        },
        Err(error) => Err(error.into()),
    }
}
