//! What the broker sees of the devices: a second pair of eyes in a rollout.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use shared_host::json;
use shared_host::mqtt::{self, Event, Filter, Options, Qos, Received, Retained};
use shared_host::sections::BrokerConfig;
use shared_proto::dialect::native::{self, Kind};
use shared_proto::ids::TopicRoot;

use crate::health::Seen;

/// How long the broker may take to answer at first.
const CONNECT: Duration = Duration::from_secs(10);

/// A connection to the broker, which lives as long as the program.
#[derive(Debug, Clone)]
pub struct Broker(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    connection: Connection,
    devices: HashMap<String, Device>,
}

#[derive(Debug, Default)]
enum Connection {
    #[default]
    Never,
    Up,
    Down(String),
}

/// The latest of each, as the name of a run.
#[derive(Debug, Default)]
struct Device {
    online: Option<String>,
    reported: Option<String>,
}

impl Broker {
    /// Connects, and listens to statuses and reports from then on.
    ///
    /// # Errors
    /// What keeps it from connecting.
    pub fn connect(config: &BrokerConfig, root: &TopicRoot) -> Result<Self, String> {
        let broker = Self(Arc::default());
        let filter = |kind| Filter { topic: native::filter(root, kind).to_string(), qos: Qos::AtMostOnce };
        let options = Options { filters: [Kind::Status, Kind::Report].map(filter).to_vec(), ..config.options() };
        let url = options.url.clone();
        let (listener, root) = (broker.clone(), root.clone());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| format!("{url}: {error}"))?;
        thread::spawn(move || runtime.block_on(listener.listen(options, &root)));
        let deadline = Instant::now() + CONNECT;
        loop {
            match &broker.state().connection {
                Connection::Up => break,
                Connection::Down(reason) => return Err(format!("{url}: {reason}")),
                Connection::Never if Instant::now() > deadline => return Err(format!("{url}: no answer")),
                Connection::Never => {}
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(broker)
    }

    /// What is seen of this run of this device.
    #[must_use]
    pub fn seen(&self, device: &str, boot: &str) -> Seen {
        let state = self.state();
        if !matches!(state.connection, Connection::Up) {
            return Seen::NotLooked;
        }
        let is = |run: &Option<String>| run.as_deref() == Some(boot);
        match state.devices.get(device) {
            Some(seen) if is(&seen.online) && is(&seen.reported) => Seen::Reporting,
            _ => Seen::Nothing,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What a panicking neighbour left is still the latest.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn listen(self, options: Options, root: &TopicRoot) {
        let (_publisher, mut events) = mqtt::start(options, |_| None);
        while let Some(event) = events.next().await {
            match event {
                Event::Up { .. } => self.state().connection = Connection::Up,
                Event::Down { reason, .. } => self.state().connection = Connection::Down(reason),
                Event::Message(message) => self.state().take(root, &message),
                Event::Oversize { .. } | Event::Acked(_) => {}
            }
        }
    }
}

impl State {
    /// Takes in a message; one that nobody can read says nothing.
    fn take(&mut self, root: &TopicRoot, message: &Received) {
        let Some((device, kind)) = native::parse(root, &message.topic) else { return };
        let seen = self.devices.entry(device.to_string()).or_default();
        match kind {
            Kind::Status => {
                if let Ok(status) = json::decode_status(&message.payload) {
                    seen.online = status.online.then(|| status.boot.to_string());
                }
            }
            Kind::Report if message.retained == Retained::Live => {
                if let Ok(report) = json::decode_report(&message.payload) {
                    seen.reported = Some(report.boot.to_string());
                }
            }
            Kind::Report | Kind::Command | Kind::Ack => {}
        }
    }
}
