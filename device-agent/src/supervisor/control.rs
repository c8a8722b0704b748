//! Requests on the control socket: `device-agent status` and `device-agent hold`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use shared_host::control::{ControlError, Incoming, Server, serve};
use shared_host::tree;
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::units::Ratio;
use shared_proto::wire::{Host, Setting, Task, Totals};

use super::Supervisor;
use super::table::table;
use crate::agent::CommandCounts;
use crate::gpio::{InUse, Level, Line, Simulated};
use crate::host::Platform;
use crate::keeper::StoreStatus;
use crate::mode::GatewayHold;
use crate::time::MonoTime;

/// What may be asked of a running agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "lowercase", try_from = "Written")]
pub enum Request {
    /// How it is.
    Status,
    /// The same for people: the answer is [`Shown`].
    Table,
    /// What it holds, for `device-agent doctor`, which must not try that itself: the answer is [`Shown`].
    Held,
    /// Hold a mode, or let go (`null`).
    Hold {
        /// The mode to hold.
        mode: Option<Mode>,
    },
    /// Drive a simulated input, as a sensor, a button or a wire would. Refused for other lines.
    Drive {
        /// The line.
        line: Line,
        /// Its level from now on.
        level: Level,
    },
}

/// A request as it is written: all its members at once. To read it as the tagged enum that it is, serde would keep them in a form
/// for any JSON until it knows the request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    request: Name,
    mode: Option<Mode>,
    line: Option<Line>,
    level: Option<Level>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Name {
    Status,
    Table,
    Held,
    Hold,
    Drive,
}

/// Members that do not make up the request.
#[derive(Debug, thiserror::Error)]
#[error("allowed beside `request`: `mode` for hold; `line` and `level`, both, for drive; nothing for the others")]
struct Misfit;

impl TryFrom<Written> for Request {
    type Error = Misfit;

    fn try_from(Written { request, mode, line, level }: Written) -> Result<Self, Misfit> {
        match (request, mode, line, level) {
            (Name::Status, None, None, None) => Ok(Self::Status),
            (Name::Table, None, None, None) => Ok(Self::Table),
            (Name::Held, None, None, None) => Ok(Self::Held),
            (Name::Hold, mode, None, None) => Ok(Self::Hold { mode }),
            (Name::Drive, None, Some(line), Some(level)) => Ok(Self::Drive { line, level }),
            _ => Err(Misfit),
        }
    }
}

/// How a running agent is: the answer to every request but [`Request::Table`] and [`Request::Held`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Answer {
    /// Name of the device.
    pub device: String,
    /// This run.
    pub boot: String,
    /// Version of the program.
    pub version: String,
    /// The program that runs, as the system knows it; empty if it does not tell.
    #[serde(default)]
    pub program: String,
    /// Effective mode.
    pub mode: Mode,
    /// Who decided it.
    pub mode_source: ModeSource,
    /// Why.
    pub reason: String,
    /// What the device protects itself against at present, also when its task cannot follow because it is stalled.
    pub danger: Option<String>,
    /// How long it has held, in milliseconds.
    pub mode_age_ms: u64,
    /// The gateway's hold on the device.
    pub gateway: GatewayHold,
    /// The task in this mode.
    pub task: Task,
    /// Counts since the start.
    pub total: Totals,
    /// Miss rate of the latest report.
    pub miss_rate: Ratio,
    /// The connection to the broker.
    pub link: LinkState,
    /// Where reports outlive the process.
    #[serde(default)]
    pub store: StoreStatus,
    /// What became of the commands.
    pub commands: CommandCounts,
    /// Real-time settings.
    pub settings: Vec<Setting>,
    /// Cost of a job beyond its workload in nanoseconds.
    pub self_overhead_ns: u32,
    /// The machine.
    pub host: Host,
    /// What the GPIO lines are on.
    #[serde(default)]
    pub gpio: Option<InUse>,
    /// Board and kernel.
    #[serde(default)]
    pub platform: Platform,
    /// Simulated lines and their levels; empty on real ones.
    pub sim_lines: BTreeMap<u8, Level>,
}

/// How a running agent is, for people.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Shown {
    /// Lines of text.
    pub table: String,
}

/// The connection to the broker.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LinkState {
    /// Address of the broker.
    pub url: String,
    /// Whether it is connected.
    pub up: bool,
    /// Number of the attempt to connect.
    pub conn: u64,
    /// Why the last connection ended.
    pub last_down: String,
    /// Reports acknowledged by the broker.
    pub reports_delivered: u64,
    /// Reports that wait.
    pub reports_waiting: usize,
}

/// The socket, or nothing.
pub(super) struct ControlSocket(Option<Server<Request>>);

impl ControlSocket {
    pub(super) fn open(path: Option<&Path>) -> Result<Self, ControlError> {
        path.map(serve).transpose().map(Self)
    }

    /// The next request; never, without a socket.
    pub(super) async fn next(&mut self) -> Incoming<Request> {
        match &mut self.0 {
            Some(server) => server.next().await,
            None => std::future::pending().await,
        }
    }
}

impl Supervisor {
    /// Does what is asked, and answers how things are.
    pub(super) fn control_request(&mut self, incoming: Incoming<Request>) {
        match incoming.request {
            Request::Status => {}
            Request::Table => return incoming.reply.send(&Shown { table: table(&self.answer()) }),
            Request::Held => {
                let table = super::held(&self.answer(), &self.rt.granted.advice);
                return incoming.reply.send(&Shown { table });
            }
            Request::Hold { mode } => self.agent.hold(mode, MonoTime::now()),
            Request::Drive { line, level } => {
                let driven = match &self.sim {
                    Some(sim) => sim.drive(line, level).map_err(|error| error.to_string()),
                    None => Err("the lines are real: only simulated inputs are driven by request".to_owned()),
                };
                if let Err(why) = driven {
                    return incoming.reply.refuse(why);
                }
            }
        }
        incoming.reply.send(&self.answer());
    }

    fn answer(&mut self) -> Answer {
        let agent = &self.agent;
        let effective = agent.effective();
        Answer {
            device: agent.identity().device.to_string(),
            boot: agent.identity().boot.to_string(),
            version: env!("CARGO_PKG_VERSION").into(),
            program: std::env::current_exe().map_or_else(|_| String::new(), |path| path.display().to_string()),
            mode: effective.mode,
            mode_source: effective.source,
            reason: effective.reason.to_string(),
            danger: agent.danger_seen().map(ToString::to_string),
            mode_age_ms: agent.mode_age_ms(MonoTime::now()),
            gateway: agent.gateway(MonoTime::now()),
            task: agent.plan().task(agent.plan().timing.period_ns(effective.mode)),
            total: agent.total(),
            miss_rate: agent.miss_rate(),
            link: self.link.state(agent.waiting()),
            store: self.store.status(),
            commands: *agent.counts(),
            settings: self.rt.granted.settings.iter().cloned().collect(),
            self_overhead_ns: self.rt.self_overhead_ns,
            host: self.observer.host().clone(),
            gpio: Some(self.lines_in_use.clone()),
            platform: self.platform.clone(),
            sim_lines: tree::map(self.sim.iter().flat_map(Simulated::levels).map(|(line, level)| (line.into(), level))),
        }
    }
}

#[cfg(test)]
mod tests {
    use shared_host::control::parse_request;

    use super::*;

    #[test]
    fn every_request_is_read_as_it_was_written() {
        let drive = Request::Drive { line: Line::try_from(17).unwrap(), level: Level::High };
        let holds = [None, Some(Mode::Degraded)].map(|mode| Request::Hold { mode });
        for request in [Request::Status, Request::Table, Request::Held, drive].into_iter().chain(holds) {
            let line = serde_json::to_vec(&request).unwrap();
            assert_eq!(parse_request(&line), Ok(request));
        }
        assert_eq!(parse_request(br#"{"request":"hold"}"#), Ok(Request::Hold { mode: None }));
    }

    #[test]
    fn members_that_do_not_belong_are_refused() {
        let refusal = |line: &str| parse_request::<Request>(line.as_bytes()).unwrap_err();
        for line in [
            r#"{"request":"drive","line":17}"#,
            r#"{"request":"drive","level":"high"}"#,
            r#"{"request":"drive","line":17,"level":"high","mode":"NORMAL"}"#,
            r#"{"request":"hold","line":17}"#,
            r#"{"request":"status","mode":"NORMAL"}"#,
        ] {
            assert!(refusal(line).contains(&Misfit.to_string()), "{line}");
        }
        assert!(refusal(r#"{"request":"hold","modes":null}"#).contains("unknown field `modes`"));
        assert!(refusal(r#"{"request":"drive","line":28,"level":"high"}"#).contains("allowed are 0 to 27"));
    }
}
