//! device-mqtt: its connection to the devices, what comes from them, and commands.

mod command;
mod incoming;

use std::sync::Arc;
use std::time::Duration;

use shared_host::mqtt::{self, Backoff, BrokerUrl, Credentials, Event, Events, Filter, Options, Publisher, Qos};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::faults::DeviceService;
use super::world::World;
pub(super) use command::{Direction, Push, execute};
pub(super) use incoming::take;

const INCOMING: &str = "incoming/data/";
const RESPONSES: &str = "command/response/";
/// How long a broker may take to answer.
const CONNECT: Duration = Duration::from_secs(20);
const GOOD_BYE: Duration = Duration::from_millis(100);

/// Where the broker is, and who connects.
#[derive(Debug, Clone)]
pub(super) struct Broker {
    pub(super) url: BrokerUrl,
    pub(super) credentials: Option<Credentials>,
}

/// A connection that is up.
#[derive(Debug)]
pub(super) struct Connection {
    publisher: Publisher,
    listener: JoinHandle<()>,
}

impl Broker {
    /// Connects as device-mqtt does to its devices.
    pub(super) async fn connect_south(&self, world: &Arc<World>) -> Result<Connection, String> {
        let filters = [INCOMING, RESPONSES].map(|prefix| format!("{prefix}#"));
        // Not `device-mqtt`: under that name the bus and the devices would throw each other out (device-mqtt-go #783).
        let connection = self.connect("device-mqtt-south", &filters, Some(Arc::clone(world))).await?;
        world.set_south(Some(connection.publisher.clone()));
        Ok(connection)
    }

    /// Connects to the message bus.
    pub(super) async fn connect_bus(&self, world: &Arc<World>) -> Result<Connection, String> {
        let connection = self.connect("device-mqtt", &[], None).await?;
        world.set_bus(connection.publisher.clone());
        Ok(connection)
    }

    async fn connect(&self, name: &str, filters: &[String], to: Option<Arc<World>>) -> Result<Connection, String> {
        let filter = |topic: &String| Filter { topic: topic.clone(), qos: Qos::AtMostOnce };
        let options = Options {
            credentials: self.credentials.clone(),
            filters: filters.iter().map(filter).collect(),
            backoff: Backoff { min: Duration::from_millis(5), max: Duration::from_millis(50) },
            ..Options::new(self.url.clone(), name)
        };
        let (publisher, mut events) = mqtt::start(options, |_| None);
        let mut last = "no answer".to_owned();
        let up = async {
            while let Some(event) = events.next().await {
                match event {
                    Event::Up { .. } => return,
                    Event::Down { reason, .. } => last = reason,
                    Event::Message(_) | Event::Oversize { .. } | Event::Acked(_) => {}
                }
            }
        };
        if timeout(CONNECT, up).await.is_err() {
            return Err(format!("connection of {name} to {}: {last}", self.url));
        }
        Ok(Connection { publisher, listener: tokio::spawn(listen(events, to)) })
    }
}

impl Connection {
    /// Ends it; what comes after this is not heard.
    pub(super) async fn close(self) {
        self.listener.abort();
        self.publisher.close(GOOD_BYE).await;
    }
}

async fn listen(mut events: Events, to: Option<Arc<World>>) {
    while let Some(event) = events.next().await {
        if let (Event::Message(message), Some(world)) = (event, &to) {
            receive(world, &message.topic, message.payload);
        }
    }
}

fn receive(world: &World, topic: &str, payload: Vec<u8>) {
    if topic.starts_with(INCOMING) {
        if let Err(dropped) = take(world, topic, &payload) {
            world.state().log.dropped.push(dropped);
        }
    } else if let Some(uuid) = topic.rsplit('/').next() {
        world.state().responses.insert(uuid.to_owned(), payload);
    }
}

/// Makes device-mqtt be so; `connection` is the one that it has to the devices.
pub(super) async fn change(
    world: &Arc<World>,
    broker: &Broker,
    connection: &mut Option<Connection>,
    state: DeviceService,
) -> Result<(), String> {
    match state {
        DeviceService::Up => {
            if connection.is_none() {
                *connection = Some(broker.connect_south(world).await?);
            }
        }
        DeviceService::LinkLost | DeviceService::Down => {
            world.set_south(None);
            if let Some(connection) = connection.take() {
                connection.close().await;
            }
        }
    }
    world.state().device_service = state;
    Ok(())
}
