//! EdgeX as a source of readings and as the way of commands.
//!
//! Everything that asks or is asked over HTTP runs in tasks of its own: what they learn comes to the controller's loop as a
//! [`Happening`], and the loop never waits for them.

mod address;
pub(crate) mod admin;
mod arrivals;
pub mod bus;
mod discovery;
pub mod envelope;
pub(crate) mod freshness;
mod health;
pub(crate) mod http;
pub mod readings;
mod rest;
pub mod settings;
mod sink;
mod token;

pub use address::{AddressError, ServiceUrl};
pub(crate) use bus::BusTopics;
pub(crate) use health::Turn;
pub use settings::{EdgexConfig, SinkKind, Source};

use shared_proto::ids::DeviceId;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::fleet::{Carrier, EdgexAnswer, EdgexCommand, EdgexObserved, Tie};
use discovery::Discovery;
use freshness::Clock;
use http::{Client, Service};
use rest::{Asking, Poller};
use sink::{Sending, Sink};
use token::Token;

/// Readings that may wait for the controller; then the tasks that ask wait.
const WAITING: usize = 1024;

/// What EdgeX brings.
#[derive(Debug)]
pub(crate) enum Happening {
    /// A reading, fresh by the clock.
    Observed(DeviceId, EdgexObserved),
    /// Core-data answers, or not.
    Service(Turn),
    /// A command was answered.
    Answered(EdgexAnswer),
}

/// What a controller has to do with EdgeX.
#[derive(Debug)]
pub(crate) struct Edgex {
    source: Option<Asked>,
    sink: Option<Sink>,
}

#[derive(Debug)]
struct Asked {
    happenings: mpsc::Receiver<Happening>,
    /// Ended when dropped.
    _tasks: JoinSet<()>,
}

impl Edgex {
    /// Starts to ask, if the configuration says so; less often for devices of which the bus brings readings. Needs a tokio
    /// runtime.
    pub(crate) fn start(edgex: &EdgexConfig, source: Source, sink: SinkKind, bus: Option<&BusTopics>) -> Self {
        let token = Token::new(edgex.token.clone());
        if source != Source::Mqtt || sink == SinkKind::EdgexCommand {
            tell_addresses(edgex);
        }
        let source = (source != Source::Mqtt).then(|| Asked::start(edgex, &token, bus));
        let sink = (sink == SinkKind::EdgexCommand).then(|| {
            Sink::new(Sending {
                client: edgex.client(Service::Command, &token),
                names: edgex.names.clone(),
                command: edgex.command.clone(),
                timeout: edgex.timeout,
                parallel: edgex.parallel,
            })
        });
        Self { source, sink }
    }

    /// What happens next; never, if EdgeX has no part in this controller.
    pub(crate) async fn next(&mut self) -> Happening {
        let Self { source, sink } = self;
        let reading = async {
            match source {
                Some(asked) => asked.next().await,
                None => std::future::pending().await,
            }
        };
        let answer = async {
            match sink {
                Some(sink) => Happening::Answered(sink.next().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            happening = reading => happening,
            happening = answer => happening,
        }
    }

    /// Sends a command.
    pub(crate) fn send(&mut self, device: DeviceId, command: EdgexCommand) {
        if let Some(sink) = &mut self.sink {
            sink.send(device, command);
        }
    }
}

impl Asked {
    fn start(edgex: &EdgexConfig, token: &Token, bus: Option<&BusTopics>) -> Self {
        let (out, happenings) = mpsc::channel(WAITING);
        let asking = Asking {
            client: edgex.client(Service::Data, token),
            names: edgex.names.clone(),
            poll: edgex.poll,
            max_age: edgex.max_age,
            timeout: edgex.timeout,
            clock: Clock::system(),
        };
        let poller = Poller::new(asking, bus.map(BusTopics::arrivals), out);
        let mut tasks = JoinSet::new();
        if edgex.devices.is_empty() {
            let client = edgex.client(Service::Metadata, token);
            tasks.spawn(poller.discover(Discovery::new(client, edgex.profile.clone(), edgex.timeout)));
        } else {
            tasks.spawn(poller.run(edgex.devices.clone()));
        }
        Self { happenings, _tasks: tasks }
    }

    async fn next(&mut self) -> Happening {
        match self.happenings.recv().await {
            Some(happening) => happening,
            None => std::future::pending().await,
        }
    }
}

impl EdgexConfig {
    /// A client of a service.
    pub(crate) fn client(&self, service: Service, token: &Token) -> Client {
        let url = match service {
            Service::Data => &self.core_data,
            Service::Command => &self.core_command,
            Service::Metadata => &self.core_metadata,
        };
        Client::new(service, url.clone(), self.ca.clone(), token.clone())
    }

    /// The same, with a token of its own.
    pub(crate) fn single_client(&self, service: Service) -> Client {
        self.client(service, &Token::new(self.token.clone()))
    }
}

/// How the fleet is tied to EdgeX by a configuration.
pub(crate) fn tie(edgex: &EdgexConfig, source: Source, sink: SinkKind) -> Tie {
    let carrier = match sink {
        SinkKind::Mqtt => Carrier::SameWire,
        SinkKind::EdgexCommand => Carrier::Edgex,
    };
    let slower = if source == Source::EdgexBus { rest::SLOWER } else { 1 };
    // Two intervals: one answer may be late.
    let silent_after = edgex.max_age + edgex.poll.saturating_mul(2 * slower);
    Tie { carrier, silent_after_ms: u64::try_from(silent_after.as_millis()).unwrap_or(u64::MAX) }
}

/// Tells what the addresses mean, where they may surprise.
fn tell_addresses(edgex: &EdgexConfig) {
    let addresses = [
        (Service::Data, &edgex.core_data),
        (Service::Metadata, &edgex.core_metadata),
        (Service::Command, &edgex.core_command),
    ];
    for (service, url) in addresses {
        if let Some(written) = url.other_version() {
            tracing::info!(%service, %url, written, "EdgeX' paths are /api/v3 in 3.x and 4.x: another version in the address is passed over");
        }
        if url.is_exposed() {
            tracing::warn!(%service, %url, "not encrypted: whoever sees the network's traffic can read and forge what EdgeX says; use https://");
        }
    }
    if edgex.timeout < EdgexConfig::OWN_TIMEOUT {
        let timeout_ms = edgex.timeout.as_millis();
        tracing::warn!(
            timeout_ms,
            "edgex.timeout_ms is below the 5 s in which EdgeX itself gives up: a command that is done may count as failed"
        );
    }
}
