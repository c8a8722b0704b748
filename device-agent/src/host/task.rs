//! Counters that the kernel keeps of one thread, read from outside so that the thread itself need not.

use std::fs;
use std::path::PathBuf;

/// Counters since the thread's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TaskCounters {
    /// Times that the thread lost the CPU against its will.
    pub preemptions: u64,
    /// Page faults, minor and major.
    pub faults: u64,
    /// Time on a CPU in nanoseconds; 0 on a kernel without CONFIG_SCHED_INFO.
    pub on_cpu_ns: u64,
    /// Time that it was ready to run and waited for a CPU, in nanoseconds; 0 on such a kernel.
    pub waiting_ns: u64,
}

impl TaskCounters {
    /// What was counted since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            preemptions: self.preemptions.saturating_sub(earlier.preemptions),
            faults: self.faults.saturating_sub(earlier.faults),
            on_cpu_ns: self.on_cpu_ns.saturating_sub(earlier.on_cpu_ns),
            waiting_ns: self.waiting_ns.saturating_sub(earlier.waiting_ns),
        }
    }
}

/// Reads `/proc/self/task/{thread}/{status, stat, schedstat}`.
#[derive(Debug)]
pub struct TaskReader {
    dir: PathBuf,
}

impl TaskReader {
    /// Reads the counters of this thread of the process.
    #[must_use]
    pub fn new(thread_id: i32) -> Self {
        Self::at(format!("/proc/self/task/{thread_id}"))
    }

    /// The same from the thread's folder, wherever it is.
    #[must_use]
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { dir: folder.into() }
    }

    /// The counters now; `None` if the thread has ended.
    #[must_use]
    pub fn read(&self) -> Option<TaskCounters> {
        let status = fs::read_to_string(self.dir.join("status")).ok()?;
        let stat = fs::read_to_string(self.dir.join("stat")).ok()?;
        let (on_cpu_ns, waiting_ns) =
            fs::read_to_string(self.dir.join("schedstat")).ok().and_then(|text| times(&text)).unwrap_or_default();
        Some(TaskCounters { preemptions: preemptions(&status)?, faults: faults(&stat)?, on_cpu_ns, waiting_ns })
    }
}

/// Time on a CPU and time of waiting for one, in nanoseconds (<https://docs.kernel.org/scheduler/sched-stats.html>).
fn times(schedstat: &str) -> Option<(u64, u64)> {
    let mut fields = schedstat.split_whitespace().map(str::parse::<u64>);
    Some((fields.next()?.ok()?, fields.next()?.ok()?))
}

fn preemptions(status: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix("nonvoluntary_ctxt_switches:"))?.trim().parse().ok()
}

/// Fields 10 and 12 of proc_pid_stat(5). The second field is the name in brackets, which may hold blanks.
fn faults(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(") ")?;
    let mut fields = after_name.split(' ').skip(7);
    let minor: u64 = fields.next()?.parse().ok()?;
    let major: u64 = fields.nth(1)?.parse().ok()?;
    minor.checked_add(major)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_found_behind_a_name_with_blanks() {
        let stat = "12 (rt ) task) S 1 12 12 0 -1 4194304 111 0 22 0 5 6 0 0 20 0 1 0";
        assert_eq!(faults(stat), Some(133));
        assert_eq!(faults("nonsense"), None);
    }

    #[test]
    fn times_are_the_first_two_fields() {
        assert_eq!(times("1200300 45 7\n"), Some((1_200_300, 45)));
        assert_eq!(times("12"), None);
    }

    #[test]
    fn this_thread_has_counters() {
        let reader = TaskReader::new(crate::sys::thread_id());
        let before = reader.read().unwrap();
        // Fresh memory, a page at a time.
        let fresh: Vec<u8> = (0..16u32 << 20).map(|byte| byte.to_le_bytes()[0]).collect();
        assert_eq!(std::hint::black_box(&fresh).len(), 16 << 20);
        let since = reader.read().unwrap().since(&before);
        assert!(since.faults > 0 && since.on_cpu_ns > 0, "{since:?}");
    }

    #[test]
    fn a_thread_that_is_not_there_has_none() {
        assert_eq!(TaskReader::new(i32::MAX).read(), None);
    }
}
