//! Where a scenario is played: one of everything, and what was agreed on.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use demo::broker::{Broker, Certificates, Kind, free_port};
use shared_proto::ids::DeviceId;
use shared_proto::mode::{Mode, ModeSource};
use tempfile::TempDir;

use super::Scale;
use super::balance::{self, ControllerKnows, Killed, Losses, OPEN_WINDOWS, Seen};
use super::outcome::{Figure, Outcome};
use super::phase::{Mark, Phases};
use crate::proxy::Proxy;
use crate::site::{Agent, AgentPlan, Controller, Detail, Recorder, Trouble, pause, wait_for};

const DEVICE: &str = "device1";
/// Releases per second: enough for a 99th percentile of a few seconds.
pub(super) const PERIOD: Duration = Duration::from_millis(4);
/// What arrives after the last word of the agent arrives soon.
const LAST_REPORT: Duration = Duration::from_secs(10);
/// A device that is back has the wanted mode within this time.
const AGREED_WITHIN: Duration = Duration::from_secs(5);

/// What is different from an ordinary stage.
#[derive(Debug, Clone, Default)]
pub(super) struct Conditions {
    pub(super) agent: AgentPlan,
    /// Where the proxy listens, if not on this machine's loopback.
    pub(super) proxy: Option<SocketAddr>,
    /// Whether agent and broker know each other by certificate.
    pub(super) encryption: Encryption,
}

/// What protects the link between agent and broker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Encryption {
    /// Nothing.
    #[default]
    Plain,
    /// Certificates for both.
    Tls,
}

/// One of everything; all end with it.
pub(super) struct Stage {
    pub(super) agent: Agent,
    pub(super) controller: Controller,
    pub(super) proxy: Proxy,
    pub(super) recorder: Recorder,
    pub(super) broker: Broker,
    pub(super) device: DeviceId,
    pub(super) killed: Vec<Killed>,
    /// Whether the whole device's story was heard by the controller that is running.
    pub(super) controller_knows: ControllerKnows,
    quiet: [Mark; 2],
    _certificates: Option<Certificates>,
    _dir: TempDir,
}

/// A broker that lets everybody in, and on a second port whoever has a certificate.
fn open_broker(encryption: Encryption) -> Result<(Broker, Option<(Certificates, u16)>), Trouble> {
    if encryption == Encryption::Plain {
        return Ok((Broker::start(Kind::Mosquitto { extra: None })?, None));
    }
    let certificates = Certificates::make(DEVICE)?;
    let port = free_port().map_err(Trouble::system("a port"))?;
    let extra = format!("allow_anonymous true\n{}", certificates.listener(port));
    Ok((Broker::start(Kind::Mosquitto { extra: Some(extra) })?, Some((certificates, port))))
}

impl Stage {
    /// Starts everything, and lets a quiet time pass.
    pub(super) fn open(scale: Scale, conditions: Conditions) -> Result<Self, Trouble> {
        let (broker, certificates) = open_broker(conditions.encryption)?;
        let dir = tempfile::tempdir().map_err(Trouble::system("a temporary directory"))?;
        let home = |name: &str| -> Result<PathBuf, Trouble> {
            let home = dir.path().join(name);
            std::fs::create_dir_all(&home).map_err(Trouble::system(home.display().to_string()))?;
            Ok(home)
        };
        let recorder = Recorder::connect(&broker.url(), Detail::Latencies)?;
        let controller = Controller::start(&broker.url(), &home("controller")?)?;
        let port = certificates.as_ref().map_or(broker.port(), |(_, port)| *port);
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let proxy = conditions.proxy.map_or_else(|| Proxy::to(to, 1), |at| Proxy::at(at, to, 1));
        let proxy = proxy.map_err(Trouble::system("the proxy"))?;
        let mut plan = AgentPlan { device: DEVICE.to_owned(), broker: proxy.url(), ..conditions.agent };
        // What the scenario says comes last and wins.
        plan.keys.insert(0, ("task.period_ms".to_owned(), PERIOD.as_millis().to_string()));
        if let Some((certificates, _)) = &certificates {
            let keys = certificates.keys(proxy.address().port());
            plan.keys.extend(keys.map(|(key, value)| (key.to_owned(), value)));
        }
        let agent = Agent::start(plan, &home(DEVICE)?)?;
        let device = DEVICE.parse().map_err(std::io::Error::other).map_err(Trouble::system("name of the device"))?;
        let mut stage = Self {
            agent,
            controller,
            proxy,
            recorder,
            broker,
            device,
            killed: Vec::new(),
            controller_knows: ControllerKnows::Everything,
            quiet: Default::default(),
            _certificates: certificates.map(|(certificates, _)| certificates),
            _dir: dir,
        };
        stage.wish(Mode::Degraded)?;
        stage.agree()?;
        let begin = stage.mark()?;
        pause(scale.seconds(1, 20))?;
        stage.quiet = [begin, stage.mark()?];
        // The first connection is none again.
        stage.recorder.ledger().device(&stage.device).reconnections.clear();
        Ok(stage)
    }

    /// How far the agent's task has come.
    pub(super) fn mark(&mut self) -> Result<Mark, Trouble> {
        self.agent.status().map(|answer| Mark { boot: answer.boot, jobs: answer.total.jobs })
    }

    fn wish(&mut self, mode: Mode) -> Result<(), Trouble> {
        self.recorder.ledger().device(&self.device).wanted = Some(mode);
        self.controller.wish(&self.device, mode)
    }

    /// Has the controller want the other mode, so that there is something to agree on.
    pub(super) fn want_the_other_mode(&mut self) -> Result<(), Trouble> {
        let wanted = self.recorder.ledger().device(&self.device).wanted;
        self.wish(if wanted == Some(Mode::Normal) { Mode::Degraded } else { Mode::Normal })
    }

    /// Waits until the device has the wanted mode by the gateway's word; how long that took.
    pub(super) fn agree(&mut self) -> Result<Duration, Trouble> {
        let start = Instant::now();
        let (recorder, device) = (&self.recorder, &self.device);
        wait_for("agreement on the wanted mode", || {
            Ok(recorder.ledger().device(device).agrees().then(|| start.elapsed()))
        })
    }

    /// The same by the controller's word: the recorder may have been away when the device told it.
    pub(super) fn agree_at_the_controller(&mut self) -> Result<Duration, Trouble> {
        let start = Instant::now();
        let wanted = self.recorder.ledger().device(&self.device).wanted;
        self.controller.view(&self.device, "agreement on the wanted mode, by the controller", |view| {
            view.mode == wanted && view.mode_source == Some(ModeSource::Gateway)
        })?;
        Ok(start.elapsed())
    }

    /// Waits until the agent has noticed that it has no connection.
    pub(super) fn wait_until_link_down(&mut self) -> Result<(), Trouble> {
        self.agent.status_where("the agent notices that its link is dead", |status| !status.link.up).map(drop)
    }

    /// Waits until the recorder has heard of the agent's next connection, which all earlier ones came before; the number of
    /// messages then.
    pub(super) fn message_of_next_birth(&mut self) -> Result<u64, Trouble> {
        let conn = self.agent.status_where("the agent is back", |status| status.link.up)?.link.conn;
        let (recorder, device) = (&self.recorder, &self.device);
        wait_for("word of the agent's new connection", || {
            let mut ledger = recorder.ledger();
            let arrived = ledger.arrived;
            Ok(ledger.device(device).born.filter(|(_, born)| *born == conn).map(|_| arrived))
        })
    }

    /// Kills the agent, and remembers what it had counted.
    pub(super) fn kill_agent(&mut self) -> Result<(), Trouble> {
        self.kill_agent_at_risk(OPEN_WINDOWS)
    }

    /// The same where more windows than usual may be missing at the end.
    pub(super) fn kill_agent_at_risk(&mut self, windows: u64) -> Result<(), Trouble> {
        let last = self.agent.status()?;
        self.agent.kill();
        self.killed.push(Killed { boot: last.boot, total: last.total, windows_at_risk: windows });
        Ok(())
    }

    /// Ends the agent in good order: nothing of what it counted may be missing.
    pub(super) fn stop_agent(&mut self) -> Result<(), Trouble> {
        let boot = self.agent.status()?.boot;
        let total = self.agent.terminate()?.total;
        self.killed.push(Killed { boot, total, windows_at_risk: 0 });
        Ok(())
    }

    /// Lets everything come back, ends the agent in good order, and judges.
    pub(super) fn finish(
        mut self,
        done: impl Into<String>,
        losses: Losses,
        figures: Vec<Figure>,
    ) -> Result<Outcome, Trouble> {
        self.proxy.heal();
        self.agent.status_where("the agent is back, and its backlog delivered", |status| {
            status.link.up && status.link.reports_waiting <= 1 && status.mode_source == ModeSource::Gateway
        })?;
        let end = self.mark()?;
        self.want_the_other_mode()?;
        let last_change = if losses == Losses::NoneAtTheController {
            let agreed = self.agree_at_the_controller()?;
            // Only a running agent can send again what the controller asks for.
            self.controller.view(&self.device, "every window at the controller", |view| view.missing_jobs == 0)?;
            agreed
        } else {
            self.agree()?
        };
        let last_words = self.agent.terminate()?;

        let patience = Instant::now() + LAST_REPORT;
        let mut seen = Seen { boot: end.boot.clone(), last_words, killed: self.killed.clone(), ..Seen::default() };
        let judged = loop {
            seen.view = Some(self.controller.view(&self.device, "the controller's view of the device", |_| true)?);
            let judged =
                balance::judge(&seen, self.recorder.ledger().device(&self.device), &losses, self.controller_knows);
            if judged.problems.is_empty() || Instant::now() > patience {
                break judged;
            }
            pause(Duration::from_millis(50))?;
        };
        self.controller.terminate()?;

        let mut ledger = self.recorder.ledger();
        let books = ledger.device(&self.device);
        let phases = Phases::of(books, &self.quiet, &end);
        let mut outcome = Outcome::judged(done.into(), judged, phases);
        outcome.reconnections = books.reconnections.len();
        outcome.worst_reconnection_s = books.reconnections.iter().max().map(Duration::as_secs_f64);
        outcome.duplicates = books.duplicates();
        outcome.figures = figures;
        #[expect(clippy::cast_precision_loss, reason = "releases of an hour")]
        if losses == Losses::NoneAtTheController {
            let unheard = outcome.balance.unheard_by_recorder as f64;
            outcome.figures.push(Figure::new(
                "jobs that the recorder, who does not ask, did not hear of",
                unheard,
                "",
                None,
            ));
        }
        outcome.figures.push(Figure::seconds("last change of mode", last_change, Some(AGREED_WITHIN)));
        if let Some(worst) = books.reconnections.iter().max() {
            outcome.figures.push(Figure::seconds("reconnection to agreed mode", *worst, Some(AGREED_WITHIN)));
        }
        Ok(outcome)
    }
}
