//! How the gateway is: the machine, processes by name, control groups. Reads files below a root, so that tests can make one up.

mod control_group;
mod process;
mod processes;
mod whole;

use std::path::{Path, PathBuf};

use analysis::experiment::Gateway;

use control_group::ControlGroup;
use processes::Processes;
use whole::Whole;

/// Looks at the machine from time to time.
pub(super) struct Sampler {
    root: PathBuf,
    before: Option<(f64, Whole)>,
    processes: Processes,
    groups: Vec<ControlGroup>,
}

impl Sampler {
    /// For the machine below `root`, processes of these names besides the usual ones, and these control groups.
    pub(super) fn new(root: &Path, names: &[String], groups: &[PathBuf]) -> Self {
        Self {
            root: root.to_owned(),
            before: None,
            processes: Processes::new(root, names),
            groups: groups.iter().map(|path| ControlGroup::new(root, path)).collect(),
        }
    }

    /// Control groups that were never there.
    pub(super) fn never_seen(&self) -> impl Iterator<Item = &str> {
        self.groups.iter().filter_map(ControlGroup::never_seen)
    }

    /// What has happened since the look before; `None` at the first one, and where the kernel tells nothing of its CPUs.
    pub(super) fn look(&mut self, at_ms: f64) -> Option<Gateway> {
        let now = Whole::read(&self.root);
        let since_ms = self.before.as_ref().map(|(before_ms, _)| at_ms - before_ms);
        let processes = self.processes.look(at_ms, since_ms);
        let groups = self.groups.iter_mut().filter_map(|group| group.look(since_ms)).collect::<Vec<_>>();
        let now = now?;
        let (before_ms, before) = self.before.replace((at_ms, now))?;
        let span_ms = at_ms - before_ms;
        let shares = now.since(&before, span_ms);
        Some(Gateway {
            at_ms,
            span_ms,
            cpu: shares.cpu,
            steal: shares.steal,
            memory_used_kb: now.memory_used_kb,
            memory_kb: now.memory_kb,
            cpu_pressure: shares.pressure,
            groups: processes.into_iter().chain(groups).collect(),
        })
    }
}

/// A share of the time, 0 to 1.
fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { (part / whole).clamp(0.0, 1.0) } else { 0.0 }
}

/// A count as a number with decimals.
#[expect(clippy::cast_precision_loss, reason = "exact below 2^53 ticks or microseconds, 285 years")]
fn real(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
