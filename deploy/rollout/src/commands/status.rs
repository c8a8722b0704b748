//! `status`: what runs on devices.

use std::time::Duration;

use serde::Serialize;

use super::{Failure, print, table, who};
use crate::cli::Status;
use crate::device::{AgentFacts, Connections, Device, Facts, Ssh, Trouble};
use crate::inventory::{Inventory, Listed};
use crate::parallel::in_parallel;

/// Devices asked at once.
const AT_ONCE: usize = 16;

/// One device.
#[derive(Debug, Serialize)]
struct Line {
    host: String,
    name: Option<String>,
    /// Why there is nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreachable: Option<String>,
    release: Option<String>,
    previous: Option<String>,
    committed: bool,
    last_outcome: Option<String>,
    since_s: Option<u64>,
    agent: Option<AgentFacts>,
    /// Why the agent tells nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    silent: Option<String>,
}

pub(super) fn run(options: &Status) -> Result<(), Failure> {
    let inventory = match options.hosts.as_slice() {
        [file] if options.reach.inventory.is_none() && who::is_file(file) => {
            Inventory::load(file.as_ref(), std::env::vars_os())?
        }
        hosts => who::inventory(hosts, &options.reach)?,
    };
    let connections = Connections::open().map_err(Failure::failed)?;
    let lines = in_parallel(AT_ONCE, &inventory.devices, |_, listed| {
        line(listed, Ssh::new(listed.place.clone(), &connections).status())
    });
    if options.json {
        let text = serde_json::to_string_pretty(&lines).map_err(Failure::failed)?;
        print(&format!("{text}\n"))?;
    } else {
        print(&people(&lines))?;
    }
    let silent: Vec<_> = lines.iter().filter(|line| line.agent.is_none()).map(|line| line.host.as_str()).collect();
    if silent.is_empty() { Ok(()) } else { Err(Failure::failed(format_args!("no word of {}", silent.join(", ")))) }
}

fn line(listed: &Listed, status: Result<Facts, Trouble>) -> Line {
    let host = listed.place.host.clone();
    let text = |name: &crate::release::ReleaseName| name.to_string();
    match status {
        Err(trouble) => Line {
            host,
            name: listed.name.clone(),
            unreachable: Some(trouble.to_string()),
            release: None,
            previous: None,
            committed: false,
            last_outcome: None,
            since_s: None,
            agent: None,
            silent: None,
        },
        Ok(facts) => Line {
            host,
            name: listed.name.clone(),
            unreachable: None,
            release: facts.current.as_ref().map(text),
            previous: facts.previous.as_ref().map(text),
            committed: facts.pending.is_none(),
            last_outcome: Some(facts.outcome).filter(|words| !words.is_empty()),
            since_s: facts.age_s,
            silent: facts.agent.as_ref().err().cloned(),
            agent: facts.agent.ok(),
        },
    }
}

fn people(lines: &[Line]) -> String {
    let head = ["HOST", "DEVICE", "RELEASE", "COMMITTED", "VERSION", "MODE", "MISSES/JOBS", "RATE", "SINCE", "LINK"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for line in lines {
        let mut row = vec![line.host.clone()];
        let dash = || "-".to_owned();
        match (&line.unreachable, &line.agent) {
            (Some(why), _) => row.push(why.clone()),
            (None, agent) => {
                row.push(agent.as_ref().map(|agent| agent.device.clone()).or(line.name.clone()).unwrap_or_else(dash));
                row.push(line.release.clone().unwrap_or_else(dash));
                row.push(if line.committed { "yes" } else { "no" }.to_owned());
                match agent {
                    None => row.push(line.silent.clone().unwrap_or_else(dash)),
                    Some(agent) => row.extend([
                        agent.version.clone(),
                        agent.mode.to_string(),
                        format!("{}/{}", agent.total.misses, agent.total.jobs),
                        format!("{:.4}", agent.total.rate()),
                        line.since_s.map_or_else(dash, since),
                        if agent.link.up { "up" } else { "down" }.to_owned(),
                    ]),
                }
            }
        }
        rows.push(row);
    }
    table::aligned(&rows)
}

fn since(seconds: u64) -> String {
    let time = Duration::from_secs(seconds);
    match seconds {
        0..=119 => format!("{time:?}"),
        120..=7_199 => format!("{}min", seconds / 60),
        7_200..=172_799 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}
