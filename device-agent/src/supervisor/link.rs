//! The session on a real connection.

use std::time::Duration;

use shared_host::lab_sign::Wall;
use shared_host::mqtt::{self, BrokerUrl, Event, Events, Publisher, Token};
use shared_proto::text::Reason;
use shared_proto::wire::{Departure, Status, Task};
use tokio::sync::watch;
use tracing::{info, warn};

use super::control::LinkState;
use super::observe::wall_clock_ms;
use crate::agent::Agent;
use crate::config::Config;
use crate::host::Platform;
use crate::link::{Plan, Session, Trust};
use crate::mode::Decision;
use crate::rt::Handle;
use crate::sys;
use crate::time::MonoTime;

/// How long the last acknowledgements and the good-bye may take.
const GOOD_BYE: Duration = Duration::from_millis(200);

/// The time of day, as far as this machine is sure of it.
fn wall() -> Wall {
    if sys::wall_clock_synced() { Wall::Synchronised(wall_clock_ms()) } else { Wall::Unknown }
}

/// The connection, and what is said on it.
pub(super) struct Link {
    session: Session,
    publisher: Publisher,
    events: Events,
    url: BrokerUrl,
    /// The status as it stands, for the wills.
    status: watch::Sender<Status>,
}

impl Link {
    /// Starts to connect.
    pub(super) fn start(config: &Config, agent: &Agent<Token>, trust: Trust, rt: &Handle, platform: &Platform) -> Self {
        let broker = &config.broker;
        let settings = rt.granted.settings.clone();
        let plan = Plan {
            client_id: &broker.client_id,
            root: &config.root,
            dialects: &config.dialects,
            trust,
            edgex: config.edgex,
            catch_up_per_s: config.catch_up_per_s,
            settings,
            platform,
        };
        let session = Session::new(&plan, agent);
        let mut options = broker.options();
        options.filters = session.filters();
        let (status, will_status) = watch::channel(session.status().clone());
        let testament = session.testament();
        let will = move |conn| testament.will(&will_status.borrow(), conn);
        let (publisher, events) = mqtt::start(options, will);
        info!(broker = %broker.url, "connecting");
        Self { session, publisher, events, url: broker.url.clone(), status }
    }

    /// The next event. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Event> {
        self.events.next().await
    }

    /// Takes in what happened on the connection.
    pub(super) fn handle(&mut self, event: Event, agent: &mut Agent<Token>) {
        let now = MonoTime::now();
        match event {
            Event::Up { conn } => self.session.up(conn, agent, now),
            Event::Down { conn, reason } => self.session.down(conn, reason, agent, now),
            Event::Acked(token) => self.session.acked(token, agent),
            Event::Message(message) => self.session.message(&message, agent, now, wall()),
            // Only of connections that ask for it.
            Event::Oversize { .. } => {}
        }
    }

    /// Publishes what is due, as far as the connection takes it.
    pub(super) fn send(&mut self, agent: &mut Agent<Token>) {
        self.session.send(agent, &mut self.publisher, MonoTime::now());
    }

    /// The mode, its source or its reason changed.
    pub(super) fn status_changed(&mut self, effective: &Decision, danger: Option<&Reason>, task: Task) {
        self.session.status_changed(effective, danger, task);
        self.status.send_replace(self.session.status().clone());
    }

    /// The device goes; to be sent with the last reports.
    pub(super) fn status_departed(&mut self, departure: Departure) {
        self.session.status_departed(departure);
        self.status.send_replace(self.session.status().clone());
    }

    /// Waits for the last acknowledgements, says DISCONNECT, and takes in what still came. If the good-bye could not be sent
    /// there is no DISCONNECT either: then the broker publishes the will, and nobody believes that the device is there.
    pub(super) async fn close(&mut self, agent: &mut Agent<Token>) {
        self.send(agent);
        if self.session.is_up() && self.session.status_waits() {
            warn!("the broker did not take the good-bye: it will publish the will");
            return;
        }
        self.publisher.close(GOOD_BYE).await;
        while let Some(event) = self.events.next().await {
            if let Event::Acked(_) = event {
                self.handle(event, agent);
            }
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.session.is_up()
    }

    /// Reports acknowledged by the broker.
    pub(super) fn delivered(&self) -> u64 {
        self.session.delivered()
    }

    pub(super) fn state(&self, reports_waiting: usize) -> LinkState {
        LinkState {
            url: self.url.to_string(),
            up: self.session.is_up(),
            conn: self.session.conn(),
            last_down: self.session.last_down().to_owned(),
            reports_delivered: self.session.delivered(),
            reports_waiting,
        }
    }
}
