//! What a connection tells its user, through a queue that never holds up the socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use rumqttc::Publish;
use tokio::sync::mpsc;

use super::publisher::Control;
use super::{Options, Received, Token};

/// What happened on the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Connected, and every subscription is confirmed: publishes are taken.
    Up {
        /// Number of the attempt to connect, from 1; the same that its will was built with.
        conn: u64,
    },
    /// The attempt failed or the connection ended. Comes once for every attempt, with or without [`Event::Up`] before
    /// it. Publishes of this connection that are not acknowledged by now are lost.
    Down {
        /// Number of the attempt to connect.
        conn: u64,
        /// Cause, for a log.
        reason: String,
    },
    /// A message on a subscribed topic.
    Message(Received),
    /// A message that is larger than [`Options::max_message`] was dropped.
    Oversize {
        /// Topic that it was published on.
        topic: String,
        /// Size of its payload.
        bytes: usize,
    },
    /// The broker acknowledged a QoS 1 publish.
    Acked(Token),
}

/// Receives the events of a connection.
#[derive(Debug)]
pub struct Events {
    queue: mpsc::UnboundedReceiver<Queued>,
    counts: Arc<Counts>,
    /// The connection lives as long as any handle does.
    _alive: mpsc::UnboundedSender<Control>,
}

impl Events {
    /// The next event; `None` after [`Publisher::close`](super::Publisher::close), when all are read.
    ///
    /// Cancel safe: an event that was not returned is returned next time.
    pub async fn next(&mut self) -> Option<Event> {
        self.queue.recv().await.map(|queued| queued.event)
    }

    /// Messages dropped so far because too much waited to be read.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.counts.dropped.load(Relaxed)
    }
}

/// What waits in the queue.
#[derive(Debug, Default)]
pub(super) struct Counts {
    messages: AtomicUsize,
    bytes: AtomicUsize,
    acks: AtomicUsize,
    dropped: AtomicU64,
}

impl Counts {
    /// Acknowledgements that were not read yet.
    pub(super) fn unread_acks(&self) -> usize {
        self.acks.load(Relaxed)
    }
}

/// An event with its share of the counts.
#[derive(Debug)]
pub(super) struct Queued {
    event: Event,
    _load: Load,
}

/// Counted for as long as it lives, so that a queue that is dropped unread leaves no count behind.
#[derive(Debug)]
enum Load {
    Nothing,
    Ack(Arc<Counts>),
    Message { counts: Arc<Counts>, bytes: usize },
}

impl Drop for Load {
    fn drop(&mut self) {
        match self {
            Self::Nothing => {}
            Self::Ack(counts) => {
                counts.acks.fetch_sub(1, Relaxed);
            }
            Self::Message { counts, bytes } => {
                counts.messages.fetch_sub(1, Relaxed);
                counts.bytes.fetch_sub(*bytes, Relaxed);
            }
        }
    }
}

/// The sending end of the queue.
#[derive(Debug)]
pub(super) struct Sink {
    queue: mpsc::UnboundedSender<Queued>,
    counts: Arc<Counts>,
    max_message: usize,
    max_messages: usize,
    max_bytes: usize,
}

pub(super) fn queue(options: &Options, alive: mpsc::UnboundedSender<Control>) -> (Sink, Events) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let counts = Arc::new(Counts::default());
    let sink = Sink {
        queue: sender,
        counts: Arc::clone(&counts),
        max_message: options.max_message,
        max_messages: options.max_queued,
        max_bytes: options.max_queued_bytes,
    };
    (sink, Events { queue: receiver, counts, _alive: alive })
}

impl Sink {
    pub(super) fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    pub(super) fn up(&self, conn: u64) {
        self.send(Event::Up { conn }, Load::Nothing);
    }

    pub(super) fn down(&self, conn: u64, reason: String) {
        self.send(Event::Down { conn, reason }, Load::Nothing);
    }

    pub(super) fn acked(&self, token: Token) {
        self.counts.acks.fetch_add(1, Relaxed);
        self.send(Event::Acked(token), Load::Ack(Arc::clone(&self.counts)));
    }

    /// Counts a message in, or drops it and counts that.
    pub(super) fn admit(&self, packet: Publish) -> Option<Queued> {
        let counts = &self.counts;
        let whole = packet.topic.len().saturating_add(packet.payload.len());
        let oversize = whole > self.max_message;
        let bytes = if oversize { packet.topic.len() } else { whole };
        let total = counts.bytes.load(Relaxed).saturating_add(bytes);
        if counts.messages.load(Relaxed) >= self.max_messages || total > self.max_bytes {
            counts.dropped.fetch_add(1, Relaxed);
            return None;
        }
        counts.messages.fetch_add(1, Relaxed);
        counts.bytes.fetch_add(bytes, Relaxed);
        let event = if oversize {
            Event::Oversize { bytes: packet.payload.len(), topic: packet.topic }
        } else {
            Event::Message(Received::from_packet(packet))
        };
        Some(Queued { event, _load: Load::Message { counts: Arc::clone(counts), bytes } })
    }

    pub(super) fn deliver(&self, queued: Queued) {
        // Fails when nobody listens any more: publishing goes on without.
        let _unheard = self.queue.send(queued);
    }

    fn send(&self, event: Event, load: Load) {
        self.deliver(Queued { event, _load: load });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::Retained;

    fn pair(max_queued: usize, max_queued_bytes: usize) -> (Sink, Events) {
        let options = Options { max_queued, max_queued_bytes, ..Options::new("mqtt://broker".parse().unwrap(), "one") };
        queue(&options, mpsc::unbounded_channel().0)
    }

    fn message(number: u8) -> Received {
        Received { topic: "t".to_owned(), payload: vec![number; 9], retained: Retained::Live }
    }

    fn send(sink: &Sink, number: u8) {
        if let Some(queued) = sink.admit(Publish::new("t", rumqttc::QoS::AtLeastOnce, [number; 9])) {
            sink.deliver(queued);
        }
    }

    #[tokio::test]
    async fn beyond_the_limit_the_newest_messages_are_dropped_and_counted() {
        let (sink, mut events) = pair(2, usize::MAX);
        for number in 0..5 {
            send(&sink, number);
        }
        assert_eq!(events.dropped(), 3);
        assert_eq!(events.next().await, Some(Event::Message(message(0))));
        send(&sink, 5);
        send(&sink, 6);
        assert_eq!(events.next().await, Some(Event::Message(message(1))));
        assert_eq!(events.next().await, Some(Event::Message(message(5))));
        assert_eq!(events.dropped(), 4);
    }

    #[tokio::test]
    async fn bytes_are_limited_too() {
        let (sink, mut events) = pair(usize::MAX, 20);
        for number in 0..3 {
            send(&sink, number);
        }
        assert_eq!(events.dropped(), 1);
        events.next().await;
        send(&sink, 3);
        assert_eq!(events.dropped(), 1);
    }

    #[tokio::test]
    async fn other_events_pass_a_full_queue() {
        let (sink, mut events) = pair(0, 0);
        send(&sink, 0);
        sink.acked(Token::new(1, 1));
        sink.down(1, "cause".to_owned());
        drop(sink);
        assert_eq!(events.next().await, Some(Event::Acked(Token::new(1, 1))));
        assert_eq!(events.next().await, Some(Event::Down { conn: 1, reason: "cause".to_owned() }));
        assert_eq!(events.next().await, None);
    }

    #[tokio::test]
    async fn an_acknowledgement_counts_until_it_is_read_or_nobody_can_read_it() {
        let (sink, mut events) = pair(1, usize::MAX);
        for number in 1..=3 {
            sink.acked(Token::new(1, number));
        }
        assert_eq!(sink.counts().unread_acks(), 3);
        events.next().await;
        assert_eq!(sink.counts().unread_acks(), 2);
        drop(events);
        assert_eq!(sink.counts().unread_acks(), 0);
        sink.acked(Token::new(1, 4));
        assert_eq!(sink.counts().unread_acks(), 0);
    }
}
