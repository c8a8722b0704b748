//! The whole machine: `/proc/stat`, `/proc/meminfo`, `/proc/pressure/cpu`.

use std::fs;
use std::path::Path;

use super::{real, share};

/// The machine at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whole {
    all: u64,
    idle: u64,
    stolen: u64,
    /// Microseconds in which something waited for a CPU.
    waited_us: Option<u64>,
    pub(super) memory_used_kb: u64,
    pub(super) memory_kb: u64,
}

/// Shares of the time between two moments, 0 to 1.
pub(super) struct Shares {
    pub(super) cpu: f64,
    pub(super) steal: f64,
    pub(super) pressure: Option<f64>,
}

impl Whole {
    /// Now; `None` if the kernel tells nothing of its CPUs.
    pub(super) fn read(root: &Path) -> Option<Self> {
        let text = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_default();
        let (all, idle, stolen) = cpu_times(&text("proc/stat"))?;
        let memory = text("proc/meminfo");
        let memory_kb = kilobytes(&memory, "MemTotal:");
        let memory_used_kb = memory_kb.saturating_sub(kilobytes(&memory, "MemAvailable:"));
        Some(Self { all, idle, stolen, waited_us: waited(&text("proc/pressure/cpu")), memory_used_kb, memory_kb })
    }

    /// Shares since `before`, `span_ms` earlier.
    pub(super) fn since(&self, before: &Self, span_ms: f64) -> Shares {
        let all = real(self.all.saturating_sub(before.all));
        let stolen = real(self.stolen.saturating_sub(before.stolen));
        // Idle time may step back a little (proc_stat(5), iowait).
        let idle = real(self.idle.saturating_sub(before.idle));
        let waited_us = self.waited_us.zip(before.waited_us).map(|(now, before)| real(now.saturating_sub(before)));
        Shares {
            cpu: share((all - idle - stolen).max(0.0), all),
            steal: share(stolen, all),
            pressure: waited_us.map(|us| share(us, span_ms * 1000.0)),
        }
    }
}

/// Ticks of all CPUs since boot: in all, idle, stolen (proc_stat(5)).
fn cpu_times(stat: &str) -> Option<(u64, u64, u64)> {
    let fields = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    // Guest time, behind these, is contained in user time; older kernels end earlier.
    let fields: Vec<u64> = fields.take(8).map_while(|field| field.parse().ok()).collect();
    let [_user, _nice, _system, idle, iowait, rest @ ..] = &fields[..] else { return None };
    let stolen = rest.get(2).copied().unwrap_or(0);
    let all = fields.iter().fold(0_u64, |sum, ticks| sum.saturating_add(*ticks));
    Some((all, idle.saturating_add(*iowait), stolen))
}

/// The value of a line like `MemTotal:  1000 kB`; 0 if there is none.
pub(super) fn kilobytes(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// `some avg10=… avg60=… avg300=… total=US` (the kernel's Documentation/accounting/psi.rst).
fn waited(pressure: &str) -> Option<u64> {
    let some = pressure.lines().find_map(|line| line.strip_prefix("some "))?;
    some.split(' ').find_map(|field| field.strip_prefix("total="))?.parse().ok()
}
