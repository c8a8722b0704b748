//! The broker: QoS 1 both ways, retained messages, wills, clean sessions, take-over of a client's old connection.

use std::collections::BTreeMap;
use std::rc::Rc;

use shared_host::mqtt::{Filter, Message};

use super::dice::Dice;
use super::happenings::{Happening, Happenings};
use super::network::{End, Network, WireId};
use super::packet::{Connect, Packet, Publish};
use super::time::Time;
use super::trace::Node;

/// What this broker does besides its duty, in percent of the cases.
#[derive(Debug, Clone, Copy)]
pub(super) struct Habits {
    /// A QoS 1 message is delivered a second time.
    pub(super) repeat: u64,
    /// A will waits until after the client's next birth.
    pub(super) late_will: u64,
}

/// What a restart does to the retained messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Store {
    Kept,
    Lost,
}

/// A message that the broker has taken from a client.
#[derive(Debug, Clone)]
pub(super) struct Accepted {
    pub(super) from: Node,
    pub(super) topic: Rc<str>,
    pub(super) payload: Rc<[u8]>,
}

#[derive(Debug)]
struct Session {
    client: Node,
    keep_alive_ms: u64,
    will: Option<Message>,
    heard: Time,
    filters: Vec<Filter>,
    sent: u64,
}

#[derive(Debug)]
pub(super) struct Broker {
    habits: Habits,
    sessions: BTreeMap<WireId, Session>,
    retained: BTreeMap<Rc<str>, Rc<[u8]>>,
    /// Down until then.
    down_until: Time,
    late_wills: Vec<(Time, Message)>,
    repeats: Vec<(Time, WireId, Publish)>,
    /// For who listens at the broker itself, without a network between.
    pub(super) accepted: Vec<Accepted>,
    dice: Dice,
}

impl Broker {
    pub(super) fn new(habits: Habits, dice: Dice) -> Self {
        Self {
            habits,
            sessions: BTreeMap::new(),
            retained: BTreeMap::new(),
            down_until: Time::default(),
            late_wills: Vec::new(),
            repeats: Vec::new(),
            accepted: Vec::new(),
            dice,
        }
    }

    /// From now on it keeps to its duty.
    pub(super) fn behave(&mut self) {
        self.habits = Habits { repeat: 0, late_will: 0 };
    }

    /// Crashes, and is back at `until`. Every connection is gone; `told` clients hear of it.
    pub(super) fn crash(&mut self, network: &mut Network, until: Time, store: Store, now: Time) {
        for wire in std::mem::take(&mut self.sessions).into_keys() {
            if self.dice.percent(70) {
                network.close(wire, End::Broker, now);
            } else {
                network.cut(wire, &[], now);
                network.vanish(wire, End::Broker);
            }
        }
        self.late_wills.clear();
        self.repeats.clear();
        if store == Store::Lost {
            self.retained.clear();
        }
        self.down_until = until.max(self.down_until);
    }

    pub(super) fn packet(
        &mut self,
        network: &mut Network,
        wire: WireId,
        packet: Packet,
        now: Time,
        seen: &mut Happenings,
    ) {
        if now < self.down_until {
            network.close(wire, End::Broker, now);
            return;
        }
        if let Packet::Connect(connect) = packet {
            self.connect(network, wire, *connect, now, seen);
            return;
        }
        let Some(session) = self.sessions.get_mut(&wire) else { return };
        session.heard = now;
        match packet {
            Packet::Subscribe(filters) => {
                session.filters.clone_from(&filters);
                // A broker may send what it retains before it confirms.
                let early = self.dice.percent(50);
                if !early {
                    network.send(wire, End::Client, Packet::SubAck, now);
                }
                let matching =
                    |(topic, _): &(&Rc<str>, &Rc<[u8]>)| filters.iter().any(|filter| matches(&filter.topic, topic));
                for (topic, payload) in self.retained.iter().filter(matching) {
                    session.sent += 1;
                    let (topic, payload) = (Rc::clone(topic), Rc::clone(payload));
                    let publish = Publish { id: Some(session.sent), topic, payload, retain: true };
                    network.send(wire, End::Client, Packet::Publish(publish), now);
                }
                if early {
                    network.send(wire, End::Client, Packet::SubAck, now);
                }
            }
            Packet::Publish(publish) => {
                let from = session.client;
                if let Some(id) = publish.id {
                    network.send(wire, End::Client, Packet::PubAck(id), now);
                }
                self.accepted.push(Accepted {
                    from,
                    topic: Rc::clone(&publish.topic),
                    payload: Rc::clone(&publish.payload),
                });
                self.route(network, publish, now);
            }
            Packet::Ping => network.send(wire, End::Client, Packet::Pong, now),
            Packet::Disconnect => {
                self.sessions.remove(&wire);
                network.vanish(wire, End::Broker);
            }
            Packet::Closed => {
                network.vanish(wire, End::Broker);
                self.end(network, wire, now, seen);
            }
            _ => {}
        }
    }

    fn connect(&mut self, network: &mut Network, wire: WireId, connect: Connect, now: Time, seen: &mut Happenings) {
        let old = self.sessions.iter().find(|(_, session)| session.client == connect.client).map(|(id, _)| *id);
        if let Some(old) = old {
            seen.note(Happening::Takeover);
            network.close(old, End::Broker, now);
            self.end(network, old, now, seen);
        }
        let Connect { client, keep_alive_ms, will } = connect;
        let session = Session { client, keep_alive_ms, will, heard: now, filters: Vec::new(), sent: 0 };
        self.sessions.insert(wire, session);
        network.send(wire, End::Client, Packet::ConnAck, now);
    }

    /// A connection has ended without good-bye: its will is published.
    fn end(&mut self, network: &mut Network, wire: WireId, now: Time, seen: &mut Happenings) {
        let Some(will) = self.sessions.remove(&wire).and_then(|session| session.will) else { return };
        seen.note(Happening::Will);
        if self.dice.percent(self.habits.late_will) {
            seen.note(Happening::LateWill);
            self.late_wills.push((now.plus_ms(self.dice.between(1..=3_000)), will));
        } else {
            self.publish(network, will, now);
        }
    }

    fn publish(&mut self, network: &mut Network, message: Message, now: Time) {
        let retain = message.retain == shared_host::mqtt::Retain::Yes;
        let publish = Publish { id: Some(0), topic: message.topic.into(), payload: message.payload.into(), retain };
        self.route(network, publish, now);
    }

    fn route(&mut self, network: &mut Network, publish: Publish, now: Time) {
        if publish.retain {
            if publish.payload.is_empty() {
                self.retained.remove(&publish.topic);
            } else {
                self.retained.insert(Rc::clone(&publish.topic), Rc::clone(&publish.payload));
            }
        }
        for (wire, session) in &mut self.sessions {
            if !session.filters.iter().any(|filter| matches(&filter.topic, &publish.topic)) {
                continue;
            }
            session.sent += 1;
            let id = publish.id.map(|_| session.sent);
            let copy = Publish { id, retain: false, ..publish.clone() };
            // Statuses are left out: repeated much later, they would be news of a wrong time on one connection.
            if !publish.retain && id.is_some() && self.dice.percent(self.habits.repeat) {
                let again = now.plus_ms(self.dice.between(0..=3_000));
                self.repeats.push((again, *wire, copy.clone()));
            }
            network.send(*wire, End::Client, Packet::Publish(copy), now);
        }
    }

    /// Does what time has made due: dead clients, wills, repetitions.
    pub(super) fn look(&mut self, network: &mut Network, now: Time, seen: &mut Happenings) {
        let dead = |session: &Session| now.ms_since(session.heard) > session.keep_alive_ms * 3 / 2;
        let dead: Vec<_> = self.sessions.iter().filter(|(_, session)| dead(session)).map(|(id, _)| *id).collect();
        for wire in dead {
            network.close(wire, End::Broker, now);
            self.end(network, wire, now, seen);
        }
        let (due, later) = std::mem::take(&mut self.late_wills).into_iter().partition(|(at, _)| *at <= now);
        self.late_wills = later;
        let due: Vec<(Time, Message)> = due;
        due.into_iter().for_each(|(_, will)| self.publish(network, will, now));
        for (at, wire, publish) in std::mem::take(&mut self.repeats) {
            if at > now {
                self.repeats.push((at, wire, publish));
            } else if self.sessions.contains_key(&wire) {
                network.send(wire, End::Client, Packet::Publish(publish), now);
            }
        }
    }
}

/// Whether a topic matches a filter; only `+` is used here.
fn matches(filter: &str, topic: &str) -> bool {
    let mut levels = topic.split('/');
    filter.split('/').all(|level| levels.next().is_some_and(|found| level == "+" || level == found))
        && levels.next().is_none()
}
