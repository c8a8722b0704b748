//! The agent that runs, asked instead of tried: its lines, its connection and its thread are its own.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use shared_host::control::{ControlError, ask};

use super::{Finding, realtime};
use crate::gpio::InUse;
use crate::mode::GatewayHold;
use crate::rt::Granted;
use crate::store::{Health, StoreStatus};
use crate::supervisor::{LinkState, Request};

/// What a running agent holds: the answer to [`Request::Held`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Whether it has a connection to the broker.
    pub connected: bool,
    /// What it can say itself.
    pub findings: Vec<Finding>,
}

/// Whether an agent runs.
#[derive(Debug)]
pub(super) enum Running {
    /// None does.
    No,
    /// One does, and answers.
    Answers(Held),
    /// One does, or may, and cannot be asked: nothing may be taken from it.
    Mute(String),
}

/// Looks for an agent at this control socket, or else among the processes.
pub(super) fn look(root: &Path, socket: &Path) -> Running {
    match ask(socket, &Request::Held) {
        Ok(held) => Running::Answers(held),
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
    let numbers = fs::read_dir(root.join("proc")).into_iter().flatten().flatten();
    let others = numbers.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(|process| *process != own);
    let name = |process: &u32| fs::read_to_string(root.join(format!("proc/{process}/comm"))).unwrap_or_default();
    others.into_iter().find(|process| name(process).trim_end() == "device-agent")
}

/// What the agent can say of what it holds.
pub(crate) fn held(
    granted: &Granted,
    lines: &InUse,
    link: &LinkState,
    store: &StoreStatus,
    gateway: GatewayHold,
) -> Held {
    let mut findings = realtime::settings(&granted.settings, &granted.advice);
    findings.push(Finding::ok("gpio.lines", format!("{lines}: the running agent has them")));
    findings.push(if link.up {
        let found = format!(
            "the running agent is connected (attempt {}), {} reports delivered",
            link.conn, link.reports_delivered
        );
        Finding::ok("broker.session", found)
    } else {
        let found = format!("the running agent is not connected: {}", link.last_down);
        Finding::failure("broker.agent", found, "see the other findings on broker and rights")
    });
    if link.up && matches!(gateway, GatewayHold::Leased { .. } | GatewayHold::Unlimited) {
        for check in ["rights.command", "rights.report"] {
            findings.push(Finding::ok(check, "the gateway leads this device, by what it reports".to_owned()));
        }
    }
    for (name, place) in [("volatile", &store.volatile), ("durable", &store.durable)] {
        if let Some(place) = place
            && let Health::Failing { why } = &place.health
        {
            let found = format!("{}: {why}; the running agent tries again and again", place.directory);
            findings.push(Finding::failure(
                &format!("store.{name}.health"),
                found,
                "see the other findings on the store; dmesg | tail",
            ));
        }
    }
    Held { connected: link.up, findings }
}

#[cfg(test)]
mod tests {
    use super::super::Outcome::{Failure, Ok as Good};
    use super::super::tests::{machine, outcomes};
    use super::*;
    use crate::rt::{Asked, SchedulerAsked, try_settings};
    use crate::store::PlaceStatus;

    fn told(up: bool, gateway: GatewayHold, health: Health) -> Held {
        let other = SchedulerAsked::Other { nice: 1 };
        let asked = Asked { scheduler: other, cpu: None, lock_memory: false, no_deep_sleep: false };
        let last_down = "refused".to_owned();
        let link = LinkState { url: String::new(), up, conn: 3, last_down, reports_delivered: 7, reports_waiting: 0 };
        let place = PlaceStatus {
            directory: "/run/x".to_owned(),
            health,
            writes: 0,
            bytes: 0,
            syncs: 0,
            failures: 0,
            damaged: 0,
        };
        let store = StoreStatus { volatile: Some(place), durable: None };
        held(&try_settings(asked).unwrap(), &InUse::Sim, &link, &store, gateway)
    }

    #[test]
    fn an_agent_in_good_order_says_so() {
        let told = told(true, GatewayHold::Leased { left_ms: 9 }, Health::Ok);
        let outcomes = outcomes(&told.findings);
        assert!(told.connected);
        for check in ["realtime.nice", "gpio.lines", "broker.session", "rights.command", "rights.report"] {
            assert!(outcomes.contains(&(check, Good)), "{check}: {outcomes:?}");
        }
    }

    #[test]
    fn what_troubles_a_running_agent_is_told() {
        let told = told(false, GatewayHold::Unlimited, Health::Failing { why: "no space".to_owned() });
        let outcomes = outcomes(&told.findings);
        assert!(!told.connected && !outcomes.iter().any(|(check, _)| check.starts_with("rights")), "{outcomes:?}");
        assert!(
            outcomes.contains(&("broker.agent", Failure)) && outcomes.contains(&("store.volatile.health", Failure))
        );
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
    }
}
