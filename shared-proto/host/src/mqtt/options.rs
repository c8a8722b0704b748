//! What a connection needs to know before it starts.

use std::time::Duration;

use super::{Backoff, BrokerUrl, Qos, Scheme, Tls};
use crate::secret::{Place, Secret};

/// Name and password for the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// User name, not empty.
    pub username: String,
    /// Password.
    pub password: Password,
}

/// A password, or where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Password {
    /// An empty one.
    None,
    /// This one; UTF-8.
    Given(Secret),
    /// That in this file, without the newline at its end; read anew for every attempt to connect.
    File(Place),
}

/// A subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Topic filter; `+` and `#` stand for one level and for all that follow.
    pub topic: String,
    /// Highest quality of delivery wanted from the broker.
    pub qos: Qos,
}

/// Settings of a connection to a broker. Sessions are always clean: the broker keeps nothing while the client is away.
#[derive(Clone, Debug)]
pub struct Options {
    /// The broker.
    pub url: BrokerUrl,
    /// Client identifier. Must be unique at the broker: two clients with one identifier throw each other out.
    pub client_id: String,
    /// Name and password, if the broker wants them.
    pub credentials: Option<Credentials>,
    /// Files for TLS; used if the URL asks for it. Default: the system's certificate authorities, and no client certificate.
    pub tls: Tls,
    /// Time between pings, whole seconds, 1 to 65535 s (others act as the nearest); default 10 s.
    pub keep_alive: Duration,
    /// Subscriptions, made anew on every connection; default none.
    pub filters: Vec<Filter>,
    /// Waits between attempts to connect.
    pub backoff: Backoff,
    /// How long a PUBACK or SUBACK may take before the connection counts as dead; default 10 s.
    pub ack_timeout: Duration,
    /// QoS 1 publishes without acknowledgement at one time, 1 to 65534 (others act as the nearest); default 16.
    pub max_in_flight: u16,
    /// Of these, at the beginning of a connection (0 acts as 1, more as all): with every acknowledgement in time one more is
    /// allowed, with a late one half as many, so that a slow link is not filled with more than it carries between two pings.
    /// Default 2.
    pub burst: u16,
    /// Largest incoming packet in bytes; a larger one ends the connection. Where the broker keeps a larger message, that is
    /// every connection. Default 256 KiB, so that a device does not read what it has no memory for.
    pub max_incoming: usize,
    /// Largest message in bytes of topic and payload; a larger one is read and dropped, which
    /// [`Event::Oversize`](super::Event::Oversize) tells. Default: none is.
    pub max_message: usize,
    /// Largest outgoing packet in bytes; a larger publish is refused. Default 256 KiB.
    pub max_outgoing: usize,
    /// Messages that wait for a slow consumer; newer ones are dropped and counted. Default 10,000.
    pub max_queued: usize,
    /// Bytes of topics and payloads that wait for a slow consumer; newer ones are dropped and counted. Default 16 MiB.
    pub max_queued_bytes: usize,
}

impl Options {
    /// The defaults, with no credentials and no subscriptions.
    #[must_use]
    pub fn new(url: BrokerUrl, client_id: impl Into<String>) -> Self {
        Self {
            url,
            client_id: client_id.into(),
            credentials: None,
            tls: Tls::default(),
            keep_alive: Duration::from_secs(10),
            filters: Vec::new(),
            backoff: Backoff::default(),
            ack_timeout: Duration::from_secs(10),
            max_in_flight: 16,
            burst: 2,
            max_incoming: 256 * 1024,
            max_message: usize::MAX,
            max_outgoing: 256 * 1024,
            max_queued: 10_000,
            max_queued_bytes: 16 * 1024 * 1024,
        }
    }

    /// Whether a connection needs any files.
    pub(super) fn reads_files(&self) -> bool {
        let password_file =
            self.credentials.as_ref().is_some_and(|credentials| matches!(credentials.password, Password::File(_)));
        password_file || self.url.scheme() == Scheme::Tls
    }

    /// Whole seconds: a fraction would ping later than what CONNECT announces.
    pub(super) fn keep_alive_secs(&self) -> u16 {
        u16::try_from(self.keep_alive.as_secs()).unwrap_or(u16::MAX).max(1)
    }

    /// An acknowledgement that takes longer is a late one: what goes before a ping should take well under its time.
    pub(super) fn late(&self) -> Duration {
        Duration::from_secs(self.keep_alive_secs().into()) / 4
    }

    /// Packet identifiers must outnumber the publishes in flight, so the largest `u16` is kept back.
    pub(super) fn in_flight(&self) -> u16 {
        self.max_in_flight.clamp(1, u16::MAX - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_values_act_as_the_nearest_allowed_one() {
        let mut options = Options::new("mqtt://broker".parse().unwrap(), "one");
        for (keep_alive, seconds) in [(0, 1), (1_999, 1), (10_000, 10), (70_000_000, u16::MAX)] {
            options.keep_alive = Duration::from_millis(keep_alive);
            assert_eq!(options.keep_alive_secs(), seconds, "{keep_alive} ms");
        }
        for (given, used) in [(0, 1), (16, 16), (u16::MAX, u16::MAX - 1)] {
            options.max_in_flight = given;
            assert_eq!(options.in_flight(), used, "{given}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let mut options = Options::new("mqtt://broker".parse().unwrap(), "one");
        options.credentials =
            Some(Credentials { username: "pi".to_owned(), password: Password::Given(Secret::new("secret")) });
        let shown = format!("{options:?}");
        assert!(shown.contains("pi") && !shown.contains("secret"), "{shown}");
    }
}
