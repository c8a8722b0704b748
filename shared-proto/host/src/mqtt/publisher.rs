//! Hands messages to the connection.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rumqttc::AsyncClient;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::events::Counts;
use super::pace::Pace;
use super::window::Window;
use super::{MAX_PACKET, Message, Options, Qos, Token, after, valid};

/// QoS 0 publishes that may wait for the socket: enough for a burst, and a bound when the network stands still.
const MAX_QUEUED_QOS0: usize = 256;
/// Packet type and length, topic length, packet identifier.
const PUBLISH_OVERHEAD: usize = 9;

/// Why a publish was not taken. The message is gone; nothing of it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PublishError {
    /// Too many publishes are under way.
    #[error("publish refused: {in_flight} publishes are under way or acknowledged and not yet read, at most {max}")]
    Full {
        /// Publishes under way, of the QoS of the refused one.
        in_flight: usize,
        /// Allowed at one time.
        max: usize,
    },
    /// There is no connection.
    #[error("publish refused: not connected to the broker")]
    Down,
    /// The topic cannot be published on.
    #[error("publish refused: topic `{topic}` is not valid; allowed are 1 to 65535 bytes without `+`, `#` and NUL")]
    Topic {
        /// The topic.
        topic: String,
    },
    /// The packet is larger than [`Options::max_outgoing`].
    #[error("publish refused: the packet for topic `{topic}` takes {bytes} bytes, at most {max}")]
    TooLarge {
        /// The topic.
        topic: String,
        /// Size of the packet in bytes.
        bytes: usize,
        /// Largest size allowed in bytes.
        max: usize,
    },
}

/// Publishes messages. Clones publish on the same connection.
#[derive(Clone, Debug)]
pub struct Publisher {
    shared: Arc<Shared>,
    control: mpsc::UnboundedSender<Control>,
}

impl Publisher {
    pub(super) fn new(shared: Arc<Shared>, control: mpsc::UnboundedSender<Control>) -> Self {
        Self { shared, control }
    }

    /// Hands a message over for sending, without waiting.
    ///
    /// The token of a QoS 1 publish comes back in [`Event::Acked`](super::Event::Acked); that of a QoS 0 publish never.
    ///
    /// # Errors
    /// [`PublishError::Full`] while as many QoS 1 publishes as the link allows ([`Options::burst`] at first, at most
    /// [`Options::max_in_flight`]), from the oldest without acknowledgement on, are under way or their [`Event::Acked`](super::Event::Acked) waits unread, and likewise while 256 QoS 0
    /// publishes wait for the network. [`PublishError::Down`] outside of [`Event::Up`](super::Event::Up) and after
    /// [`Publisher::close`]. [`PublishError::Topic`] and [`PublishError::TooLarge`] for what no connection would take.
    pub fn try_publish(&self, message: Message) -> Result<Token, PublishError> {
        self.shared.publish(message)
    }

    /// Ends the connection: takes no more publishes, waits at most `limit` for acknowledgements, and says DISCONNECT so
    /// that the broker does not publish the will. Returns when the connection is gone, at the latest half a second
    /// after `limit`.
    ///
    /// Closes it for all clones. No new connection is made; [`Events`](super::Events) ends after what it still holds.
    pub async fn close(&self, limit: Duration) {
        self.shared.close();
        // Fails when it is closed already.
        let _gone = self.control.send(Control::Close { until: after(Instant::now(), limit) });
        self.control.closed().await;
    }
}

/// Orders to the connection.
#[derive(Debug)]
pub(super) enum Control {
    /// End in good order; wait for acknowledgements until then.
    Close { until: Instant },
}

/// What publishers and the connection share.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    counts: Arc<Counts>,
    max_in_flight: usize,
    max_packet: usize,
}

#[derive(Debug)]
struct State {
    gate: Gate,
    window: Window,
    pace: Pace,
    queued_qos0: usize,
    publishes: u64,
}

#[derive(Debug)]
enum Gate {
    Down,
    Up { conn: u64, client: AsyncClient },
    Closed,
}

impl Shared {
    pub(super) fn new(options: &Options, counts: Arc<Counts>) -> Self {
        let max_in_flight = usize::from(options.in_flight());
        let pace = Pace::new(options.burst.into(), max_in_flight, options.late());
        let state = State { gate: Gate::Down, window: Window::default(), pace, queued_qos0: 0, publishes: 0 };
        Self { state: Mutex::new(state), counts, max_in_flight, max_packet: options.max_outgoing.min(MAX_PACKET) }
    }

    /// Room that the client's queue needs so that it is never the one to refuse: all publishes, SUBSCRIBE and
    /// DISCONNECT.
    pub(super) fn queue_capacity(&self) -> usize {
        self.max_in_flight + MAX_QUEUED_QOS0 + 2
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code of others runs under the lock, so a poisoned state is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, message: Message) -> Result<Token, PublishError> {
        let Message { topic, payload, qos, retain } = message;
        if !valid::topic(&topic) {
            return Err(PublishError::Topic { topic });
        }
        let bytes = topic.len().saturating_add(payload.len()).saturating_add(PUBLISH_OVERHEAD);
        if bytes > self.max_packet {
            return Err(PublishError::TooLarge { topic, bytes, max: self.max_packet });
        }
        // Held over counting and handing over: the order of the window must be the order of sending.
        let mut state = self.state();
        let State { gate, window, pace, queued_qos0, publishes } = &mut *state;
        let Gate::Up { conn, client } = gate else { return Err(PublishError::Down) };
        let (in_flight, max) = match qos {
            Qos::AtLeastOnce => (window.len().saturating_add(self.counts.unread_acks()), pace.allowed()),
            Qos::AtMostOnce => (*queued_qos0, MAX_QUEUED_QOS0),
        };
        if in_flight >= max {
            return Err(PublishError::Full { in_flight, max });
        }
        // The topic is valid and the queue has room, so this fails only when the connection is just ending.
        client.try_publish(topic, qos.into(), retain.flag(), payload).map_err(|_| PublishError::Down)?;
        *publishes += 1;
        let token = Token::new(*conn, *publishes);
        match qos {
            Qos::AtLeastOnce => window.queued(token),
            Qos::AtMostOnce => *queued_qos0 += 1,
        }
        Ok(token)
    }

    /// Opens for publishes, unless closed for good.
    pub(super) fn up(&self, conn: u64, client: AsyncClient) {
        let mut state = self.state();
        if !matches!(state.gate, Gate::Closed) {
            state.gate = Gate::Up { conn, client };
        }
    }

    /// Shuts until the next connection and forgets what was under way.
    pub(super) fn down(&self) {
        let mut state = self.state();
        if !matches!(state.gate, Gate::Closed) {
            state.gate = Gate::Down;
        }
        state.window = Window::default();
        state.pace.reset();
        state.queued_qos0 = 0;
    }

    /// Shuts for good; what is under way stays so.
    pub(super) fn close(&self) {
        self.state().gate = Gate::Closed;
    }

    /// A PUBLISH went out; packet identifier 0 is QoS 0.
    pub(super) fn sent(&self, packet: u16, at: Instant) {
        let mut state = self.state();
        match packet {
            0 => state.queued_qos0 = state.queued_qos0.saturating_sub(1),
            _ => state.window.sent(packet, at),
        }
    }

    /// A PUBLISH was acknowledged now.
    pub(super) fn acked(&self, packet: u16, now: Instant) -> Option<Token> {
        let mut state = self.state();
        let (token, sent) = state.window.acked(packet)?;
        state.pace.acknowledged(now.saturating_duration_since(sent));
        Some(token)
    }

    pub(super) fn oldest_sent(&self) -> Option<Instant> {
        self.state().window.oldest_sent()
    }

    /// Whether every QoS 1 publish is acknowledged.
    pub(super) fn settled(&self) -> bool {
        self.state().window.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use rumqttc::MqttOptions;

    use super::*;
    use crate::mqtt::Retain;

    #[test]
    fn once_closed_it_does_not_open_again() {
        let options = Options::new("mqtt://broker".parse().unwrap(), "one");
        let shared = Shared::new(&options, Arc::default());
        let (client, _queue) = AsyncClient::new(MqttOptions::new("one", "broker", 1), shared.queue_capacity());
        let publish = || {
            let message =
                Message { topic: "t".to_owned(), payload: Vec::new(), qos: Qos::AtLeastOnce, retain: Retain::No };
            shared.publish(message)
        };
        assert_eq!(publish(), Err(PublishError::Down));
        shared.up(1, client.clone());
        assert_eq!(publish(), Ok(Token::new(1, 1)));
        shared.close();
        shared.up(2, client);
        assert_eq!(publish(), Err(PublishError::Down));
        assert!(!shared.settled(), "what is under way stays so");
        shared.down();
        assert_eq!(publish(), Err(PublishError::Down));
        assert!(shared.settled());
    }
}
