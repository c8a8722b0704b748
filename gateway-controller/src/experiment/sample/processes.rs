//! Processes by name: they come and go, and their numbers are used again.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use analysis::experiment::Group;

use super::process::{Process, memory_kb, program};
use super::real;

/// Names that are looked for without being asked: what a gateway with or without orchestration runs. A `*` at the end stands for
/// any more.
const USUAL: [&str; 18] = [
    "mosquitto",
    "gateway-controller",
    "edgecore",
    "cloudcore",
    "containerd",
    "containerd-shim*",
    "dockerd",
    "crio",
    "k3s*",
    "k0s*",
    "kubelet",
    "kubelite",
    "kube-proxy",
    "kube-apiserver",
    "etcd",
    "core-data",
    "core-metadata",
    "core-command",
];
/// What the recorder itself is called; it is in no other group.
const OURSELVES: &str = "recorder";
/// The kernel's ticks a second for user space, on every architecture that this program is made for.
const TICKS_A_SECOND: f64 = 100.0;
/// Longest name that the kernel keeps, in bytes.
const COMM: usize = 15;
/// How often memory is asked for, in milliseconds: to add up its pages costs the kernel more than all else here.
const MEMORY_EVERY_MS: f64 = 5_000.0;

pub(super) struct Processes {
    proc: PathBuf,
    names: Vec<Wanted>,
    own: u32,
    seen: HashMap<u32, Seen>,
    /// Groups that had a process, in the order of the names; they stay, so that one without any is told.
    known: Vec<bool>,
}

struct Wanted {
    /// As it was given.
    name: String,
    /// Without its `*`.
    start: String,
    any_end: bool,
}

struct Seen {
    process: Process,
    memory_kb: u64,
    memory_at_ms: f64,
}

impl Processes {
    pub(super) fn new(root: &Path, names: &[String]) -> Self {
        let own = std::iter::once(OURSELVES.to_owned());
        let all = own.chain(USUAL.iter().map(|name| (*name).to_owned())).chain(names.iter().cloned());
        let mut wanted: Vec<Wanted> = Vec::new();
        for name in all {
            if wanted.iter().all(|known| known.name != name) {
                let start = name.trim_end_matches('*').to_owned();
                wanted.push(Wanted { any_end: start.len() < name.len(), start, name });
            }
        }
        let known = vec![false; wanted.len()];
        Self { proc: root.join("proc"), names: wanted, own: std::process::id(), seen: HashMap::new(), known }
    }

    /// One group for each name that had a process. A process of which nothing was known before counts from its start if that was
    /// since the look before, which nobody can tell at the first look.
    pub(super) fn look(&mut self, at_ms: f64, since_ms: Option<f64>) -> Vec<Group> {
        let mut totals: Vec<(u32, u64, u64)> = vec![(0, 0, 0); self.names.len()];
        let mut seen = HashMap::new();
        let latest = self.seen.values().map(|seen| seen.process.started).max();
        let directories = fs::read_dir(&self.proc).into_iter().flatten().flatten();
        for directory in directories {
            let Some(pid) = directory.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            let directory = directory.path();
            let Some(process) = Process::read(&directory) else { continue };
            let before = self.seen.remove(&pid).filter(|before| before.process.started == process.started);
            let Some(place) = self.place(pid, &process, &directory) else { continue };
            let ticks = match &before {
                Some(before) => process.ticks.saturating_sub(before.process.ticks),
                None if latest.is_some_and(|latest| process.started > latest) => process.ticks,
                None => 0,
            };
            let (memory_kb, memory_at_ms) = match &before {
                Some(before) if at_ms - before.memory_at_ms < MEMORY_EVERY_MS => {
                    (before.memory_kb, before.memory_at_ms)
                }
                _ => (memory_kb(&directory), at_ms),
            };
            if let Some((processes, used, memory)) = totals.get_mut(place) {
                *processes += 1;
                *used = used.saturating_add(ticks);
                *memory = memory.saturating_add(memory_kb);
            }
            seen.insert(pid, Seen { process, memory_kb, memory_at_ms });
        }
        self.seen = seen;
        let span_s = since_ms.unwrap_or(0.0) / 1000.0;
        let mut groups = Vec::new();
        for ((wanted, known), (processes, ticks, memory_kb)) in self.names.iter().zip(&mut self.known).zip(totals) {
            *known |= processes > 0;
            if *known {
                let cpu = if span_s > 0.0 { real(ticks) / TICKS_A_SECOND / span_s } else { 0.0 };
                groups.push(Group { name: wanted.name.clone(), processes, cpu, memory_kb });
            }
        }
        groups
    }

    /// The first name that fits.
    fn place(&self, pid: u32, process: &Process, directory: &Path) -> Option<usize> {
        if pid == self.own {
            return Some(0);
        }
        let mut names = self.names.iter().enumerate().skip(1);
        names.find(|(_, wanted)| wanted.fits(process, directory)).map(|(place, _)| place)
    }
}

impl Wanted {
    fn fits(&self, process: &Process, directory: &Path) -> bool {
        let comm = process.comm.as_str();
        if self.start.len() <= COMM {
            return if self.any_end { comm.starts_with(&self.start) } else { comm == self.start };
        }
        // The kernel keeps its beginning only.
        if !self.start.starts_with(comm) || comm.len() != COMM {
            return false;
        }
        program(directory)
            .is_some_and(|program| if self.any_end { program.starts_with(&self.start) } else { program == self.start })
    }
}
