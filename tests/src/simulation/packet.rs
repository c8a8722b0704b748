//! What goes over a connection: MQTT 3.1.1 as far as it matters here, and the end of the connection.

use std::rc::Rc;

use shared_host::mqtt::{Filter, Message};

use super::trace::Node;

#[derive(Debug, Clone)]
pub(super) enum Packet {
    Connect(Box<Connect>),
    ConnAck,
    Subscribe(Vec<Filter>),
    SubAck,
    Publish(Publish),
    PubAck(u64),
    Ping,
    Pong,
    Disconnect,
    /// The other end has closed the connection.
    Closed,
}

#[derive(Debug, Clone)]
pub(super) struct Connect {
    pub(super) client: Node,
    pub(super) keep_alive_ms: u64,
    pub(super) will: Option<Message>,
}

#[derive(Debug, Clone)]
pub(super) struct Publish {
    /// Packet identifier; `None` is QoS 0.
    pub(super) id: Option<u64>,
    pub(super) topic: Rc<str>,
    pub(super) payload: Rc<[u8]>,
    pub(super) retain: bool,
}
