//! What would get a refused setting granted, in words that a person can act on.
//!
//! The rules are those of sched(7), sched_setattr(2), mlock(2) and capabilities(7).

use std::fs;
use std::io;

pub(super) fn cpu(_: &io::Error) -> String {
    let online = fs::read_to_string("/sys/devices/system/cpu/online").unwrap_or_default();
    format!(
        "CPUs online are {}; the process may be kept off some of them (taskset, AllowedCPUs= of its unit, the cpuset of its container)",
        online.trim()
    )
}

pub(super) fn lock_memory(_: &io::Error) -> String {
    "give CAP_IPC_LOCK (setcap cap_sys_nice,cap_ipc_lock+ep PROGRAM, or AmbientCapabilities=CAP_IPC_LOCK in its unit) or no \
     RLIMIT_MEMLOCK (LimitMEMLOCK=infinity in its unit, memlock in limits.conf)"
        .into()
}

pub(super) fn no_deep_sleep(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::NotFound {
        "there is no /dev/cpu_dma_latency: in a container pass it in (--device /dev/cpu_dma_latency); else this kernel has no sleep states to \
         keep the CPU out of"
            .into()
    } else {
        "writing to /dev/cpu_dma_latency takes root or a udev rule that gives the file to the program's group".into()
    }
}

pub(super) fn timer_slack(_: &io::Error) -> String {
    "the kernel keeps its default of 50 us of timer slack: each wake-up may be that much later".into()
}

pub(super) fn nice(nice: i8) -> String {
    // RLIMIT_NICE counts from 1 (niceness 19) to 40 (niceness -20), see getrlimit(2).
    format!(
        "give CAP_SYS_NICE (AmbientCapabilities=CAP_SYS_NICE in its unit) or RLIMIT_NICE of {} (LimitNICE={nice} in its unit)",
        20 - i32::from(nice)
    )
}

pub(super) fn fifo(priority: u8, _: &io::Error) -> String {
    let mut advice = format!(
        "give CAP_SYS_NICE (setcap cap_sys_nice,cap_ipc_lock+ep PROGRAM, or AmbientCapabilities=CAP_SYS_NICE in its unit) or \
         RLIMIT_RTPRIO of at least {priority} (LimitRTPRIO={priority} in its unit, rtprio in limits.conf)"
    );
    // With CONFIG_RT_GROUP_SCHED a new control group has no real-time time at all, whatever the capabilities.
    if sysctl("sched_rt_runtime_us").is_some_and(|us| us == 0) {
        advice.push_str("; kernel.sched_rt_runtime_us is 0: real-time threads get no time on this machine");
    } else {
        advice.push_str("; in a container, a kernel with RT_GROUP_SCHED also needs real-time time for its control group (cpu.rt_runtime_us)");
    }
    advice
}

pub(super) fn deadline(cpu: Option<u16>, error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::EBUSY) => "the CPUs have no room for this reservation: all SCHED_DEADLINE reservations together may take the share \
             kernel.sched_rt_runtime_us / kernel.sched_rt_period_us (95 % by default) of the CPUs"
            .into(),
        Some(libc::EINVAL) => {
            let least = sysctl("sched_deadline_period_min_us").unwrap_or(100);
            let most = sysctl("sched_deadline_period_max_us").unwrap_or(4_194_304);
            format!(
                "SCHED_DEADLINE wants 1024 ns <= runtime <= deadline <= period, and a period of {least} to {most} us \
                 (kernel.sched_deadline_period_min_us and _max_us)"
            )
        }
        _ => match cpu {
            Some(cpu) => format!(
                "give CAP_SYS_NICE; and do not bind the thread to CPU {cpu}: the kernel refuses SCHED_DEADLINE to a thread that may not \
                 use all CPUs of its root domain, unless an exclusive cpuset makes CPU {cpu} a domain of its own"
            ),
            None => "give CAP_SYS_NICE (AmbientCapabilities=CAP_SYS_NICE in its unit), and let the process use all CPUs: the kernel refuses \
                 SCHED_DEADLINE to a thread that may not use all CPUs of its root domain"
                .into(),
        },
    }
}

fn sysctl(name: &str) -> Option<u64> {
    fs::read_to_string(format!("/proc/sys/kernel/{name}")).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn os(code: i32) -> io::Error {
        io::Error::from_raw_os_error(code)
    }

    #[test]
    fn a_refusal_names_the_capability_and_the_limit() {
        let advice = fifo(80, &os(libc::EPERM));
        assert!(advice.contains("CAP_SYS_NICE") && advice.contains("LimitRTPRIO=80"), "{advice}");
        assert!(nice(-10).contains("RLIMIT_NICE of 30"), "{}", nice(-10));
        assert!(lock_memory(&os(libc::ENOMEM)).contains("LimitMEMLOCK"));
    }

    #[test]
    fn the_refusals_of_sched_deadline_are_told_apart() {
        assert!(deadline(Some(3), &os(libc::EPERM)).contains("CPU 3"));
        assert!(deadline(None, &os(libc::EPERM)).contains("CAP_SYS_NICE"));
        assert!(deadline(None, &os(libc::EBUSY)).contains("95 %"));
        assert!(deadline(None, &os(libc::EINVAL)).contains("1024 ns"));
    }
}
