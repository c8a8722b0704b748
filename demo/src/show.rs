//! The show: starts everything, lets the load come and go, prints what happens, ends in good order.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use device_agent::supervisor::{RunError, Summary as AgentSummary};
use gateway_controller::event::Record;
use shared_host::config::ConfigError;
use shared_host::control::ControlError;
use shared_host::mqtt::BrokerUrl;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout_at};

use crate::broker::{Broker, BrokerError, open_broker};
use crate::cleanup::clear_retained;
use crate::cli::Demo;
use crate::stage::{Broken, Running, agent_config, start_agent, start_controller};
use crate::story::{Load, Story};
use crate::summary::Summary;
use crate::table;
use device_agent::load::{Hog, cpus_for_tasks};

/// Rest before the load, its length, and the time until it comes again: recovery takes about seven seconds from the last
/// miss (five until the miss window is clean, two of calm windows), so that the load is gone when it comes.
const LOAD_BEGINS: Duration = Duration::from_secs(4);
const LOAD_ENDS: Duration = Duration::from_secs(10);
const CYCLE: Duration = Duration::from_secs(28);
/// Time between the lines of the table.
const LINE: Duration = Duration::from_millis(500);
/// How long the first report of each device may take, and the last ones.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why the demo failed.
#[derive(Debug, thiserror::Error)]
pub enum ShowError {
    /// No broker.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// A configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The controller failed.
    #[error("controller: {0}")]
    Controller(#[from] ControlError),
    /// An agent failed.
    #[error("agent: {0}")]
    Agent(#[from] RunError),
    /// A component broke.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// The system refused something.
    #[error(transparent)]
    System(#[from] io::Error),
    /// The embedded broker ended.
    #[error("the embedded broker has ended by itself")]
    BrokerEnded,
    /// The two ends have counted differently.
    #[error("the totals of devices and gateway do not agree")]
    Disagreement,
    /// Mode changes stayed out.
    #[error("after {0} mode changes no further one came within {s} s: what was measured is not a sample of all", s = PATIENCE.as_secs())]
    TooFewChanges(usize),
    /// Nothing arrived.
    #[error("{0} of {1} devices did not report within {s} s; is the broker reachable?", s = PATIENCE.as_secs())]
    Silent(usize, usize),
}

/// Runs the demo.
///
/// # Errors
/// [`ShowError`] says which part failed.
pub async fn show(demo: &Demo) -> Result<Summary, ShowError> {
    let mut screen = Screen::new(demo);
    let (broker, url) = open_broker(demo.broker.as_ref())?;
    let kind = if broker.is_some() { "embedded (rumqttd), " } else { "" };
    screen.print(&format!("broker      {kind}{url}\n"));
    let mut cast = Cast::assemble(demo, broker, &url, &mut screen)?;
    let mut story = Story::default();
    cast.await_first_reports(&mut story).await?;
    screen.print(&table::head());
    perform(demo, &mut cast, &mut story, &mut screen).await?;
    let agents = cast.curtain(&mut story).await?;
    if demo.broker.is_some() {
        let root = topic_root();
        let topics = agents.iter().map(|agent| format!("{root}/{}/status", agent.device)).collect();
        clear_retained(&url, &format!("{root}-cleanup"), topics).await;
    }
    let summary = Summary::new(&agents, &story);
    screen.print(&table::summary(&summary));
    Ok(summary)
}

/// Where the live output goes: standard output is kept for the summary if that is wanted as JSON.
struct Screen {
    out: Box<dyn Write>,
}

impl Screen {
    fn new(demo: &Demo) -> Self {
        Self { out: if demo.json { Box::new(io::stderr()) } else { Box::new(io::stdout()) } }
    }

    /// A reader that has gone is no reason to end.
    fn print(&mut self, text: &str) {
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }
}

type Agent = Running<Result<AgentSummary, RunError>>;

/// Everyone on the stage.
struct Cast {
    broker: Option<Broker>,
    agents: Vec<Agent>,
    controller: Running<Result<(), ControlError>>,
    hogs: Vec<Hog>,
    events: UnboundedReceiver<Record>,
    load: Load,
}

impl Cast {
    fn assemble(demo: &Demo, broker: Option<Broker>, url: &BrokerUrl, screen: &mut Screen) -> Result<Self, ShowError> {
        let (sender, events) = unbounded_channel();
        let root = topic_root();
        let mut config = gateway_controller::config::Config::embedded(url.clone())?;
        config.root = root.parse().map_err(io::Error::other)?;
        config.mqtt.client_id = format!("{root}-controller");
        let controller = start_controller(config, move |record| {
            // Nobody listens any more at the very end.
            let _ = sender.send(record);
        })?;
        screen.print("controller  policy: degrade above 5 % misses, recover after calm\n");

        let cpus = cpus_for_tasks()?;
        let mut on_cpu: BTreeMap<u16, usize> = BTreeMap::new();
        let places: Vec<u16> = cpus.iter().copied().cycle().take(demo.agents.into()).collect();
        for cpu in &places {
            *on_cpu.entry(*cpu).or_default() += 1;
        }
        let agents = places.iter().enumerate().map(|(number, cpu)| {
            let sharing = on_cpu.get(cpu).copied().unwrap_or(1);
            Ok(start_agent(agent_config(&task(demo, url, &root, number + 1, *cpu, sharing))?)?)
        });
        let agents = agents.collect::<Result<Vec<Agent>, ShowError>>()?;
        let scheduler = if demo.realtime { "SCHED_FIFO 80 if it is granted" } else { "the ordinary scheduler" };
        screen.print(&format!(
            "devices     {} with a period of 20 ms, {scheduler}; each job takes 70 % of the CPU in NORMAL, 30 % in DEGRADED{}\n",
            demo.agents,
            if agents.len() > on_cpu.len() { ", divided by the devices that share a CPU" } else { "" }
        ));
        // As many hogs as tasks on a CPU: each task's fair share is then half of what it has alone.
        let hogs: Vec<Hog> = on_cpu.iter().map(|(cpu, tasks)| Hog::new(*cpu, *tasks)).collect();
        screen.print(&format!(
            "load        from {} s to {} s, and again every {} s\n",
            LOAD_BEGINS.as_secs(),
            LOAD_ENDS.as_secs(),
            CYCLE.as_secs()
        ));
        Ok(Self { broker, agents, controller, hogs, events, load: Load::Off })
    }

    async fn await_first_reports(&mut self, story: &mut Story) -> Result<(), ShowError> {
        let patience = Instant::now() + PATIENCE;
        loop {
            let reported = story.devices().filter(|(_, device)| device.latest.is_some()).count();
            if reported == self.agents.len() {
                return Ok(());
            }
            match timeout_at(patience, self.events.recv()).await {
                Ok(Some(record)) => drop(story.tell(record.event, self.load)),
                Ok(None) | Err(_) => {
                    self.look_for_the_dead()?;
                    return Err(ShowError::Silent(self.agents.len() - reported, self.agents.len()));
                }
            }
        }
    }

    fn set_load(&mut self, load: Load) {
        self.load = load;
        for hog in &self.hogs {
            match load {
                Load::On => hog.turn_on(),
                Load::Off => hog.turn_off(),
            }
        }
    }

    /// If a component has ended by itself, tells why.
    fn look_for_the_dead(&mut self) -> Result<(), ShowError> {
        if let Some(broker) = &mut self.broker
            && broker.has_ended()?
        {
            return Err(ShowError::BrokerEnded);
        }
        if let Some(at) = self.agents.iter().position(Running::has_ended) {
            self.agents.remove(at).stop()??;
        }
        Ok(())
    }

    /// The end: the devices stop and send their last reports, the gateway takes them in, then it stops too.
    async fn curtain(mut self, story: &mut Story) -> Result<Vec<AgentSummary>, ShowError> {
        self.set_load(Load::Off);
        let mut summaries = Vec::new();
        for agent in self.agents.drain(..) {
            summaries.push(agent.stop()??);
        }
        let patience = Instant::now() + PATIENCE;
        let missing =
            |story: &Story| summaries.iter().any(|agent| story.received(&agent.device).reports < agent.reports);
        while missing(story) {
            match timeout_at(patience, self.events.recv()).await {
                Ok(Some(record)) => drop(story.tell(record.event, self.load)),
                // The summary says that the totals do not agree.
                Ok(None) | Err(_) => break,
            }
        }
        self.controller.stop()??;
        Ok(summaries)
    }
}

/// Topics of this run alone: on a broker that others use, the demo neither hears nor commands their devices.
pub(crate) fn topic_root() -> String {
    format!("demo-{}", std::process::id())
}

/// Configuration of one device of `sharing` on its CPU.
fn task(
    demo: &Demo,
    url: &BrokerUrl,
    root: &str,
    number: usize,
    cpu: u16,
    sharing: usize,
) -> Vec<(&'static str, String)> {
    #[expect(clippy::cast_precision_loss, reason = "at most 64 devices")]
    let share = |ratio: f64| (ratio / sharing as f64).to_string();
    let mut values = vec![
        ("device.name", format!("pi-{number:02}")),
        ("mqtt.client_id", format!("{root}-pi-{number:02}")),
        ("topics.root", root.to_owned()),
        ("mqtt.url", url.to_string()),
        ("realtime.cpu", cpu.to_string()),
        ("spin.normal_ratio", share(0.7)),
        ("spin.degraded_ratio", share(0.3)),
        // The load shall show at the task, not at the thermometer.
        ("safety.max_temp_c", "0".into()),
    ];
    if !demo.realtime {
        values.push(("realtime.scheduler", "other".into()));
        values.push(("realtime.lock_memory", "false".into()));
        values.push(("realtime.no_deep_sleep", "false".into()));
    }
    values
}

/// From the first line of the table to the last.
async fn perform(demo: &Demo, cast: &mut Cast, story: &mut Story, screen: &mut Screen) -> Result<(), ShowError> {
    let begin = Instant::now();
    let end = demo.seconds.map(|seconds| begin + Duration::from_secs(seconds.get()));
    let seconds = || begin.elapsed().as_secs_f64();
    let mut lines = interval(LINE);
    lines.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut switches = LoadSwitches::new(begin);
    let mut terminate = signal(SignalKind::terminate())?;
    loop {
        tokio::select! {
            _ = lines.tick() => {
                cast.look_for_the_dead()?;
                screen.print(&table::rows(seconds(), story));
            }
            () = sleep_until(switches.at) => {
                cast.set_load(switches.to);
                screen.print(&table::load(seconds(), switches.to));
                switches.next();
            }
            Some(record) = cast.events.recv() => {
                if let Some(change) = story.tell(record.event, cast.load) {
                    screen.print(&table::change(seconds(), &change));
                }
            }
            () = sleep_until(end.unwrap_or(begin)), if end.is_some() => return Ok(()),
            pressed = tokio::signal::ctrl_c() => return Ok(pressed?),
            _ = terminate.recv() => return Ok(()),
        }
    }
}

/// When the load changes next.
struct LoadSwitches {
    cycle: Instant,
    at: Instant,
    to: Load,
}

impl LoadSwitches {
    fn new(begin: Instant) -> Self {
        Self { cycle: begin, at: begin + LOAD_BEGINS, to: Load::On }
    }

    fn next(&mut self) {
        (self.at, self.to) = match self.to {
            Load::On => (self.cycle + LOAD_ENDS, Load::Off),
            Load::Off => {
                self.cycle += CYCLE;
                (self.cycle + LOAD_BEGINS, Load::On)
            }
        };
    }
}
