//! Who starts the agent again when it hangs, and the machine when systemd does.

use std::path::Path;

use super::Findings;
use crate::sys;

/// What systemd says.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Properties of the unit, a line each; none where systemd does not run.
    unit: Option<String>,
    /// Properties of systemd itself.
    manager: String,
    has_hardware: bool,
}

pub(super) fn gather(root: &Path) -> Facts {
    let has_hardware = root.join("sys/class/watchdog/watchdog0").exists();
    if !root.join("run/systemd/system").exists() {
        return Facts { has_hardware, ..Facts::default() };
    }
    let unit = c"systemctl show device-agent.service -p LoadState,WatchdogUSec,NRestarts 2>/dev/null";
    let manager = c"systemctl show -p RuntimeWatchdogUSec 2>/dev/null";
    let told = |command| sys::output_of(command).unwrap_or_default();
    Facts { unit: Some(told(unit)), manager: told(manager), has_hardware }
}

pub(super) fn judge(facts: &Facts, to: &mut Findings) {
    let Some(unit) = &facts.unit else {
        return to.skipped("watchdog.service", "systemd does not run here: nobody restarts an agent that hangs");
    };
    if property(unit, "LoadState") == "loaded" {
        let limit = property(unit, "WatchdogUSec");
        if is_set(limit) {
            to.ok("watchdog.service", format_args!("a stalled task is killed and started again after {limit}"));
        } else {
            to.warning(
                "watchdog.service",
                format_args!("device-agent.service has no WatchdogSec: nobody restarts an agent that hangs"),
                format_args!(
                    "sudo mkdir -p /etc/systemd/system/device-agent.service.d; printf '[Service]\\nWatchdogSec=10\\n' | sudo tee \
                     /etc/systemd/system/device-agent.service.d/watchdog.conf; sudo systemctl daemon-reload; sudo systemctl restart \
                     device-agent"
                ),
            );
        }
        match property(unit, "NRestarts") {
            "0" | "" => to.ok("watchdog.restarts", format_args!("none")),
            restarts => to.warning(
                "watchdog.restarts",
                format_args!("systemd has restarted the agent {restarts} times"),
                format_args!("journalctl -u device-agent -b -p warning   # tells why"),
            ),
        }
    } else {
        to.skipped("watchdog.service", "there is no device-agent.service: nobody restarts an agent that hangs");
    }
    let limit = property(&facts.manager, "RuntimeWatchdogUSec");
    if is_set(limit) {
        to.ok("watchdog.hardware", format_args!("the board restarts the machine after {limit} without systemd"));
    } else if facts.has_hardware {
        to.warning(
            "watchdog.hardware",
            format_args!("the board has one, and systemd does not use it"),
            format_args!(
                "sudo install -D -m 644 -t /etc/systemd/system.conf.d /usr/share/doc/device-agent/examples/hardware-watchdog.conf; \
                 sudo systemctl daemon-reexec"
            ),
        );
    } else {
        to.skipped("watchdog.hardware", "this machine has none");
    }
}

fn property<'a>(text: &'a str, name: &str) -> &'a str {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default()
}

fn is_set(limit: &str) -> bool {
    !matches!(limit, "" | "0" | "infinity")
}

#[cfg(test)]
mod tests {
    use super::super::Outcome::{Ok, Skipped, Warning};
    use super::super::tests::{machine, outcomes, told};
    use super::*;

    fn facts(unit: &str, manager: &str) -> Facts {
        Facts { unit: Some(unit.to_owned()), manager: manager.to_owned(), has_hardware: true }
    }

    #[test]
    fn a_watched_agent_on_a_watched_machine() {
        let good = facts("LoadState=loaded\nWatchdogUSec=10s\nNRestarts=0\n", "RuntimeWatchdogUSec=15s\n");
        let told = told(|to| judge(&good, to));
        assert_eq!(outcomes(&told), [("watchdog.service", Ok), ("watchdog.restarts", Ok), ("watchdog.hardware", Ok)]);
        assert!(told[2].found.contains("15s"));
    }

    #[test]
    fn what_is_not_watched_is_warned_of() {
        let bad = facts("LoadState=loaded\nWatchdogUSec=0\nNRestarts=3\n", "RuntimeWatchdogUSec=0\n");
        let told = told(|to| judge(&bad, to));
        let wanted = [("watchdog.service", Warning), ("watchdog.restarts", Warning), ("watchdog.hardware", Warning)];
        assert_eq!(outcomes(&told), wanted);
        assert!(told[1].found.contains("3 times") && told[1].mend.as_deref().unwrap().contains("journalctl"));
    }

    #[test]
    fn without_systemd_or_unit_or_hardware_it_is_skipped() {
        let bare = machine(&[]);
        assert_eq!(outcomes(&told(|to| judge(&gather(bare.path()), to))), [("watchdog.service", Skipped)]);
        let no_unit = Facts { has_hardware: false, ..facts("LoadState=not-found\nWatchdogUSec=0\n", "") };
        assert_eq!(
            outcomes(&told(|to| judge(&no_unit, to))),
            [("watchdog.service", Skipped), ("watchdog.hardware", Skipped)]
        );
    }
}
