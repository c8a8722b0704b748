//! On what machine it was measured.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use analysis::run::Machine;

use super::governor::Governors;

/// What this machine tells about itself.
pub(super) fn describe(cpus: usize) -> Machine {
    let kernel = text("/proc/sys/kernel/osrelease").unwrap_or_default();
    // "#1 SMP PREEMPT_RT Debian …": the build's preemption model stands in the version string.
    let version = text("/proc/sys/kernel/version");
    let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Machine {
        host: text("/proc/sys/kernel/hostname").unwrap_or_default(),
        kernel,
        arch: std::env::consts::ARCH.into(),
        cpus: u32::try_from(cpus).unwrap_or(u32::MAX),
        model: model(),
        clocksource: text("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
        governor: Governors::of_machine().current(),
        preempt_rt: version.map(|version| version.contains("PREEMPT_RT")),
        started_unix_ms: u64::try_from(started.as_millis()).ok(),
    }
}

/// The board's name in the device tree (Raspberry Pi), else the processor's.
fn model() -> Option<String> {
    text("/proc/device-tree/model").or_else(|| {
        let cpuinfo = text("/proc/cpuinfo")?;
        let line = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"))?;
        Some(line.trim_start_matches([' ', '\t', ':']).to_owned())
    })
}

fn text(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim_end_matches(['\0', '\n']).to_owned())
}
