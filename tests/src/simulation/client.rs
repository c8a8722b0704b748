//! The MQTT transport of one program, as `shared_host::mqtt` does it: one connection that comes back by itself, QoS 1
//! publishes in a window, time limits for everything, full jitter between attempts.

use std::collections::VecDeque;

use shared_host::mqtt::{Event, Filter, Message, PublishError, Qos, Received, Retained, Token};

use super::dice::Dice;
use super::network::{End, Network, WireId};
use super::packet::{Connect, Packet, Publish};
use super::time::Time;
use super::trace::Node;

/// A connection that lasted this long ends the series of failures before it.
const STABLE_MS: u64 = 60_000;

/// Times of the transport, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) connect_ms: u64,
    pub(super) keep_alive_ms: u64,
    pub(super) ack_ms: u64,
    pub(super) backoff_least_ms: u64,
    pub(super) backoff_most_ms: u64,
}

impl Patience {
    /// Longest time from the end of all trouble to a connection: to notice that the old one is dead, and to wait.
    pub(super) fn longest_reconnect_ms(&self) -> u64 {
        2 * self.keep_alive_ms + self.ack_ms + 2 * (self.connect_ms + self.backoff_most_ms) + self.ack_ms
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting { until: Time },
    Connecting { wire: WireId, since: Time },
    Subscribing { wire: WireId, since: Time },
    Up { wire: WireId, since: Time },
}

#[derive(Debug)]
struct InFlight {
    packet: u64,
    token: Token,
    at: Time,
}

#[derive(Debug)]
pub(super) struct Client {
    node: Node,
    patience: Patience,
    filters: Vec<Filter>,
    max_in_flight: usize,
    state: State,
    conn: u64,
    bound_ms: u64,
    publishes: u64,
    in_flight: VecDeque<InFlight>,
    last_ping: Time,
    pong_waits: bool,
    early: Vec<Received>,
    /// Publishes taken, not yet on the wire.
    outgoing: Vec<Publish>,
    events: VecDeque<Event>,
    dice: Dice,
}

impl Client {
    pub(super) fn new(
        node: Node,
        patience: Patience,
        filters: Vec<Filter>,
        max_in_flight: usize,
        now: Time,
        dice: Dice,
    ) -> Self {
        Self {
            node,
            patience,
            filters,
            max_in_flight,
            state: State::Waiting { until: now },
            conn: 0,
            bound_ms: patience.backoff_least_ms,
            publishes: 0,
            in_flight: VecDeque::new(),
            last_ping: now,
            pong_waits: false,
            early: Vec::new(),
            outgoing: Vec::new(),
            events: VecDeque::new(),
            dice,
        }
    }

    pub(super) fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn wire(&self) -> Option<WireId> {
        match self.state {
            State::Waiting { .. } => None,
            State::Connecting { wire, .. } | State::Subscribing { wire, .. } | State::Up { wire, .. } => Some(wire),
        }
    }

    /// Takes a message, or refuses it at once; [`Self::flush`] sends it.
    pub(super) fn publish(&mut self, message: Message, now: Time) -> Result<Token, PublishError> {
        if !matches!(self.state, State::Up { .. }) {
            return Err(PublishError::Down);
        }
        let in_flight = self.in_flight.len();
        if message.qos == Qos::AtLeastOnce && in_flight >= self.max_in_flight {
            return Err(PublishError::Full { in_flight, max: self.max_in_flight });
        }
        self.publishes += 1;
        let token = Token::new(self.conn, self.publishes);
        let id = (message.qos == Qos::AtLeastOnce).then_some(self.publishes);
        if let Some(packet) = id {
            self.in_flight.push_back(InFlight { packet, token, at: now });
        }
        let retain = message.retain == shared_host::mqtt::Retain::Yes;
        self.outgoing.push(Publish { id, topic: message.topic.into(), payload: message.payload.into(), retain });
        Ok(token)
    }

    /// Puts what was taken on the wire.
    pub(super) fn flush(&mut self, network: &mut Network, now: Time) {
        let outgoing = std::mem::take(&mut self.outgoing);
        let Some(wire) = self.wire() else { return };
        outgoing.into_iter().for_each(|publish| network.send(wire, End::Broker, Packet::Publish(publish), now));
    }

    /// Does what time has made due. `will` builds the will of an attempt.
    pub(super) fn look(&mut self, network: &mut Network, now: Time, will: impl FnOnce(u64) -> Option<Message>) {
        let over = |since: Time, ms: u64| now.ms_since(since) >= ms;
        match self.state {
            State::Waiting { until } if now >= until => self.connect(network, now, will),
            State::Waiting { .. } => {}
            State::Connecting { since, .. } if over(since, self.patience.connect_ms) => {
                self.fail(network, now, "no connection in time");
            }
            State::Connecting { .. } => {}
            State::Subscribing { since, .. } if over(since, self.patience.ack_ms) => {
                self.fail(network, now, "subscriptions were not confirmed");
            }
            State::Subscribing { .. } => {}
            State::Up { wire, .. } => {
                if self.in_flight.front().is_some_and(|oldest| over(oldest.at, self.patience.ack_ms)) {
                    self.fail(network, now, "a publish was not acknowledged");
                } else if over(self.last_ping, self.patience.keep_alive_ms) {
                    if self.pong_waits {
                        self.fail(network, now, "a ping was not answered");
                    } else {
                        self.last_ping = now;
                        self.pong_waits = true;
                        network.send(wire, End::Broker, Packet::Ping, now);
                    }
                }
            }
        }
    }

    fn connect(&mut self, network: &mut Network, now: Time, will: impl FnOnce(u64) -> Option<Message>) {
        self.conn += 1;
        let wire = network.open(self.node, now);
        let connect = Connect { client: self.node, keep_alive_ms: self.patience.keep_alive_ms, will: will(self.conn) };
        network.send(wire, End::Broker, Packet::Connect(Box::new(connect)), now);
        self.state = State::Connecting { wire, since: now };
    }

    fn fail(&mut self, network: &mut Network, now: Time, reason: &str) {
        if let Some(wire) = self.wire() {
            network.close(wire, End::Client, now);
        }
        self.lost(now, reason);
    }

    fn lost(&mut self, now: Time, reason: &str) {
        if matches!(self.state, State::Up { since, .. } if now.ms_since(since) >= STABLE_MS) {
            self.bound_ms = self.patience.backoff_least_ms;
        }
        let wait_ms = self.dice.between(0..=self.bound_ms);
        self.bound_ms = (2 * self.bound_ms).min(self.patience.backoff_most_ms);
        self.state = State::Waiting { until: now.plus_ms(wait_ms) };
        self.in_flight.clear();
        self.outgoing.clear();
        self.early.clear();
        self.pong_waits = false;
        self.events.push_back(Event::Down { conn: self.conn, reason: reason.to_owned() });
    }

    /// A packet arrived.
    pub(super) fn packet(&mut self, network: &mut Network, wire: WireId, packet: Packet, now: Time) {
        if self.wire() != Some(wire) {
            return;
        }
        match (packet, self.state) {
            (Packet::Closed, _) => {
                network.vanish(wire, End::Client);
                self.lost(now, "the broker closed the connection");
            }
            (Packet::ConnAck, State::Connecting { .. }) => {
                self.state = State::Subscribing { wire, since: now };
                self.last_ping = now;
                network.send(wire, End::Broker, Packet::Subscribe(self.filters.clone()), now);
            }
            (Packet::SubAck, State::Subscribing { .. }) => {
                self.state = State::Up { wire, since: now };
                self.events.push_back(Event::Up { conn: self.conn });
                self.events.extend(std::mem::take(&mut self.early).into_iter().map(Event::Message));
            }
            (Packet::Publish(publish), state) => {
                if let Some(id) = publish.id {
                    network.send(wire, End::Broker, Packet::PubAck(id), now);
                }
                let retained = if publish.retain { Retained::Retained } else { Retained::Live };
                let received =
                    Received { topic: publish.topic.to_string(), payload: publish.payload.to_vec(), retained };
                match state {
                    State::Subscribing { .. } => self.early.push(received),
                    _ => self.events.push_back(Event::Message(received)),
                }
            }
            (Packet::PubAck(id), _) => {
                let place = self.in_flight.iter().position(|sent| sent.packet == id);
                let acked = place.and_then(|place| self.in_flight.remove(place));
                self.events.extend(acked.map(|sent| Event::Acked(sent.token)));
            }
            (Packet::Pong, _) => self.pong_waits = false,
            _ => {}
        }
    }

    /// Says good-bye: no will follows.
    pub(super) fn disconnect(&mut self, network: &mut Network, now: Time) {
        if let Some(wire) = self.wire() {
            network.send(wire, End::Broker, Packet::Disconnect, now);
            network.close(wire, End::Client, now);
        }
    }

    /// The program is killed: the system closes its connection.
    pub(super) fn killed(&mut self, network: &mut Network, now: Time) {
        if let Some(wire) = self.wire() {
            network.close(wire, End::Client, now);
        }
    }

    /// The machine loses power: nobody tells the broker.
    pub(super) fn vanished(&mut self, network: &mut Network, now: Time) {
        if let Some(wire) = self.wire() {
            network.cut(wire, &[], now);
            network.vanish(wire, End::Client);
        }
    }
}
