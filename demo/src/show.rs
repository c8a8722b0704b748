//! The show: starts everything, lets the load come and go, prints what happens, ends in good order.

use std::io::{self, Write};
use std::time::Duration;

use device_agent::supervisor::{RunError, Summary as AgentSummary};
use gateway_controller::run::StartError;
use shared_host::config::ConfigError;
use shared_host::mqtt::BrokerUrl;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::broker::{BrokerError, open_broker};
use crate::cast::{Cast, device_names, topic_root};
use crate::cleanup::clear_retained;
use crate::cli::Demo;
use crate::interrupts::Interrupts;
use crate::stage::Broken;
use crate::story::{Load, Story};
use crate::summary::Summary;
use crate::table;

/// Rest before the load, its length, and the time until it comes again: recovery takes about seven seconds from the last
/// miss (five until the miss window is clean, two of calm windows), so that the load is gone when it comes.
pub(crate) const LOAD_BEGINS: Duration = Duration::from_secs(4);
pub(crate) const LOAD_ENDS: Duration = Duration::from_secs(10);
pub(crate) const CYCLE: Duration = Duration::from_secs(28);
/// Time between the lines of the table.
pub(crate) const LINE: Duration = Duration::from_millis(500);
/// How long the first report of each device may take, and the last ones.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

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
    Controller(#[from] StartError),
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
    /// The controller or an agent ended.
    #[error("{0}: it has ended by itself")]
    Ended(String),
    /// Somebody did not want to wait.
    #[error("interrupted")]
    Interrupted,
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
    let mut interrupts = Interrupts::new()?;
    let mut screen = Screen::new(demo);
    let (broker, url) = open_broker(demo.broker.as_ref())?;
    let kind = if broker.is_some() { "embedded (rumqttd), " } else { "" };
    screen.print(&format!("broker      {kind}{url}\n"));
    let (mut cast, mut story) = (Cast::new(broker), Story::default());
    let played = play(demo, &url, &mut cast, &mut story, &mut screen, &mut interrupts).await;
    let agents = tokio::select! {
        agents = close(demo, &url, &mut cast, &mut story, played) => agents?,
        // Whoever asks twice does not want to wait.
        () = interrupts.next() => return Err(ShowError::Interrupted),
    };
    let summary = Summary::new(&agents, &story);
    screen.print(&table::summary(&summary));
    Ok(summary)
}

/// From the first to the last line of the table.
async fn play(
    demo: &Demo,
    url: &BrokerUrl,
    cast: &mut Cast,
    story: &mut Story,
    screen: &mut Screen,
    interrupts: &mut Interrupts,
) -> Result<(), ShowError> {
    cast.assemble(demo, url, screen)?;
    tokio::select! {
        reported = cast.await_first_reports(story) => reported?,
        () = interrupts.next() => return Err(ShowError::Interrupted),
    }
    screen.print(&table::head());
    perform(demo, cast, story, screen, interrupts).await
}

/// The end, after success and failure alike; nothing is left on a broker of others.
pub(crate) async fn close(
    demo: &Demo,
    url: &BrokerUrl,
    cast: &mut Cast,
    story: &mut Story,
    played: Result<(), ShowError>,
) -> Result<Vec<AgentSummary>, ShowError> {
    let ended = match played {
        Ok(()) => cast.curtain(story).await,
        Err(error) => Err(error),
    };
    if ended.is_err() {
        cast.dismiss().await;
    }
    if demo.broker.is_some() {
        let root = topic_root();
        let topics = device_names(demo).map(|device| format!("{root}/{device}/status")).collect();
        clear_retained(url, &format!("{root}-cleanup"), topics).await;
    }
    ended
}

/// Where the live output goes: standard output is kept for the summary if that is wanted as JSON.
pub(crate) struct Screen {
    out: Box<dyn Write>,
}

impl Screen {
    fn new(demo: &Demo) -> Self {
        Self { out: if demo.json { Box::new(io::stderr()) } else { Box::new(io::stdout()) } }
    }

    /// A reader that has gone is no reason to end.
    pub(crate) fn print(&mut self, text: &str) {
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }
}

/// The load comes and goes.
async fn perform(
    demo: &Demo,
    cast: &mut Cast,
    story: &mut Story,
    screen: &mut Screen,
    interrupts: &mut Interrupts,
) -> Result<(), ShowError> {
    let begin = Instant::now();
    let end = demo.seconds.map(|seconds| begin + Duration::from_secs(seconds.get()));
    let seconds = || begin.elapsed().as_secs_f64();
    let mut lines = interval(LINE);
    lines.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut switches = LoadSwitches::new(begin);
    loop {
        tokio::select! {
            _ = lines.tick() => {
                cast.look_for_the_dead().await?;
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
            () = interrupts.next() => return Ok(()),
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
