//! The CPU of the real-time thread: there, its own, and at its full speed.

use std::fs;
use std::path::Path;

use super::Finding;

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

pub(super) fn judge(facts: &Facts, cpu: Option<u16>) -> Vec<Finding> {
    let mut findings = Vec::new();
    match cpu {
        None => {
            findings.push(Finding::skipped("cpu.isolated", "realtime.cpu is not set: the thread may run on every CPU"))
        }
        Some(cpu) if !lists(&facts.online, cpu) => {
            let found = format!("realtime.cpu = {cpu}: online are {}", facts.online);
            let mend = format!("set realtime.cpu to one of {}, or leave it out", facts.online);
            findings.push(Finding::failure("cpu.present", found, &mend));
        }
        Some(cpu) => {
            findings.push(Finding::ok("cpu.present", format!("CPU {cpu}")));
            findings.push(isolation(facts, cpu));
        }
    }
    findings.push(match facts.governor.as_deref() {
        None => Finding::skipped("cpu.governor", "the CPU's frequency cannot be controlled here"),
        Some("performance") => Finding::ok("cpu.governor", "performance".to_owned()),
        Some(other) => {
            let mend = format!("echo performance | sudo tee /{CPUS}/{}   # until the next boot", governor_file(cpu));
            let found = format!("{other}: each step of the CPU's frequency costs time");
            Finding::warning("cpu.governor", found, &mend)
        }
    });
    findings
}

fn isolation(facts: &Facts, cpu: u16) -> Finding {
    if lists(&facts.isolated, cpu) {
        return Finding::ok("cpu.isolated", format!("CPU {cpu} is kept free of other work"));
    }
    let others: Vec<String> = (0..=1023)
        .filter(|other| *other != cpu && lists(&facts.online, *other))
        .map(|other| other.to_string())
        .collect();
    let others = others.join(",");
    let mend = format!(
        "sudo sed -i '1s/$/ isolcpus={cpu} rcu_nocbs={cpu} irqaffinity={others}/' /boot/firmware/cmdline.txt; sudo reboot"
    );
    Finding::warning("cpu.isolated", format!("CPU {cpu} does other work too"), &mend)
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
    use super::super::tests::{machine, outcomes};
    use super::*;

    #[test]
    fn a_cpu_of_its_own_at_full_speed_is_good() {
        let pi = machine(&[
            ("sys/devices/system/cpu/online", "0-3\n"),
            ("sys/devices/system/cpu/isolated", "3\n"),
            ("sys/devices/system/cpu/cpu3/cpufreq/scaling_governor", "performance\n"),
        ]);
        let told = judge(&gather(pi.path(), Some(3)), Some(3));
        assert_eq!(outcomes(&told), [("cpu.present", Ok), ("cpu.isolated", Ok), ("cpu.governor", Ok)]);
    }

    #[test]
    fn what_is_missing_comes_with_its_command() {
        let pi = machine(&[
            ("sys/devices/system/cpu/online", "0-3\n"),
            ("sys/devices/system/cpu/isolated", "\n"),
            ("sys/devices/system/cpu/cpu2/cpufreq/scaling_governor", "ondemand\n"),
        ]);
        let told = judge(&gather(pi.path(), Some(2)), Some(2));
        assert_eq!(outcomes(&told), [("cpu.present", Ok), ("cpu.isolated", Warning), ("cpu.governor", Warning)]);
        let mend = |at: usize| told[at].mend.clone().unwrap();
        assert!(mend(1).contains("isolcpus=2 rcu_nocbs=2 irqaffinity=0,1,3/"), "{}", mend(1));
        assert!(mend(2).contains("tee /sys/devices/system/cpu/cpu2/cpufreq/scaling_governor"), "{}", mend(2));
        let told = judge(&gather(pi.path(), Some(4)), Some(4));
        assert_eq!(outcomes(&told), [("cpu.present", Failure), ("cpu.governor", Skipped)]);
    }

    #[test]
    fn a_thread_that_is_not_bound_needs_no_cpu_of_its_own() {
        assert_eq!(outcomes(&judge(&Facts::default(), None)), [("cpu.isolated", Skipped), ("cpu.governor", Skipped)]);
    }

    #[test]
    fn lists_of_the_kernel_are_read() {
        assert!(["0-3", "2", "0,2", "0-1,2-3"].iter().all(|list| lists(list, 2)));
        assert!(!["", "0-1", "3", "x", "2-", "0,3"].iter().any(|list| lists(list, 2)));
    }
}
