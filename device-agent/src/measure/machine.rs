//! On what machine it was measured.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use analysis::run::Machine;

use super::governor::Governors;
use crate::host::Platform;

/// What this machine tells about itself.
pub(super) fn describe(cpus: usize) -> Machine {
    let Platform { model, kernel, preempt_rt } = Platform::read();
    let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Machine {
        host: text("/proc/sys/kernel/hostname").unwrap_or_default(),
        kernel: kernel.unwrap_or_default(),
        arch: std::env::consts::ARCH.into(),
        cpus: u32::try_from(cpus).unwrap_or(u32::MAX),
        model,
        clocksource: text("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
        governor: Governors::of_machine().current(),
        preempt_rt,
        started_unix_ms: u64::try_from(started.as_millis()).ok(),
    }
}

fn text(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim_end_matches(['\0', '\n']).to_owned())
}
