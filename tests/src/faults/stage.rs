//! Where a scenario is played: one of everything, and what was agreed on.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use demo::broker::{Broker, Kind};
use shared_proto::ids::DeviceId;
use shared_proto::mode::{Mode, ModeSource};
use tempfile::TempDir;

use super::Scale;
use super::balance::{self, ControllerKnows, Killed, Losses, Seen};
use super::outcome::{Figure, Outcome};
use super::phase::{Mark, Phases};
use crate::proxy::Proxy;
use crate::site::{Agent, AgentPlan, Controller, Detail, Recorder, Trouble, pause, wait_for};

const DEVICE: &str = "device1";
/// Releases per second: enough for a 99th percentile of a few seconds.
const PERIOD_MS: &str = "4";
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
    _dir: TempDir,
}

impl Stage {
    /// Starts everything, and lets a quiet time pass.
    pub(super) fn open(scale: Scale, conditions: Conditions) -> Result<Self, Trouble> {
        let broker = Broker::start(Kind::Mosquitto { extra: None })?;
        let dir = tempfile::tempdir().map_err(Trouble::system("a temporary directory"))?;
        let home = |name: &str| -> Result<PathBuf, Trouble> {
            let home = dir.path().join(name);
            std::fs::create_dir_all(&home).map_err(Trouble::system(home.display().to_string()))?;
            Ok(home)
        };
        let recorder = Recorder::connect(&broker.url(), Detail::Latencies)?;
        let controller = Controller::start(&broker.url(), &home("controller")?)?;
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, broker.port()));
        let proxy = conditions.proxy.map_or_else(|| Proxy::to(to, 1), |at| Proxy::at(at, to, 1));
        let proxy = proxy.map_err(Trouble::system("the proxy"))?;
        let mut plan = AgentPlan { device: DEVICE.to_owned(), broker: proxy.url(), ..conditions.agent };
        // What the scenario says comes last and wins.
        plan.keys.insert(0, ("task.period_ms".to_owned(), PERIOD_MS.to_owned()));
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
            _dir: dir,
        };
        stage.wish(Mode::Degraded)?;
        stage.agree()?;
        let begin = stage.mark()?;
        pause(scale.seconds(2, 20))?;
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
        let last = self.agent.status()?;
        self.agent.kill();
        self.killed.push(Killed { boot: last.boot, total: last.total });
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
        let last_change = self.agree()?;
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
        outcome.figures.push(Figure::seconds("last change of mode", last_change, Some(AGREED_WITHIN)));
        if let Some(worst) = books.reconnections.iter().max() {
            outcome.figures.push(Figure::seconds("reconnection to agreed mode", *worst, Some(AGREED_WITHIN)));
        }
        Ok(outcome)
    }
}
