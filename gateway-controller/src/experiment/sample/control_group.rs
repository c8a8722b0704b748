//! A control group, of version 2 or 1.

use std::fs;
use std::path::{Path, PathBuf};

use analysis::experiment::Group;

use super::real;

/// Where control groups are.
const MOUNT: &str = "sys/fs/cgroup";

pub(super) struct ControlGroup {
    /// As it was given.
    name: String,
    cpu: Vec<PathBuf>,
    memory: Vec<PathBuf>,
    /// Whether it was ever there.
    known: bool,
    before_us: Option<u64>,
}

impl ControlGroup {
    /// `path` is absolute, or below the place where control groups are mounted, also if it begins with a slash, as the kernel writes
    /// it; there each controller of version 1 has a place of its own.
    pub(super) fn new(root: &Path, path: &Path) -> Self {
        let below = path.strip_prefix("/").unwrap_or(path);
        let mounted = |controller: &str| root.join(MOUNT).join(controller).join(below);
        let mut cpu = vec![
            mounted("").join("cpu.stat"),
            mounted("unified").join("cpu.stat"),
            mounted("cpuacct").join("cpuacct.usage"),
        ];
        let mut memory = vec![mounted("").join("memory.current"), mounted("memory").join("memory.usage_in_bytes")];
        if path.is_absolute() {
            let place = root.join(below);
            cpu.extend([place.join("cpu.stat"), place.join("cpuacct.usage")]);
            memory.extend([place.join("memory.current"), place.join("memory.usage_in_bytes")]);
        }
        Self { name: path.display().to_string(), cpu, memory, known: false, before_us: None }
    }

    /// Its name, if it was never there.
    pub(super) fn never_seen(&self) -> Option<&str> {
        (!self.known).then_some(self.name.as_str())
    }

    /// What it used since the look before; `None` until it is there. While it is gone, nothing.
    pub(super) fn look(&mut self, since_ms: Option<f64>) -> Option<Group> {
        let used_us = self.cpu.iter().find_map(|path| usage_us(path));
        let processes = self.cpu.iter().filter_map(|path| path.parent()).find_map(processes).unwrap_or(0);
        self.known |= used_us.is_some();
        let before_us = std::mem::replace(&mut self.before_us, used_us);
        if !self.known {
            return None;
        }
        // A group that was removed and made anew counts from zero.
        let used_us = used_us.zip(before_us).map_or(0, |(now, before)| now.checked_sub(before).unwrap_or(now));
        let span_us = since_ms.unwrap_or(0.0) * 1000.0;
        let bytes = self.memory.iter().find_map(|path| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok());
        Some(Group {
            name: self.name.clone(),
            processes,
            cpu: if span_us > 0.0 { real(used_us) / span_us } else { 0.0 },
            memory_kb: bytes.unwrap_or(0) / 1024,
        })
    }
}

/// CPU time in microseconds: a line of `cpu.stat`, or nanoseconds alone (version 1).
fn usage_us(path: &Path) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    match text.lines().find_map(|line| line.strip_prefix("usage_usec ")) {
        Some(us) => us.trim().parse().ok(),
        None => text.trim().parse::<u64>().ok().map(|ns| ns / 1000),
    }
}

fn processes(group: &Path) -> Option<u32> {
    let list = fs::read_to_string(group.join("cgroup.procs")).ok()?;
    u32::try_from(list.lines().count()).ok()
}
