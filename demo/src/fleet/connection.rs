//! The life of one connection and its devices: connected, cut, away, back again, until the fleet ends.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io;
use std::pin::pin;
use std::rc::Rc;

use fastrand::Rng;
use rumqttc::{Packet, Publish};
use shared_host::json::{decode_command, encode_into};
use shared_proto::dialect::native::{self, Kind};
use shared_proto::wire::{Departure, ReportRef};
use tokio::sync::watch::Receiver;
use tokio::time::sleep_until;

use super::device::{Device, Load};
use super::scenario::{Backoff, Happening, Way};
use super::shared::{Phase, Shared, Trace};
use super::spool::Which;
use super::wire::{Kept, Opening, Wire};

/// A PUBACK that is out for so long means that the connection is dead, in microseconds.
const UNANSWERED_US: u64 = 30_000_000;
/// A killed agent is back after at most this, in microseconds.
const RESTART_US: u64 = 1_500_000;
/// Reports under way when a connection begins.
const FIRST_REPORTS: usize = 2;

/// One connection. A connection has one will, so only a device with one of its own has a will.
#[derive(Debug)]
pub(super) struct Connection {
    number: usize,
    devices: Vec<Device>,
    /// When something happens to which device.
    due: BinaryHeap<Reverse<(u64, usize)>>,
    /// Whose packets wait for their PUBACK.
    in_flight: VecDeque<(u16, usize)>,
    shared: Rc<Shared>,
    phase: Receiver<Phase>,
    rng: Rng,
    drained: Drained,
    first: First,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Drained {
    No,
    Yes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum First {
    /// It was never up.
    Attempt,
    WasUp,
}

/// How a connection ended.
#[derive(Debug)]
enum Ending {
    Outage { us: u64, way: Way },
    Restart,
    Left,
}

impl Connection {
    /// A connection of these devices, in order of their names.
    pub(super) fn new(
        number: usize,
        devices: Vec<Device>,
        shared: Rc<Shared>,
        phase: Receiver<Phase>,
        rng: Rng,
    ) -> Self {
        let (due, in_flight) = (BinaryHeap::new(), VecDeque::new());
        let (drained, first) = (Drained::No, First::Attempt);
        let mut connection = Self { number, devices, due, in_flight, shared, phase, rng, drained, first };
        for index in 0..connection.devices.len() {
            connection.schedule(index);
        }
        connection
    }

    /// Lives from `back_us` to the end of the fleet; hands the devices back.
    pub(super) async fn live(mut self, mut back_us: u64) -> io::Result<Vec<Device>> {
        let mut backoff = Backoff::default();
        loop {
            self.stay_away(back_us).await?;
            if *self.phase.borrow() == Phase::Leaving {
                return Ok(self.devices);
            }
            match self.open().await? {
                Ok(mut wire) => {
                    backoff = Backoff::default();
                    self.came_up();
                    let ending = self.serve(&mut wire).await;
                    self.went_down();
                    let now_us = self.shared.now_us();
                    back_us = match ending {
                        Ok(Ending::Left) => return Ok(self.devices),
                        Ok(Ending::Outage { us, .. }) => Backoff::after_outage(now_us, us, &mut self.rng),
                        Ok(Ending::Restart) => now_us + self.rng.u64(..RESTART_US),
                        Err(trouble) => {
                            let mut counters = self.shared.counters.borrow_mut();
                            counters.lost += 1;
                            counters.last_trouble = Some(trouble.to_string());
                            now_us + backoff.next_us(&mut self.rng)
                        }
                    };
                }
                Err(trouble) => {
                    let mut counters = self.shared.counters.borrow_mut();
                    counters.failed += 1;
                    counters.last_trouble = Some(trouble.to_string());
                    back_us = self.shared.now_us() + backoff.next_us(&mut self.rng);
                }
            }
        }
    }

    /// Without a connection windows are closed all the same.
    async fn stay_away(&mut self, back_us: u64) -> io::Result<()> {
        loop {
            let phase = *self.phase.borrow_and_update();
            let now_us = self.shared.now_us();
            if phase == Phase::Leaving || now_us >= back_us {
                return Ok(());
            }
            let wake_us = self.next_due().map_or(back_us, |due_us| due_us.min(back_us));
            tokio::select! {
                () = sleep_until(self.shared.instant(wake_us)) => {
                    self.advance(None)?;
                }
                _ = self.phase.changed() => {}
            }
        }
    }

    /// Connects, while windows are closed.
    async fn open(&mut self) -> io::Result<io::Result<Wire>> {
        for device in &mut self.devices {
            device.conn += 1;
        }
        let root = &self.shared.root;
        let will = match self.devices.as_slice() {
            [alone] => {
                let gone = alone.gone(Departure::Lost, self.shared.now_us());
                let topic = native::topic(root, &alone.id, Kind::Status).as_str().to_owned();
                Some((topic, serde_json::to_vec(&gone)?))
            }
            _ => None,
        };
        let topic = |device: &Device| native::topic(root, &device.id, Kind::Command).as_str().to_owned();
        let filters = self.devices.iter().map(topic).collect();
        let client_id = match self.devices.as_slice() {
            [alone] => format!("{root}-{}", alone.id),
            _ => format!("{root}-shared-{}", self.number),
        };
        let mut opening = pin!(Opening { broker: self.shared.broker, client_id, will, filters }.open());
        loop {
            let wake_us = self.next_due();
            tokio::select! {
                opened = &mut opening => return Ok(opened),
                () = sleep_until(self.shared.instant(wake_us.unwrap_or_default())), if wake_us.is_some() => {
                    self.advance(None)?;
                }
            }
        }
    }

    fn came_up(&mut self) {
        let mut counters = self.shared.counters.borrow_mut();
        counters.connected += self.devices.len();
        match std::mem::replace(&mut self.first, First::WasUp) {
            First::Attempt => counters.ever_connected += self.devices.len(),
            First::WasUp => counters.reconnects += 1,
        }
    }

    fn went_down(&mut self) {
        self.shared.counters.borrow_mut().connected -= self.devices.len();
        self.in_flight.clear();
        for device in &mut self.devices {
            device.lose_link();
        }
    }

    async fn serve(&mut self, wire: &mut Wire) -> io::Result<Ending> {
        for index in 0..self.devices.len() {
            self.tell_status(index, wire)?;
            for _ in 0..FIRST_REPORTS {
                self.send_report(index, Which::Oldest, wire)?;
            }
            self.send_answers(index, wire)?;
        }
        loop {
            wire.flush()?;
            let phase = *self.phase.borrow_and_update();
            match phase {
                Phase::Running => {}
                Phase::Draining => self.look_whether_drained(),
                Phase::Leaving => {
                    self.leave(self.shared.trace, wire).await?;
                    return Ok(Ending::Left);
                }
            }
            let wake_us = self.next_due();
            tokio::select! {
                ready = wire.ready() => {
                    ready?;
                    wire.fill(&mut self.shared.read.borrow_mut())?;
                    while let Some(packet) = wire.next()? {
                        self.take(packet, wire)?;
                    }
                }
                () = sleep_until(self.shared.instant(wake_us.unwrap_or_default())), if wake_us.is_some() => {
                    if let Some(ending) = self.advance(Some(wire))? {
                        if let Ending::Outage { way: Way::Goodbye, .. } = ending {
                            self.leave(Trace::Stays, wire).await?;
                        }
                        return Ok(ending);
                    }
                }
                _ = self.phase.changed() => {}
            }
        }
    }

    fn schedule(&mut self, index: usize) {
        let Some(device) = self.devices.get(index) else { return };
        let planned = device.plan.front().map_or(u64::MAX, |(at_us, _)| *at_us);
        self.due.push(Reverse((device.next_window_us.min(planned), index)));
    }

    fn next_due(&self) -> Option<u64> {
        if *self.phase.borrow() != Phase::Running {
            return None;
        }
        self.due.peek().map(|Reverse((at_us, _))| *at_us)
    }

    /// Does what time has made due.
    fn advance(&mut self, mut wire: Option<&mut Wire>) -> io::Result<Option<Ending>> {
        let now_us = self.shared.now_us();
        let mut ending = None;
        while let Some(&Reverse((at_us, index))) = self.due.peek() {
            if at_us > now_us {
                break;
            }
            self.due.pop();
            ending = self.happen(index, now_us, wire.as_deref_mut())?.or(ending);
            self.close_windows(index, now_us, wire.as_deref_mut())?;
            self.schedule(index);
        }
        Ok(ending)
    }

    fn close_windows(&mut self, index: usize, now_us: u64, mut wire: Option<&mut Wire>) -> io::Result<()> {
        let shared = Rc::clone(&self.shared);
        loop {
            let Some(device) = self.devices.get_mut(index) else { return Ok(()) };
            let at_us = device.next_window_us;
            if at_us > now_us {
                return Ok(());
            }
            let merged = device.close_window(at_us, &shared.common);
            shared.counters.borrow_mut().merged += merged;
            if let Some(wire) = wire.as_deref_mut() {
                let silent_us = device.spool.oldest_sent_us().map_or(0, |sent_us| now_us.saturating_sub(sent_us));
                if silent_us > UNANSWERED_US {
                    return Err(io::Error::other("no PUBACK for 30 s"));
                }
                self.send_report(index, Which::Newest, wire)?;
            }
        }
    }

    /// What the plan says for this time.
    fn happen(&mut self, index: usize, now_us: u64, mut wire: Option<&mut Wire>) -> io::Result<Option<Ending>> {
        let shared = Rc::clone(&self.shared);
        let alone = self.devices.len() == 1;
        let mut ending = None;
        loop {
            let Some(device) = self.devices.get_mut(index) else { return Ok(ending) };
            let Some((_, happening)) = device.plan.pop_front_if(|(at_us, _)| *at_us <= now_us) else {
                return Ok(ending);
            };
            match happening {
                Happening::OverloadBegins => device.set_load(Load::Heavy, now_us),
                Happening::OverloadEnds => device.set_load(Load::Light, now_us),
                Happening::Outage { us, way } if wire.is_some() => ending = Some(Ending::Outage { us, way }),
                Happening::Outage { .. } => {}
                Happening::Restart => {
                    device.restart(now_us, &shared.common);
                    shared.counters.borrow_mut().restarts += 1;
                    match wire.as_deref_mut() {
                        Some(_) if alone => ending = Some(Ending::Restart),
                        Some(wire) => {
                            device.conn = 1;
                            self.tell_status(index, wire)?;
                        }
                        None => {}
                    }
                }
                Happening::Duplicate => {
                    if device.spool.duplicate()
                        && let Some(wire) = wire.as_deref_mut()
                    {
                        self.send_report(index, Which::Oldest, wire)?;
                    }
                }
            }
        }
    }

    fn take(&mut self, packet: Packet, wire: &mut Wire) -> io::Result<()> {
        match packet {
            Packet::PubAck(ack) => self.take_puback(ack.pkid, wire),
            Packet::Publish(publish) => {
                wire.acknowledge(publish.pkid)?;
                self.take_command(&publish, wire)
            }
            _ => Ok(()),
        }
    }

    fn take_puback(&mut self, packet: u16, wire: &mut Wire) -> io::Result<()> {
        let Some(at) = self.in_flight.iter().position(|(sent, _)| *sent == packet) else { return Ok(()) };
        let Some((_, index)) = self.in_flight.remove(at) else { return Ok(()) };
        let Some(device) = self.devices.get_mut(index) else { return Ok(()) };
        let Some(sent_us) = device.spool.acked(packet) else {
            device.answers.retain(|answer| answer.packet != Some(packet));
            return Ok(());
        };
        {
            let took_us = self.shared.now_us().saturating_sub(sent_us);
            let mut counters = self.shared.counters.borrow_mut();
            counters.reports_acked += 1;
            counters.puback.record(took_us.saturating_mul(1_000));
        }
        self.send_report(index, Which::Oldest, wire)
    }

    fn take_command(&mut self, publish: &Publish, wire: &mut Wire) -> io::Result<()> {
        let shared = Rc::clone(&self.shared);
        let found = native::parse(&shared.root, &publish.topic)
            .filter(|(_, kind)| *kind == Kind::Command)
            .and_then(|(id, _)| self.devices.binary_search_by(|device| device.id.cmp(&id)).ok());
        let (Some(index), Ok(command)) = (found, decode_command(&publish.payload)) else {
            shared.counters.borrow_mut().bad_commands += 1;
            return Ok(());
        };
        let Some(device) = self.devices.get_mut(index) else { return Ok(()) };
        let effect = device.command(&command, shared.now_us(), &shared.common);
        shared.counters.borrow_mut().note_command(&effect);
        self.send_answers(index, wire)?;
        if effect.resent > 0 { self.send_report(index, Which::Oldest, wire) } else { Ok(()) }
    }

    fn send_report(&mut self, index: usize, which: Which, wire: &mut Wire) -> io::Result<()> {
        let shared = Rc::clone(&self.shared);
        let Some(device) = self.devices.get_mut(index) else { return Ok(()) };
        let (packet, now_us) = (wire.next_packet(), shared.now_us());
        let Some(next) = device.spool.send(which, packet, now_us) else { return Ok(()) };
        let report = next.stretch.report(&device.id, &shared.common.spreads).map_err(io::Error::other)?;
        let again = next.again;
        debug_assert!(report.validate().is_ok(), "{report:?}");
        let mut buffer = shared.write.borrow_mut();
        let length = encode_into(&report, &mut buffer).map_err(io::Error::other)?;
        let topic = native::topic(&shared.root, &device.id, Kind::Report);
        wire.publish(topic.as_str(), buffer.get(..length).unwrap_or_default(), packet, Kept::No)?;
        if !again {
            device.note_sent(ReportRef { boot: report.boot, seq: report.seq }, now_us, &shared.common);
        }
        self.in_flight.push_back((packet, index));
        let mut counters = shared.counters.borrow_mut();
        counters.reports_sent += 1;
        counters.resent += u64::from(again);
        counters.report_bytes += u64::try_from(length).unwrap_or(0);
        Ok(())
    }

    fn send_answers(&mut self, index: usize, wire: &mut Wire) -> io::Result<()> {
        let Some(device) = self.devices.get_mut(index) else { return Ok(()) };
        let topic = native::topic(&self.shared.root, &device.id, Kind::Ack);
        for answer in device.answers.iter_mut().filter(|answer| answer.packet.is_none()) {
            let packet = wire.next_packet();
            wire.publish(topic.as_str(), &serde_json::to_vec(&answer.ack)?, packet, Kept::No)?;
            answer.packet = Some(packet);
            self.in_flight.push_back((packet, index));
        }
        Ok(())
    }

    fn tell_status(&mut self, index: usize, wire: &mut Wire) -> io::Result<()> {
        let Some(device) = self.devices.get(index) else { return Ok(()) };
        let topic = native::topic(&self.shared.root, &device.id, Kind::Status);
        let status = serde_json::to_vec(&device.status(self.shared.now_us()))?;
        let packet = wire.next_packet();
        wire.publish(topic.as_str(), &status, packet, Kept::Yes)
    }

    fn look_whether_drained(&mut self) {
        let empty = self.devices.iter().all(|device| device.spool.waiting() == 0 && device.answers.is_empty());
        let now = if empty { Drained::Yes } else { Drained::No };
        let count = &self.shared.drained;
        match (std::mem::replace(&mut self.drained, now), now) {
            (Drained::No, Drained::Yes) => count.set(count.get() + 1),
            (Drained::Yes, Drained::No) => count.set(count.get().saturating_sub(1)),
            _ => {}
        }
    }

    /// The last word: the devices have gone, or were never there.
    async fn leave(&self, trace: Trace, wire: &mut Wire) -> io::Result<()> {
        for device in &self.devices {
            let topic = native::topic(&self.shared.root, &device.id, Kind::Status);
            let word = match trace {
                Trace::Stays => serde_json::to_vec(&device.gone(Departure::Stopped, self.shared.now_us()))?,
                // An empty payload clears the topic (MQTT 3.1.1, section 3.3.1.3).
                Trace::Cleared => Vec::new(),
            };
            let packet = wire.next_packet();
            wire.publish(topic.as_str(), &word, packet, Kept::Yes)?;
        }
        wire.say_goodbye().await
    }
}
