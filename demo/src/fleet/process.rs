//! CPU time and memory of another process (proc_pid_stat(5), proc_pid_status(5)).

use std::fs;
use std::time::{Duration, Instant};

use serde::Serialize;

/// Ticks of `/proc/PID/stat` in a second: the same on every Linux of this century.
const TICKS: u64 = 100;

/// What a process has used so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    at: Instant,
    cpu: Duration,
    rss_kib: u64,
    peak_kib: u64,
}

/// What a process used between two looks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Used {
    /// CPU time as a share of one CPU, in per cent.
    pub cpu_percent: f64,
    /// CPU time in seconds.
    pub cpu_s: f64,
    /// Resident memory at the end, in KiB.
    pub rss_kib: u64,
    /// The most it ever had, in KiB.
    pub peak_kib: u64,
}

impl Usage {
    /// A look at a process; `None` if there is none.
    pub(super) fn of(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        Self::parse(&stat, &status)
    }

    fn parse(stat: &str, status: &str) -> Option<Self> {
        // The name in brackets may hold anything; user and system time are the 12th and 13th word behind it.
        let mut times = stat.rsplit_once(')')?.1.split_whitespace().skip(11).map(str::parse::<u64>);
        let ticks = times.next()?.ok()? + times.next()?.ok()?;
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        Some(Self {
            at: Instant::now(),
            cpu: Duration::from_millis(ticks * 1_000 / TICKS),
            rss_kib: kib("VmRSS:")?,
            peak_kib: kib("VmHWM:")?,
        })
    }

    /// What was used since `earlier`.
    pub(super) fn since(&self, earlier: &Self) -> Used {
        let (cpu, wall) = (self.cpu.saturating_sub(earlier.cpu), self.at.saturating_duration_since(earlier.at));
        let cpu_s = cpu.as_secs_f64();
        Used {
            cpu_percent: 100.0 * cpu_s / wall.as_secs_f64().max(0.001),
            cpu_s,
            rss_kib: self.rss_kib,
            peak_kib: self.peak_kib,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_misleads_nobody() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 250 150 0 0 20 0 3 0 99 1 2";
        let status = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        let usage = Usage::parse(stat, status).unwrap();
        assert_eq!((usage.cpu, usage.rss_kib, usage.peak_kib), (Duration::from_secs(4), 1_024, 2_048));
        assert!(Usage::parse(stat, "").is_none());
    }

    #[test]
    fn this_process_uses_something() {
        let usage = Usage::of(std::process::id()).unwrap();
        assert!(usage.rss_kib > 0 && usage.peak_kib >= usage.rss_kib);
    }
}
