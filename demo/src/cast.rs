//! Everyone on the stage: who comes, whether all are still there, and how they go.

use std::collections::BTreeMap;
use std::io;

use device_agent::supervisor::{RunError, Summary as AgentSummary};
use gateway_controller::event::Record;
use gateway_controller::run::StartError;
use gateway_controller::sink::EventSink;
use gateway_controller::web::Server;
use shared_host::mqtt::BrokerUrl;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, timeout, timeout_at};

use crate::broker::Broker;
use crate::cli::Demo;
use crate::error::ShowError;
use crate::page::{Page, Served};
use crate::schedule::{CYCLE, LINE, LOAD_BEGINS, LOAD_ENDS, PATIENCE};
use crate::screen::Screen;
use crate::stage::{Running, agent_config, start_agent, start_controller_asked};
use crate::story::{Load, Story};
use device_agent::load::{Hog, cpus_for_tasks};

type Agent = Running<Result<AgentSummary, RunError>>;

/// Everyone on the stage.
pub(crate) struct Cast {
    broker: Option<Broker>,
    agents: Vec<Agent>,
    controller: Option<Running<Result<(), StartError>>>,
    /// Watches the controller, so it goes after it.
    page: Option<Server>,
    hogs: Vec<Hog>,
    pub(crate) events: UnboundedReceiver<Record>,
    pub(crate) load: Load,
}

impl Cast {
    /// Nobody but the broker.
    pub(crate) fn new(broker: Option<Broker>) -> Self {
        let (_, nothing_yet) = unbounded_channel();
        Self {
            broker,
            agents: Vec::new(),
            controller: None,
            page: None,
            hogs: Vec::new(),
            events: nothing_yet,
            load: Load::Off,
        }
    }

    /// Everyone comes.
    pub(crate) fn assemble(&mut self, demo: &Demo, url: &BrokerUrl, screen: &mut Screen) -> Result<(), ShowError> {
        let root = topic_root();
        let mut config = gateway_controller::config::Config::embedded(url.clone())?;
        config.root = root.parse().map_err(io::Error::other)?;
        config.mqtt.client_id = format!("{root}-controller");
        self.start_controller(config, demo.page.unwrap_or_default())?;
        screen.print("controller  policy: degrade above 5 % misses, recover after calm\n");
        if let Some(page) = &self.page {
            screen.print(&format!("page        http://{}/\n", page.address()));
        }

        let cpus = cpus_for_tasks()?;
        let mut on_cpu: BTreeMap<u16, usize> = BTreeMap::new();
        let places: Vec<u16> = cpus.iter().copied().cycle().take(demo.agents.into()).collect();
        for cpu in &places {
            *on_cpu.entry(*cpu).or_default() += 1;
        }
        for (number, cpu) in (1..).zip(&places) {
            let sharing = on_cpu.get(cpu).copied().unwrap_or(1);
            self.agents.push(start_agent(agent_config(&task(demo, url, &root, number, *cpu, sharing))?)?);
        }
        let scheduler = if demo.realtime { "SCHED_FIFO 80 if it is granted" } else { "the ordinary scheduler" };
        screen.print(&format!(
            "devices     {} with a period of 20 ms, {scheduler}; each job takes 70 % of the CPU in NORMAL, 30 % in DEGRADED{}\n",
            demo.agents,
            if places.len() > on_cpu.len() { ", divided by the devices that share a CPU" } else { "" }
        ));
        // As many hogs as tasks on a CPU: each task's fair share is then half of what it has alone.
        self.hogs = on_cpu.iter().map(|(cpu, tasks)| Hog::new(*cpu, *tasks)).collect::<io::Result<_>>()?;
        screen.print(&format!(
            "load        from {} s to {} s, and again every {} s\n",
            LOAD_BEGINS.as_secs(),
            LOAD_ENDS.as_secs(),
            CYCLE.as_secs()
        ));
        Ok(())
    }

    fn start_controller(&mut self, config: gateway_controller::config::Config, page: Page) -> Result<(), ShowError> {
        let (teller, events) = unbounded_channel();
        self.events = events;
        let (mut feed, mut questions) = (None, None);
        if let Some(served) = page.serve(&config)? {
            let Served { server, feed: watcher, questions: asked } = served;
            (self.page, feed, questions) = (Some(server), Some(watcher), Some(asked));
        }
        let told = move |record: Record| {
            if let Some(feed) = &mut feed {
                feed.take(record.clone());
            }
            // Nobody listens any more at the very end.
            let _ = teller.send(record);
        };
        self.controller = Some(start_controller_asked(config, told, questions)?);
        Ok(())
    }

    /// Until every device has reported.
    pub(crate) async fn await_first_reports(&mut self, story: &mut Story) -> Result<(), ShowError> {
        let patience = Instant::now() + PATIENCE;
        loop {
            let reported = story.devices().filter(|(_, device)| device.latest.is_some()).count();
            if reported == self.agents.len() {
                return Ok(());
            }
            match timeout(LINE, self.events.recv()).await {
                Ok(Some(record)) => drop(story.tell(record.event, self.load)),
                Ok(None) | Err(_) => self.look_for_the_dead().await?,
            }
            if Instant::now() > patience {
                return Err(ShowError::Silent(self.agents.len() - reported, self.agents.len()));
            }
        }
    }

    /// Turns the hogs on or off.
    pub(crate) fn set_load(&mut self, load: Load) {
        self.load = load;
        for hog in &self.hogs {
            match load {
                Load::On => hog.turn_on(),
                Load::Off => hog.turn_off(),
            }
        }
    }

    /// If a component has ended by itself, tells why.
    pub(crate) async fn look_for_the_dead(&mut self) -> Result<(), ShowError> {
        if let Some(broker) = &mut self.broker
            && broker.has_ended()?
        {
            return Err(ShowError::BrokerEnded);
        }
        if let Some(controller) = self.controller.take_if(|controller| controller.has_ended()) {
            controller.stop().await??;
            return Err(ShowError::Ended("controller".to_owned()));
        }
        if let Some(at) = self.agents.iter().position(Running::has_ended) {
            let agent = self.agents.remove(at);
            let name = agent.name().to_owned();
            agent.stop().await??;
            return Err(ShowError::Ended(name));
        }
        Ok(())
    }

    /// The end: the devices stop and send their last reports, the gateway takes them in, then it stops too.
    pub(crate) async fn curtain(&mut self, story: &mut Story) -> Result<Vec<AgentSummary>, ShowError> {
        self.set_load(Load::Off);
        let mut summaries = Vec::new();
        for agent in self.agents.drain(..) {
            summaries.push(agent.stop().await??);
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
        if let Some(controller) = self.controller.take() {
            controller.stop().await??;
        }
        Ok(summaries)
    }

    /// After a failure, which has been told: whoever is left stops in good order.
    pub(crate) async fn dismiss(&mut self) {
        self.set_load(Load::Off);
        self.agents.iter_mut().for_each(Running::tell_to_stop);
        for agent in self.agents.drain(..) {
            let _ = agent.stop().await;
        }
        if let Some(controller) = self.controller.take() {
            let _ = controller.stop().await;
        }
    }
}

/// Names of the devices.
pub(crate) fn device_names(demo: &Demo) -> impl Iterator<Item = String> {
    (1..=demo.agents).map(|number| format!("pi-{number:02}"))
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

#[cfg(test)]
mod tests;
