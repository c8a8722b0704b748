//! What is to be recorded, checked.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use analysis::experiment::Existing;
use shared_proto::ids::DeviceId;

/// How a file's name ends.
const ENDING: &str = ".jsonl.zst";
/// Longest label, in bytes: it is a part of a file's name.
const MAX_LABEL: usize = 64;
/// Longest note, in bytes.
const MAX_NOTE: usize = 4096;
/// Most names of processes, and most control groups.
const MAX_NAMES: usize = 64;
/// Most runs of one command.
const MAX_RUNS: u32 = 1000;
/// Shortest run.
const MIN_DURATION: Duration = Duration::from_secs(1);
/// Shortest time between two injected changes.
const MIN_INJECT: Duration = Duration::from_secs(1);
/// Shortest and longest time between two looks at the gateway.
const SAMPLE: std::ops::RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_mins(1);

/// What is to be recorded.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Name of the condition.
    pub(crate) label: String,
    /// How many files.
    pub(crate) runs: u32,
    /// Length of each.
    pub(crate) duration: Duration,
    /// Where to put them.
    pub(crate) output: PathBuf,
    /// Time between two injected changes, if there are to be any.
    pub(crate) inject: Option<Duration>,
    /// These devices only; all if there are none here.
    pub(crate) devices: Vec<DeviceId>,
    /// Time between two looks at the gateway.
    pub(crate) sample: Duration,
    /// Names of processes besides the usual ones.
    pub(crate) processes: Vec<String>,
    /// Control groups.
    pub(crate) groups: Vec<PathBuf>,
    /// Free words.
    pub(crate) note: String,
    /// What to do about files of the same name.
    pub(crate) existing: Existing,
}

/// One file of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    /// Its number, from 1.
    pub(crate) number: u32,
    /// The file.
    pub(crate) file: PathBuf,
}

/// A plan that cannot be carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadPlan {
    /// The label is no part of a file's name.
    #[error("--label {0:?}: allowed are 1 to {MAX_LABEL} of A-Z a-z 0-9 _ - . and no . at the beginning")]
    Label(String),
    /// The number of runs is out of range.
    #[error("--runs {0}: allowed are 1 to {MAX_RUNS}")]
    Runs(u32),
    /// A run is too short.
    #[error("--duration: allowed are 1s to 24h")]
    Duration,
    /// Changes come too often.
    #[error("--inject-every: allowed are 1s to 24h; --no-inject for none")]
    Inject,
    /// Looks come too often or too seldom.
    #[error("--sample-every: allowed are 100ms to 1m")]
    Sample,
    /// The note is too long.
    #[error("--note: {0} bytes, allowed are {MAX_NOTE}")]
    Note(usize),
    /// A name of a process is none, or there are too many.
    #[error(
        "--process {0:?}: allowed are at most {MAX_NAMES} names of 1 to 255 bytes without /, with a * at the end or none"
    )]
    Process(String),
    /// There are too many control groups, or one leads upwards.
    #[error("--cgroup {0:?}: allowed are at most {MAX_NAMES} paths without ..")]
    Group(PathBuf),
    /// The directory cannot be made or read.
    #[error("--output {}: {source}", .directory.display())]
    Output {
        /// The directory.
        directory: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl Plan {
    /// Checks it.
    ///
    /// # Errors
    /// [`BadPlan`] names the argument and what is allowed.
    pub(crate) fn check(&self) -> Result<(), BadPlan> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        let label = &self.label;
        if label.is_empty() || label.len() > MAX_LABEL || label.starts_with('.') || !label.bytes().all(plain) {
            return Err(BadPlan::Label(label.clone()));
        }
        if !(1..=MAX_RUNS).contains(&self.runs) {
            return Err(BadPlan::Runs(self.runs));
        }
        if self.duration < MIN_DURATION {
            return Err(BadPlan::Duration);
        }
        if self.inject.is_some_and(|every| every < MIN_INJECT) {
            return Err(BadPlan::Inject);
        }
        if !SAMPLE.contains(&self.sample) {
            return Err(BadPlan::Sample);
        }
        if self.note.len() > MAX_NOTE {
            return Err(BadPlan::Note(self.note.len()));
        }
        let no_name = |name: &&String| {
            let start = name.strip_suffix('*').unwrap_or(name);
            start.is_empty() || name.len() > 255 || start.contains(['/', '*', '\0'])
        };
        if let Some(name) = self.processes.iter().find(no_name).or(self.processes.get(MAX_NAMES)) {
            return Err(BadPlan::Process(name.clone()));
        }
        let upwards = |path: &&PathBuf| path.components().any(|part| part == std::path::Component::ParentDir);
        if let Some(path) = self.groups.iter().find(upwards).or(self.groups.get(MAX_NAMES)) {
            return Err(BadPlan::Group(path.clone()));
        }
        Ok(())
    }

    /// The files of this plan, in a directory that is made if need be. They are numbered on from those that are there with the
    /// same label, or from 1 if those are to be replaced.
    ///
    /// # Errors
    /// [`BadPlan::Output`].
    pub(crate) fn files(&self) -> Result<Vec<Run>, BadPlan> {
        let failed = |source| BadPlan::Output { directory: self.output.clone(), source };
        fs::create_dir_all(&self.output).map_err(failed)?;
        let first = match self.existing {
            Existing::Replace => 1,
            Existing::Refuse => self.greatest().map_err(failed)?.saturating_add(1),
        };
        let run = |number| Run { number, file: self.output.join(format!("{}-{number}{ENDING}", self.label)) };
        Ok((first..first.saturating_add(self.runs)).map(run).collect())
    }

    /// The greatest number of a file that is there; 0 if there is none.
    fn greatest(&self) -> io::Result<u32> {
        let number = |path: &Path| {
            let name = path.file_name()?.to_str()?;
            name.strip_prefix(&self.label)?.strip_prefix('-')?.strip_suffix(ENDING)?.parse::<u32>().ok()
        };
        let numbers = fs::read_dir(&self.output)?.flatten().filter_map(|entry| number(&entry.path()));
        Ok(numbers.max().unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(output: &Path) -> Plan {
        Plan {
            label: "plain".into(),
            runs: 2,
            duration: Duration::from_secs(10),
            output: output.to_owned(),
            inject: Some(Duration::from_secs(10)),
            devices: Vec::new(),
            sample: Duration::from_secs(1),
            processes: Vec::new(),
            groups: Vec::new(),
            note: String::new(),
            existing: Existing::Refuse,
        }
    }

    #[test]
    fn every_argument_says_what_it_allows() {
        let good = plan(Path::new("."));
        good.check().unwrap();
        let long = "x".repeat(65);
        for label in ["", ".hidden", "a/b", "a b", "ö", "..", &long] {
            let error = Plan { label: label.into(), ..good.clone() }.check().unwrap_err().to_string();
            assert!(error.contains("--label") && error.contains("1 to 64"), "{error}");
        }
        let ms = Duration::from_millis;
        let cases = [
            (Plan { runs: 0, ..good.clone() }, "--runs 0"),
            (Plan { duration: ms(999), ..good.clone() }, "--duration"),
            (Plan { inject: Some(ms(999)), ..good.clone() }, "--no-inject"),
            (Plan { sample: ms(99), ..good.clone() }, "100ms to 1m"),
            (Plan { sample: ms(60_001), ..good.clone() }, "100ms to 1m"),
            (Plan { note: "x".repeat(4097), ..good.clone() }, "4097 bytes"),
            (Plan { processes: vec!["a/b".into()], ..good.clone() }, "--process"),
            (Plan { processes: vec!["*".into()], ..good.clone() }, "--process"),
            (Plan { processes: vec!["x".into(); 65], ..good.clone() }, "at most 64"),
            (Plan { groups: vec!["../x".into()], ..good.clone() }, "--cgroup"),
        ];
        for (plan, words) in cases {
            let error = plan.check().unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn files_are_numbered_on_from_those_that_are_there() {
        let directory = tempfile::tempdir().unwrap();
        let below = directory.path().join("a/b");
        let plan = plan(&below);
        let numbers = |plan: &Plan| plan.files().unwrap().iter().map(|run| run.number).collect::<Vec<_>>();
        assert_eq!(numbers(&plan), [1, 2]);
        for name in ["plain-3.jsonl.zst", "plain-x.jsonl.zst", "plain-9.txt", "plainer-7.jsonl.zst"] {
            fs::write(below.join(name), "").unwrap();
        }
        assert_eq!(numbers(&plan), [4, 5]);
        assert_eq!(plan.files().unwrap()[0].file, below.join("plain-4.jsonl.zst"));
        assert_eq!(numbers(&Plan { existing: Existing::Replace, ..plan.clone() }), [1, 2]);
        let error = Plan { output: below.join("plain-9.txt"), ..plan }.files().unwrap_err().to_string();
        assert!(error.contains("plain-9.txt"), "{error}");
    }
}
