//! What Linux tells of this process.

use std::fs;

/// `USER_HZ`, in which Linux tells CPU time on the machines that this program is built for.
const TICKS_PER_SECOND: u64 = 100;

/// This process; what the system does not tell is `None`.
#[derive(Debug, Clone, Default)]
pub(super) struct Process {
    /// CPU time in nanoseconds, of user and system.
    pub(super) cpu_ns: Option<u64>,
    pub(super) resident_bytes: Option<u64>,
    pub(super) virtual_bytes: Option<u64>,
    /// Start in nanoseconds since 1970.
    pub(super) start_ns: Option<u64>,
    pub(super) open_fds: Option<u64>,
    pub(super) max_fds: Option<u64>,
}

impl Process {
    /// As it is now.
    pub(super) fn now() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let (own, system) = (read("/proc/self/stat"), read("/proc/stat"));
        Self {
            open_fds: fs::read_dir("/proc/self/fd")
                .ok()
                // One is of the folder itself.
                .and_then(|entries| u64::try_from(entries.count()).ok()?.checked_sub(1)),
            max_fds: word(&read("/proc/self/limits"), "Max open files"),
            resident_bytes: word(&read("/proc/self/status"), "VmRSS:").map(|kib| kib.saturating_mul(1024)),
            ..Self::parse(&own, word(&system, "btime"))
        }
    }

    /// `stat` as in proc(5), and when the machine started, in seconds since 1970.
    fn parse(stat: &str, boot_s: Option<u64>) -> Self {
        // The name may contain anything; it ends at the last parenthesis. The field after it is the third.
        let rest = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
        let field = |number: usize| rest.split_whitespace().nth(number.checked_sub(3)?)?.parse::<u64>().ok();
        let ns = |ticks: u64| ticks.saturating_mul(1_000_000_000 / TICKS_PER_SECOND);
        Self {
            cpu_ns: field(14).zip(field(15)).map(|(user, system)| ns(user.saturating_add(system))),
            virtual_bytes: field(23),
            start_ns: field(22)
                .zip(boot_s)
                .map(|(ticks, boot)| boot.saturating_mul(1_000_000_000).saturating_add(ns(ticks))),
            ..Self::default()
        }
    }
}

/// The number that follows `name` at the begin of a line.
fn word(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_and_blanks_misleads_nobody() {
        let stat =
            "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 3 0 1200 8192000 512 18446744073709551615";
        let process = Process::parse(stat, Some(1_700_000_000));
        assert_eq!(process.cpu_ns, Some(3_000_000_000));
        assert_eq!(process.start_ns, Some(1_700_000_012_000_000_000));
        assert_eq!(process.virtual_bytes, Some(8_192_000));
        assert_eq!(Process::parse("", None).cpu_ns, None);
    }

    #[test]
    fn this_process_is_told() {
        let now = Process::now();
        assert!(now.resident_bytes.is_some_and(|bytes| bytes > 100_000), "{now:?}");
        assert!(now.open_fds.is_some_and(|fds| fds >= 3) && now.max_fds > now.open_fds, "{now:?}");
        let age = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
        assert!(now.start_ns.is_some_and(|start| start > 1_000_000_000 && u128::from(start) < age + 2_000_000_000));
    }
}
