//! On what machine it is recorded.

use std::fs;
use std::path::Path;

use analysis::run::Machine;

use crate::wall_clock::wall_clock_ms;

/// What the machine below `root` tells about itself; `/` is this one.
pub(super) fn describe(root: &Path) -> Machine {
    let text = |path: &str| {
        let text = fs::read_to_string(root.join(path)).ok()?;
        Some(text.trim_end_matches(['\0', '\n']).to_owned()).filter(|text| !text.is_empty())
    };
    let cpuinfo = text("proc/cpuinfo").unwrap_or_default();
    let processor = || {
        let line = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"))?;
        Some(line.trim_start_matches([' ', '\t', ':']).to_owned())
    };
    // The file is there with the patches for real time only; a mainline kernel tells in its version ("#1 SMP PREEMPT_RT …").
    let preempt_rt = match text("sys/kernel/realtime").as_deref() {
        Some("1") => Some(true),
        _ => text("proc/sys/kernel/version").map(|version| version.split(' ').any(|word| word == "PREEMPT_RT")),
    };
    Machine {
        host: text("proc/sys/kernel/hostname").unwrap_or_default(),
        kernel: text("proc/sys/kernel/osrelease").unwrap_or_default(),
        arch: std::env::consts::ARCH.into(),
        cpus: std::thread::available_parallelism().map_or(0, |cpus| u32::try_from(cpus.get()).unwrap_or(u32::MAX)),
        model: text("proc/device-tree/model").or_else(processor),
        clocksource: text("sys/devices/system/clocksource/clocksource0/current_clocksource"),
        governor: governor(root),
        preempt_rt,
        started_unix_ms: Some(wall_clock_ms()),
    }
}

/// The governor of all CPUs, if it is the same.
fn governor(root: &Path) -> Option<String> {
    let policies = fs::read_dir(root.join("sys/devices/system/cpu/cpufreq")).ok()?.flatten();
    let mut names = policies.filter_map(|policy| fs::read_to_string(policy.path().join("scaling_governor")).ok());
    let first = names.next()?;
    names.all(|name| name == first).then(|| first.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_machine_does_not_tell_is_left_out() {
        let root = tempfile::tempdir().unwrap();
        let bare = describe(root.path());
        assert_eq!((bare.host.as_str(), bare.model, bare.preempt_rt, bare.governor), ("", None, None, None));
        for (path, content) in [
            ("proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0"),
            ("proc/sys/kernel/osrelease", "6.12.25+rpt-rpi-2712\n"),
            ("proc/sys/kernel/version", "#1 SMP PREEMPT_RT Debian 1:6.12.25-1\n"),
            ("sys/devices/system/cpu/cpufreq/policy0/scaling_governor", "performance\n"),
            ("sys/devices/system/cpu/cpufreq/policy4/scaling_governor", "performance\n"),
            ("sys/devices/system/clocksource/clocksource0/current_clocksource", "arch_sys_counter\n"),
        ] {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let pi = describe(root.path());
        assert_eq!(pi.model.as_deref(), Some("Raspberry Pi 5 Model B Rev 1.0"));
        assert_eq!((pi.kernel.as_str(), pi.preempt_rt), ("6.12.25+rpt-rpi-2712", Some(true)));
        assert_eq!(
            (pi.governor.as_deref(), pi.clocksource.as_deref()),
            (Some("performance"), Some("arch_sys_counter"))
        );
        let other = root.path().join("sys/devices/system/cpu/cpufreq/policy4/scaling_governor");
        fs::write(other, "ondemand\n").unwrap();
        assert_eq!(describe(root.path()).governor, None);
    }
}
