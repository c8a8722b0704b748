//! The show: starts everything, lets the load come and go, prints what happens, ends in good order.

use std::time::Duration;

use device_agent::supervisor::Summary as AgentSummary;
use shared_host::mqtt::BrokerUrl;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::broker::open_broker;
use crate::cast::{Cast, device_names, topic_root};
use crate::cleanup::clear_retained;
use crate::cli::Demo;
use crate::error::ShowError;
use crate::interrupts::Interrupts;
use crate::schedule::{CYCLE, LINE, LOAD_BEGINS, LOAD_ENDS};
use crate::screen::Screen;
use crate::story::{Load, Story};
use crate::summary::Summary;
use crate::table;

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
