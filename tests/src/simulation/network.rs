//! TCP connections to the broker: in order, each way with a delay, until they break. A partition holds packets back, as
//! retransmission does; what was under way when a connection is cut is lost from some packet on.

use std::collections::{BTreeMap, VecDeque};

use super::dice::Dice;
use super::packet::Packet;
use super::time::Time;
use super::trace::Node;

/// A connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct WireId(u64);

/// An end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    Client,
    Broker,
}

impl End {
    fn other(self) -> Self {
        match self {
            Self::Client => Self::Broker,
            Self::Broker => Self::Client,
        }
    }
}

/// Delays of a healthy network, in microseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Latency {
    pub(super) least_us: u64,
    pub(super) most_us: u64,
}

#[derive(Debug)]
struct Wire {
    client: Node,
    /// By the end that the packets go to.
    client_side: Side,
    broker_side: Side,
}

/// One end, and what is on its way to it.
#[derive(Debug)]
struct Side {
    open: bool,
    /// Not after a cut: what is sent then gets nowhere.
    carries: bool,
    coming: VecDeque<Packet>,
    last_arrival: Time,
}

impl Wire {
    fn side(&mut self, end: End) -> &mut Side {
        match end {
            End::Client => &mut self.client_side,
            End::Broker => &mut self.broker_side,
        }
    }
}

impl Side {
    /// Behind all that is on its way already; when it arrives.
    fn push(&mut self, packet: Packet, soonest: Time) -> Option<Time> {
        if !self.carries {
            return None;
        }
        self.coming.push_back(packet);
        self.last_arrival = self.last_arrival.max(soonest);
        Some(self.last_arrival)
    }
}

#[derive(Debug)]
pub(super) struct Network {
    wires: BTreeMap<WireId, Wire>,
    opened: u64,
    arrivals: BTreeMap<(Time, u64), (WireId, End)>,
    sent: u64,
    latency: Latency,
    /// Until when nothing arrives at this end of this client's connections.
    barriers: BTreeMap<(Node, End), Time>,
    dice: Dice,
}

impl Network {
    pub(super) fn new(latency: Latency, dice: Dice) -> Self {
        Self {
            wires: BTreeMap::new(),
            opened: 0,
            arrivals: BTreeMap::new(),
            sent: 0,
            latency,
            barriers: BTreeMap::new(),
            dice,
        }
    }

    pub(super) fn open(&mut self, client: Node, now: Time) -> WireId {
        self.opened += 1;
        let side = || Side { open: true, carries: true, coming: VecDeque::new(), last_arrival: now };
        self.wires.insert(WireId(self.opened), Wire { client, client_side: side(), broker_side: side() });
        WireId(self.opened)
    }

    /// Sends to one end from the other; into nothing if that is closed.
    pub(super) fn send(&mut self, wire: WireId, to: End, packet: Packet, now: Time) {
        let delay = self.dice.between(self.latency.least_us..=self.latency.most_us);
        let Some(found) = self.wires.get_mut(&wire) else { return };
        let from = found.side(to.other());
        if !from.open {
            return;
        }
        found.side(to).push(packet, now.plus_us(delay)).into_iter().for_each(|at| self.schedule(at, wire, to));
    }

    fn schedule(&mut self, at: Time, wire: WireId, to: End) {
        self.sent += 1;
        self.arrivals.insert((at, self.sent), (wire, to));
    }

    /// One end closes the connection. The other hears of it when all that was sent before has arrived.
    pub(super) fn close(&mut self, wire: WireId, end: End, now: Time) {
        self.send(wire, end.other(), Packet::Closed, now);
        self.vanish(wire, end);
    }

    /// One end is gone without a word.
    pub(super) fn vanish(&mut self, wire: WireId, end: End) {
        let Some(found) = self.wires.get_mut(&wire) else { return };
        let side = found.side(end);
        side.open = false;
        side.coming.clear();
        if !found.client_side.open && !found.broker_side.open {
            self.wires.remove(&wire);
        }
    }

    /// Cuts the connection: of what is under way to each end only some arrives. `told` are the ends that then hear of it.
    pub(super) fn cut(&mut self, wire: WireId, told: &[End], now: Time) {
        for end in [End::Client, End::Broker] {
            let Some(found) = self.wires.get_mut(&wire) else { return };
            let side = found.side(end);
            let under_way = u64::try_from(side.coming.len()).unwrap_or(u64::MAX);
            let kept = self.dice.between(0..=under_way);
            side.coming.truncate(usize::try_from(kept).unwrap_or(usize::MAX));
            if told.contains(&end) {
                self.send(wire, end, Packet::Closed, now);
            }
            if let Some(found) = self.wires.get_mut(&wire) {
                found.side(end).carries = false;
            }
        }
    }

    /// Nothing arrives at this end of the client's connections until then.
    pub(super) fn hold(&mut self, client: Node, end: End, until: Time) {
        let barrier = self.barriers.entry((client, end)).or_default();
        *barrier = until.max(*barrier);
    }

    /// All that is held back may go.
    pub(super) fn heal(&mut self) {
        self.barriers.clear();
    }

    /// The live connection of a client, the newest.
    pub(super) fn wire_of(&self, client: Node) -> Option<WireId> {
        let of_client = |(id, wire): (&WireId, &Wire)| (wire.client == client && wire.client_side.open).then_some(*id);
        self.wires.iter().rev().find_map(of_client)
    }

    pub(super) fn next_arrival(&self) -> Option<Time> {
        self.arrivals.first_key_value().map(|((at, _), _)| *at)
    }

    /// The arrival that is due, if it does arrive: where, and what. `busy_until` tells until when a client hears nothing.
    pub(super) fn arrive(
        &mut self,
        now: Time,
        busy_until: impl Fn(Node) -> Time,
    ) -> Option<(WireId, Node, End, Packet)> {
        let (_, (wire, end)) = self.arrivals.pop_first()?;
        let found = self.wires.get_mut(&wire)?;
        let client = found.client;
        let held = self.barriers.get(&(client, end)).copied().unwrap_or_default();
        let busy = if end == End::Client { busy_until(client) } else { Time::default() };
        let until = held.max(busy);
        if until > now {
            let after = self.dice.between(1..=self.latency.most_us);
            self.schedule(until.plus_us(after), wire, end);
            return None;
        }
        let side = found.side(end);
        let packet = side.coming.pop_front()?;
        if !side.open {
            // Nobody is there any more: the sender is told.
            self.send_reset(wire, end, now);
            return None;
        }
        Some((wire, client, end, packet))
    }

    fn send_reset(&mut self, wire: WireId, from: End, now: Time) {
        let delay = self.dice.between(self.latency.least_us..=self.latency.most_us);
        let Some(found) = self.wires.get_mut(&wire) else { return };
        let to = from.other();
        let arrival = found.side(to).push(Packet::Closed, now.plus_us(delay));
        arrival.into_iter().for_each(|at| self.schedule(at, wire, to));
    }
}
