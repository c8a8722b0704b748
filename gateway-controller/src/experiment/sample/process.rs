//! One process.

use std::fs;
use std::path::Path;

use super::whole::kilobytes;

/// What a process has used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Process {
    /// Name of its program, at most 15 bytes.
    pub(super) comm: String,
    /// CPU time of all its threads since its start, in ticks.
    pub(super) ticks: u64,
    /// When it started, in ticks since boot: tells a process from a later one with the same number.
    pub(super) started: u64,
}

impl Process {
    /// The process in this directory of `/proc`; `None` if it has gone.
    pub(super) fn read(directory: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(directory.join("stat")).ok()?)
    }

    /// proc_pid_stat(5). The name is in parentheses and may contain some.
    fn parse(stat: &str) -> Option<Self> {
        let (front, back) = stat.rsplit_once(") ")?;
        let comm = front.split_once('(')?.1.to_owned();
        let fields: Vec<&str> = back.split(' ').collect();
        // The first one here is the third, its state.
        let field = |number: usize| fields.get(number.checked_sub(3)?)?.parse::<u64>().ok();
        Some(Self { comm, ticks: field(14)?.saturating_add(field(15)?), started: field(22)? })
    }
}

/// The first argument that it was started with, without its directory.
pub(super) fn program(directory: &Path) -> Option<String> {
    let arguments = fs::read_to_string(directory.join("cmdline")).ok()?;
    let first = arguments.split('\0').next()?;
    Some(first.rsplit('/').next()?.to_owned())
}

/// Its memory in KiB, what it shares with others in proportion; resident memory where that may not be read.
pub(super) fn memory_kb(directory: &Path) -> u64 {
    let read = |name: &str| fs::read_to_string(directory.join(name)).unwrap_or_default();
    match kilobytes(&read("smaps_rollup"), "Pss:") {
        0 => kilobytes(&read("status"), "VmRSS:"),
        pss_kb => pss_kb,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_look_like_the_rest_of_the_line() {
        let stat = "7 (a) S (b) R 1 7 7 0 -1 4194560 1 0 0 0 30 12 0 0 20 0 1 0 555 1000 10 18446744073709551615";
        let process = Process::parse(stat).unwrap();
        assert_eq!(process, Process { comm: "a) S (b".into(), ticks: 42, started: 555 });
        for bad in ["", "7", "7 (x", "7 (x) S 1 2", "7 (x) S 1 7 7 0 -1 0 0 0 0 0 z 0 0 0 20 0 1 0 5"] {
            assert_eq!(Process::parse(bad), None, "{bad}");
        }
    }
}
