//! Without a running controller: straight to the broker.

use std::time::Duration;

use shared_host::mqtt::{self, Event, Events, Options, Publisher};
use tokio::time::{Instant, timeout_at};

use super::Failure;
use crate::cli::Target;
use crate::config::Config;

/// How long the broker may take to answer.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long good-bye may take.
const CLOSE_LIMIT: Duration = Duration::from_millis(500);

/// A short connection to the broker.
pub(super) struct Direct {
    pub(super) publisher: Publisher,
    events: Events,
}

/// The configuration (for credentials and topics) with the broker of the command line.
pub(super) fn configuration(target: &Target) -> Result<Config, Failure> {
    let mut config = target.load()?;
    if let Some(url) = &target.broker {
        let at = config.mqtt.at(url.clone());
        config.mqtt = at.map_err(|exposed| Failure::usage(format_args!("--broker {url}: {exposed}")))?;
    }
    // The running controller may use the configured name: two clients of one name throw each other out.
    config.mqtt.client_id = format!("gateway-cli-{:012x}", fastrand::u64(..) >> 16);
    Ok(config)
}

impl Direct {
    /// Connects and subscribes.
    pub(super) async fn connect(options: Options) -> Result<Self, Failure> {
        let url = options.url.clone();
        let (publisher, mut events) = mqtt::start(options, |_| None);
        let deadline = Instant::now() + CONNECT_LIMIT;
        loop {
            match timeout_at(deadline, events.next()).await {
                Ok(Some(Event::Up { .. })) => return Ok(Self { publisher, events }),
                Ok(Some(Event::Down { reason, .. })) => return Err(Failure::failed(reason)),
                Ok(Some(Event::Message(_) | Event::Oversize { .. } | Event::Acked(_))) => {}
                Ok(None) | Err(_) => return Err(Failure::failed(format_args!("{url}: no answer from the broker"))),
            }
        }
    }

    /// The next event before the deadline.
    ///
    /// # Errors
    /// The connection broke.
    pub(super) async fn next(&mut self, deadline: Instant) -> Result<Option<Event>, Failure> {
        match timeout_at(deadline, self.events.next()).await {
            Ok(Some(Event::Down { reason, .. })) => Err(Failure::failed(format_args!("connection lost: {reason}"))),
            Ok(event) => Ok(event),
            Err(_) => Ok(None),
        }
    }

    pub(super) async fn close(self) {
        self.publisher.close(CLOSE_LIMIT).await;
    }
}
