//! The agent that runs, asked instead of tried: its lines, its connection and its thread are its own.

use std::fs;
use std::path::Path;

use shared_host::control::{ControlError, ask};

use crate::supervisor::{CONNECTED, Request, Shown};

/// Whether an agent runs.
#[derive(Debug)]
pub(crate) enum Running {
    /// None does.
    No,
    /// One does, and tells how it is.
    Answers {
        /// Whether it has a connection to the broker.
        link: Link,
        /// The findings that it makes itself, as lines.
        told: String,
    },
    /// One does, or may, and cannot be asked: nothing may be taken from it.
    Mute(String),
}

/// Whether an agent has a connection to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// It has.
    Up,
    /// It tries to get one.
    Down,
}

/// Looks for an agent at this control socket, or else among the processes.
pub(crate) fn look(root: &Path, socket: &Path) -> Running {
    match ask(socket, &Request::Held) {
        Ok(Shown { table }) => {
            let link = if table.starts_with(CONNECTED) { Link::Up } else { Link::Down };
            Running::Answers { link, told: table }
        }
        Err(ControlError::NobodyListens { .. }) => match another_process(root) {
            Some(process) => {
                Running::Mute(format!("a device-agent runs as process {process}, and not with this control socket"))
            }
            None => Running::No,
        },
        Err(error) => Running::Mute(format!("a running agent cannot be asked: {error}")),
    }
}

fn another_process(root: &Path) -> Option<u32> {
    let own = std::process::id();
    for entry in fs::read_dir(root.join("proc")).ok()?.flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        if process == own || name.trim_end() != "device-agent" {
            continue;
        }
        // Only these have a task; what cannot be read may be one.
        let command = fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
        if command.split('\0').nth(1).is_none_or(|word| ["", "run", "measure"].contains(&word)) {
            return Some(process);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::Finding;
    use super::super::Outcome::{Failure, Ok as Good};
    use super::super::tests::{machine, outcomes, told as collected};
    use super::*;
    use crate::agent::CommandCounts;
    use crate::mode::GatewayHold;
    use crate::supervisor::{Answer, held};

    fn told(changes: &[(&str, serde_json::Value)]) -> Vec<Finding> {
        let mut answer = serde_json::json!({
            "device": "pi-1", "boot": "0", "version": "0", "mode": "NORMAL", "mode_source": "default", "reason": "", "danger": null,
            "mode_age_ms": 0, "gateway": {"state": "none"}, "task": {"name": "spin", "period_us": 1, "deadline_us": 1, "overrun": "skip-next"},
            "total": {"jobs": 0, "misses": 0, "skipped": 0}, "miss_rate": 0.0,
            "link": {"url": "", "up": true, "conn": 3, "last_down": "refused", "reports_delivered": 7, "reports_waiting": 0},
            "store": {"volatile": null, "durable": null}, "commands": CommandCounts::default(),
            "settings": [{"name": "nice", "asked": "-5", "outcome": "refused", "why": "no"}],
            "self_overhead_ns": 0, "host": {}, "gpio": {"backend": "sim"}, "sim_lines": {}
        });
        for (pointer, value) in changes {
            *answer.pointer_mut(pointer).unwrap() = value.clone();
        }
        let answer: Answer = serde_json::from_value(answer).unwrap();
        let lines = held(&answer, &[("nice".into(), "LimitNICE=-5".to_owned())]);
        assert_eq!(lines.starts_with(CONNECTED), answer.link.up);
        collected(|to| to.take_lines(&lines))
    }

    #[test]
    fn an_agent_in_good_order_says_so() {
        let told = told(&[("/gateway", serde_json::to_value(GatewayHold::Leased { left_ms: 9 }).unwrap())]);
        for finding in
            [("gpio.lines", Good), ("broker.session", Good), ("rights.command", Good), ("rights.report", Good)]
        {
            assert!(outcomes(&told).contains(&finding), "{finding:?}: {told:?}");
        }
        let nice = told.iter().find(|finding| finding.check == "realtime.nice").unwrap();
        assert_eq!((nice.outcome, nice.mend.as_deref()), (Failure, Some("LimitNICE=-5")));
    }

    #[test]
    fn what_troubles_a_running_agent_is_told() {
        let place = serde_json::json!({
            "directory": "/run/x", "health": {"state": "failing", "why": "no space"}, "writes": 0, "bytes": 0, "syncs": 0, "failures": 1,
            "damaged": 0
        });
        let told = told(&[("/link/up", false.into()), ("/store/volatile", place)]);
        assert!(!told.iter().any(|finding| finding.check.starts_with("rights")), "{told:?}");
        for finding in [("broker.agent", Failure), ("store.volatile.health", Failure)] {
            assert!(outcomes(&told).contains(&finding), "{finding:?}: {told:?}");
        }
    }

    #[test]
    fn an_agent_without_this_socket_is_seen_among_the_processes() {
        let processes = machine(&[
            ("proc/1/comm", "init\n"),
            ("proc/77/comm", "device-agent\n"),
            ("proc/self/comm", "device-agent\n"),
        ]);
        let nobody = processes.path().join("control.sock");
        assert!(matches!(look(processes.path(), &nobody), Running::Mute(why) if why.contains("process 77")));
        assert!(matches!(look(machine(&[]).path(), &nobody), Running::No));
        let another = |command| machine(&[("proc/77/comm", "device-agent\n"), ("proc/77/cmdline", command)]);
        assert!(matches!(look(another("device-agent\0run\0").path(), &nobody), Running::Mute(_)));
        assert!(
            matches!(look(another("device-agent\0status\0--json\0").path(), &nobody), Running::No),
            "it has no task"
        );
    }
}
