//! What is published and what arrives.

use std::fmt;

/// How hard the broker and its clients try to deliver a message. QoS 2 is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Qos {
    /// QoS 0: sent once, never acknowledged.
    AtMostOnce,
    /// QoS 1: acknowledged; can arrive more than once.
    AtLeastOnce,
}

/// Whether the broker keeps a message for later subscribers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retain {
    /// Kept until the next retained message on the topic; an empty payload clears the topic.
    Yes,
    /// Only for present subscribers.
    No,
}

/// A message to publish, or a will.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Topic without wildcards, 1 to 65535 bytes.
    pub topic: String,
    /// Content; at most [`Options::max_outgoing`](super::Options::max_outgoing) with the topic, 65535 bytes in a will.
    pub payload: Vec<u8>,
    /// Delivery from this client to the broker.
    pub qos: Qos,
    /// Whether the broker keeps it.
    pub retain: Retain,
}

/// Whether a message came from somebody now or from the broker's store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retained {
    /// Published while this client was subscribed.
    Live,
    /// Kept by the broker from before the subscription.
    Retained,
}

/// A message on a subscribed topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Topic that it was published on.
    pub topic: String,
    /// Content, of any form.
    pub payload: Vec<u8>,
    /// Whether it comes from the broker's store.
    pub retained: Retained,
}

/// Names one publish. Unique for one [`start`](super::start).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token {
    conn: u64,
    number: u64,
}

impl Token {
    /// The `number`-th publish of all, on connection attempt `conn`.
    #[must_use]
    pub const fn new(conn: u64, number: u64) -> Self {
        Self { conn, number }
    }

    /// The connection that the message went to. [`Event::Down`](super::Event::Down) with this number means: not
    /// acknowledged, lost.
    #[must_use]
    pub const fn conn(self) -> u64 {
        self.conn
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "publish {} on connection {}", self.number, self.conn)
    }
}

impl From<Qos> for rumqttc::QoS {
    fn from(qos: Qos) -> Self {
        match qos {
            Qos::AtMostOnce => Self::AtMostOnce,
            Qos::AtLeastOnce => Self::AtLeastOnce,
        }
    }
}

impl Retain {
    pub(super) const fn flag(self) -> bool {
        matches!(self, Self::Yes)
    }
}

impl Received {
    pub(super) fn from_packet(packet: rumqttc::Publish) -> Self {
        let retained = if packet.retain { Retained::Retained } else { Retained::Live };
        // Copied out: the packet's bytes share a read buffer with their neighbours and would keep all of it alive.
        Self { topic: packet.topic, payload: packet.payload.to_vec(), retained }
    }
}
