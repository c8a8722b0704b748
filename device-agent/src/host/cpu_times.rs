//! The first line of `/proc/stat` (proc_stat(5)): time of all CPUs in ticks.

use shared_proto::units::Ratio;

use super::Shares;

/// Ticks since boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CpuTimes {
    all: u64,
    idle: u64,
    stolen: u64,
}

impl CpuTimes {
    pub(super) fn parse(stat: &str) -> Option<Self> {
        let mut fields = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace().map(str::parse::<u64>);
        let mut next = || fields.next()?.ok();
        let (user, nice, system, idle, iowait) = (next()?, next()?, next()?, next()?, next()?);
        // Older kernels end earlier; guest time is contained in user time.
        let (irq, softirq, stolen) = (next().unwrap_or(0), next().unwrap_or(0), next().unwrap_or(0));
        let idle = idle.checked_add(iowait)?;
        let all = [user, nice, system, irq, softirq, stolen].into_iter().try_fold(idle, u64::checked_add)?;
        Some(Self { all, idle, stolen })
    }

    /// Shares of the time since `earlier`; `None` if no tick has passed.
    pub(super) fn shares_since(&self, earlier: &Self) -> Option<Shares> {
        let all = self.all.checked_sub(earlier.all).filter(|&all| all > 0)?;
        let stolen = self.stolen.saturating_sub(earlier.stolen);
        // Idle time may step back a little (proc_stat(5), iowait).
        let busy = all.saturating_sub(self.idle.saturating_sub(earlier.idle)).saturating_sub(stolen);
        Some(Shares { busy: Ratio::of(busy, all), stolen: Ratio::of(stolen, all) })
    }
}
