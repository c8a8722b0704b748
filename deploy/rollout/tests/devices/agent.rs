//! The agent under test: the real one, which behaves as the end of its file says.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Parser;

const MARK: &str = "\n--how it behaves--";
const TAIL: usize = 64;
/// A deadline that no job can meet.
const LATE: (&str, &str) = ("AGENT_TASK__DEADLINE_MS", "0.05");

/// Makes an artefact: `how` is any words, among them `crash`, `late` or `late-on:DEVICE`.
pub(crate) fn artefact(home: &Path, how: &str) -> PathBuf {
    artefact_of_size(home, how, 0)
}

/// The same with so many bytes more.
pub(crate) fn artefact_of_size(home: &Path, how: &str, padding: usize) -> PathBuf {
    let path = home.join(how.replace([' ', ':'], "-"));
    fs::copy(home.join("agent"), &path).unwrap();
    let mut file = File::options().append(true).mode(0o755).open(&path).unwrap();
    file.write_all(&vec![0; padding]).unwrap();
    file.write_all(format!("{MARK}{how:<0$}", TAIL - MARK.len()).as_bytes()).unwrap();
    path
}

fn how() -> String {
    let mut file = File::open("/proc/self/exe").unwrap();
    let mut tail = vec![0; TAIL];
    file.seek(SeekFrom::End(-64)).unwrap();
    file.read_exact(&mut tail).unwrap();
    let text = String::from_utf8_lossy(&tail).into_owned();
    text.strip_prefix(MARK).unwrap_or_default().trim_end().to_owned()
}

pub(crate) fn main() -> ExitCode {
    let words: Vec<_> = std::env::args().collect();
    let runs = words.get(1).is_some_and(|command| command == "run");
    let is_late = |word: &str| {
        word == "late"
            || word.strip_prefix("late-on:").is_some_and(|device| words.iter().any(|word| word.contains(device)))
    };
    let how = how();
    if runs && how.split(' ').any(|word| word == "crash") {
        eprintln!("crash: as asked");
        return ExitCode::FAILURE;
    }
    if runs && how.split(' ').any(is_late) && std::env::var_os(LATE.0).is_none() {
        let program = std::env::current_exe().unwrap();
        panic!("{}", Command::new(program).arg0("device-agent").args(&words[1..]).env(LATE.0, LATE.1).exec());
    }
    device_agent::commands::execute(device_agent::cli::Cli::parse())
}
