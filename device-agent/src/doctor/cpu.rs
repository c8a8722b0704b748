//! The CPU of the real-time thread: there, its own, and at its full speed.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::Findings;

const CPUS: &str = "sys/devices/system/cpu";

/// What the kernel says.
#[derive(Default)]
pub(super) struct Facts {
    /// CPUs that are online, as the kernel lists them: `0-3`.
    online: String,
    /// CPUs that are kept free of other work.
    isolated: String,
    governor: Option<String>,
}

/// `cpu` is the CPU that the thread is to be bound to.
pub(super) fn gather(root: &Path, cpu: Option<u16>) -> Facts {
    let text = |file: &str| fs::read_to_string(root.join(CPUS).join(file)).map(|text| text.trim().to_owned());
    Facts {
        online: text("online").unwrap_or_default(),
        isolated: text("isolated").unwrap_or_default(),
        governor: text(&governor_file(cpu)).ok(),
    }
}

/// Of CPU 0 where the thread is not bound: on a Raspberry Pi all have one clock.
fn governor_file(cpu: Option<u16>) -> String {
    format!("cpu{}/cpufreq/scaling_governor", cpu.unwrap_or(0))
}

pub(super) fn judge(facts: &Facts, cpu: Option<u16>, to: &mut Findings) {
    let online = &facts.online;
    match cpu {
        None => to.skipped("cpu.isolated", "realtime.cpu is not set: the thread may run on every CPU"),
        Some(cpu) if !lists(online, cpu) => to.failure(
            "cpu.present",
            format_args!("realtime.cpu = {cpu}: online are {online}"),
            format_args!("set realtime.cpu to one of {online}, or leave it out"),
        ),
        Some(cpu) => {
            to.ok("cpu.present", format_args!("CPU {cpu}"));
            isolation(facts, cpu, to);
        }
    }
    match facts.governor.as_deref() {
        None => to.skipped("cpu.governor", "the CPU's frequency cannot be controlled here"),
        Some("performance") => to.ok("cpu.governor", format_args!("performance")),
        Some(other) => to.warning(
            "cpu.governor",
            format_args!("{other}: each step of the CPU's frequency costs time"),
            format_args!("echo performance | sudo tee /{CPUS}/{}   # until the next boot", governor_file(cpu)),
        ),
    }
}

fn isolation(facts: &Facts, cpu: u16, to: &mut Findings) {
    if lists(&facts.isolated, cpu) {
        return to.ok("cpu.isolated", format_args!("CPU {cpu} is kept free of other work"));
    }
    let mut others = String::new();
    for other in (0..=1023).filter(|other| *other != cpu && lists(&facts.online, *other)) {
        // Writing to a string cannot fail.
        let _ = write!(others, "{}{other}", if others.is_empty() { "" } else { "," });
    }
    to.warning(
        "cpu.isolated",
        format_args!("CPU {cpu} does other work too"),
        format_args!(
            "sudo sed -i '1s/$/ isolcpus={cpu} rcu_nocbs={cpu} irqaffinity={others}/' /boot/firmware/cmdline.txt; sudo reboot"
        ),
    );
}

/// Whether a list of the kernel's, such as `0,2-3`, has this CPU.
fn lists(list: &str, cpu: u16) -> bool {
    list.split(',').any(|part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        first.parse().is_ok_and(|first: u16| first <= cpu) && last.parse().is_ok_and(|last: u16| cpu <= last)
    })
}

#[cfg(test)]
mod tests {
    use super::super::Outcome::{Failure, Ok, Skipped, Warning};
    use super::super::tests::{machine, outcomes, told};
    use super::*;

    #[test]
    fn a_cpu_of_its_own_at_full_speed_is_good() {
        let pi = machine(&[
            ("sys/devices/system/cpu/online", "0-3\n"),
            ("sys/devices/system/cpu/isolated", "3\n"),
            ("sys/devices/system/cpu/cpu3/cpufreq/scaling_governor", "performance\n"),
        ]);
        let told = told(|to| judge(&gather(pi.path(), Some(3)), Some(3), to));
        assert_eq!(outcomes(&told), [("cpu.present", Ok), ("cpu.isolated", Ok), ("cpu.governor", Ok)]);
    }

    #[test]
    fn what_is_missing_comes_with_its_command() {
        let pi = machine(&[
            ("sys/devices/system/cpu/online", "0-3\n"),
            ("sys/devices/system/cpu/isolated", "\n"),
            ("sys/devices/system/cpu/cpu2/cpufreq/scaling_governor", "ondemand\n"),
        ]);
        let on = |cpu| told(|to| judge(&gather(pi.path(), Some(cpu)), Some(cpu), to));
        let told = on(2);
        assert_eq!(outcomes(&told), [("cpu.present", Ok), ("cpu.isolated", Warning), ("cpu.governor", Warning)]);
        let mend = |at: usize| told[at].mend.clone().unwrap();
        assert!(mend(1).contains("isolcpus=2 rcu_nocbs=2 irqaffinity=0,1,3/"), "{}", mend(1));
        assert!(mend(2).contains("tee /sys/devices/system/cpu/cpu2/cpufreq/scaling_governor"), "{}", mend(2));
        let told = on(4);
        assert_eq!(outcomes(&told), [("cpu.present", Failure), ("cpu.governor", Skipped)]);
    }

    #[test]
    fn a_thread_that_is_not_bound_needs_no_cpu_of_its_own() {
        let told = told(|to| judge(&Facts::default(), None, to));
        assert_eq!(outcomes(&told), [("cpu.isolated", Skipped), ("cpu.governor", Skipped)]);
    }

    #[test]
    fn lists_of_the_kernel_are_read() {
        assert!(["0-3", "2", "0,2", "0-1,2-3"].iter().all(|list| lists(list, 2)));
        assert!(!["", "0-1", "3", "x", "2-", "0,3"].iter().any(|list| lists(list, 2)));
    }
}
