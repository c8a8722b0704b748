//! Between the core and a connection: topics, encoding, and what came of each publish. A state machine without I/O or clock:
//! what happens on the connection comes in with its time, messages go out through an [`Outbox`].

mod classroom;
mod edgex;
mod pace;
mod refusals;
#[cfg(test)]
mod tests;
mod topics;
mod trust;

use serde::Serialize;
use shared_host::json::{CommandError, DecodeError, decode_command, encode};
use shared_host::lab_sign::Wall;
use shared_host::mqtt::{Filter, Message, PublishError, Publisher, Qos, Received, Retain, Retained, Token};
use shared_proto::ids::TopicRoot;
use shared_proto::limits::{MAX_ACK, MAX_REPORT, MAX_STATUS};
use shared_proto::sign::{OVERHEAD, Refusal};
use shared_proto::text::{Reason, Text};
use shared_proto::wire::{Departure, DialectName, Dialects, Settings, Status, Task, Version};
use tracing::{debug, info, warn};

use crate::agent::{Agent, Refused};
use crate::host::Platform;
use crate::mode::Decision;
use crate::spool::Lane;
use crate::store::Urgency;
use crate::time::MonoTime;
use classroom::Classroom;
use edgex::Edgex;
pub use edgex::EdgexSettings;
use pace::Pace;
use refusals::Refusals;
use topics::Topics;
use trust::Doubt;
pub use trust::{Commands, Own, Trust};

/// A connection that ends sooner than this after it was made is a short one; so many in a row give a hint.
const SHORT_LIFE_MS: u64 = 10_000;
const SHORT_LIVES: u32 = 3;

/// Name of the kept value that tells how far the sender of classroom commands has come.
const LAB_MARK: &str = "lab-mark";

/// Takes publishes, or refuses them at once; nothing waits.
pub trait Outbox {
    /// Publishes a message.
    ///
    /// # Errors
    /// [`PublishError`] if it was not taken.
    fn try_publish(&mut self, message: Message) -> Result<Token, PublishError>;
}

impl Outbox for Publisher {
    fn try_publish(&mut self, message: Message) -> Result<Token, PublishError> {
        Publisher::try_publish(self, message)
    }
}

/// What a session goes by.
#[derive(Debug)]
pub struct Plan<'a> {
    /// Name of the client at the broker, for a log.
    pub client_id: &'a str,
    /// First levels of all topics.
    pub root: &'a TopicRoot,
    /// Message formats.
    pub dialects: &'a Dialects,
    /// Whom the device believes, and what it signs.
    pub trust: Trust,
    /// How EdgeX' wire is spoken, if it is.
    pub edgex: EdgexSettings,
    /// Reports of before the connection that are sent per second, at least 1. Those of now do not count.
    pub catch_up_per_s: u32,
    /// The real-time settings that the status tells.
    pub settings: Settings,
    /// Board and kernel, for the status.
    pub platform: &'a Platform,
}

/// What one device says and hears on its connections, one after another.
#[derive(Debug)]
pub struct Session {
    client_id: String,
    dialects: Dialects,
    topics: Topics,
    trust: Trust,
    classroom: Classroom,
    /// None unless it is spoken.
    edgex: Option<Edgex>,
    /// The status as it stands; the will of the next connection is made from it.
    status: Status,
    up_since: Option<MonoTime>,
    short_lives: u32,
    conn: u64,
    status_due: bool,
    /// The connection took no more; it will after the next PUBACK.
    congested: bool,
    turn: Turn,
    catching_up: Pace,
    last_down: String,
    delivered: u64,
    refusals: Refusals,
}

/// Who may publish next, if both wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Ack,
    Report,
}

impl Session {
    /// The device of `agent`, not connected.
    #[must_use]
    pub fn new(plan: &Plan<'_>, agent: &Agent<Token>) -> Self {
        let Plan { client_id, root, dialects, trust, edgex, catch_up_per_s, settings, platform } = plan;
        Self {
            client_id: (*client_id).to_owned(),
            dialects: (*dialects).clone(),
            trust: trust.clone(),
            topics: Topics::new(root, &agent.identity().device),
            status: first_status(dialects, agent, settings.clone(), platform),
            catching_up: Pace::new(*catch_up_per_s),
            up_since: None,
            short_lives: 0,
            conn: 0,
            status_due: false,
            congested: false,
            turn: Turn::Ack,
            last_down: String::new(),
            delivered: 0,
            classroom: Classroom::new(agent.identity().device.clone(), agent.identity().boot),
            edgex: dialects.contains(&DialectName::Edgex).then(|| Edgex::new(agent.identity().device.clone(), *edgex)),
            refusals: Refusals::default(),
        }
    }

    /// The subscriptions of every connection.
    #[must_use]
    pub fn filters(&self) -> Vec<Filter> {
        self.dialects.iter().map(|dialect| self.topics.filter(*dialect)).collect()
    }

    /// The status as it stands.
    #[must_use]
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// What makes the wills, apart from the session: the next one is needed while the session is busy.
    #[must_use]
    pub fn testament(&self) -> Testament {
        Testament { topic: self.topics.status.clone(), trust: self.trust.clone() }
    }

    /// Connected, and subscribed.
    pub fn up(&mut self, conn: u64, agent: &mut Agent<Token>, now: MonoTime) {
        info!(conn, "connected");
        agent.connection_made();
        self.conn = conn;
        self.up_since = Some(now);
        self.congested = false;
        self.status_due = true;
    }

    /// An attempt to connect failed, or the connection ended.
    pub fn down(&mut self, conn: u64, reason: String, agent: &mut Agent<Token>, now: MonoTime) {
        // The same trouble again and again, while the broker is away, is no news.
        if self.is_up() || reason != self.last_down {
            warn!(conn, %reason, "no connection");
        }
        self.note_short_life(now);
        self.conn = conn;
        self.last_down = reason;
        if let Some(edgex) = &mut self.edgex {
            edgex.down();
        }
        agent.connection_lost(|token| token.conn() == conn);
    }

    /// The broker has this publish.
    pub fn acked(&mut self, token: Token, agent: &mut Agent<Token>) {
        self.congested = false;
        if agent.acknowledged(token) {
            self.delivered += 1;
        }
    }

    /// Connections that are closed soon after they were made, again and again: the usual cause is a second client of the
    /// same identifier, a copied SD card for example; the two throw each other out.
    fn note_short_life(&mut self, now: MonoTime) {
        let Some(since) = self.up_since.take() else { return };
        self.short_lives = if now.millis_since(since) < SHORT_LIFE_MS { self.short_lives + 1 } else { 0 };
        if self.short_lives == SHORT_LIVES {
            warn!(
                client_id = self.client_id,
                "the connection is lost again and again soon after it was made: does another client use this mqtt.client_id?"
            );
            self.short_lives = 0;
        }
    }

    /// A message arrived. `wall` is the time of day as far as it is known: classroom signatures go by it.
    pub fn message(&mut self, message: &Received, agent: &mut Agent<Token>, now: MonoTime, wall: Wall) {
        if message.retained == Retained::Retained {
            // Its id is not answered: whoever left it is not waiting.
            agent.refuse(Refused::Retained, None, "retained");
            self.refusals.note(&message.topic, "a retained command is old by nature", agent.counts(), now);
        } else if message.topic == self.topics.lab_command {
            self.lab_message(message, agent, now, wall);
        } else if self.edgex.is_some() && message.topic.starts_with("command/") {
            self.edgex_message(message, agent, now);
        } else {
            self.native_message(message, agent, now);
        }
    }

    fn native_message(&mut self, message: &Received, agent: &mut Agent<Token>, now: MonoTime) {
        if let Err(doubt) = self.trust.believe(&message.topic, &message.payload) {
            return self.doubt(message, doubt, agent, now);
        }
        match decode_command(&message.payload) {
            Ok(command) if self.trust.wants_a_limit() && command.fresh.is_none() => {
                self.doubt(message, Doubt::Unlimited, agent, now);
            }
            Ok(command) => {
                debug!(id = %command.id, mode = %command.mode, "command");
                if let Err(why) = agent.command(&command, now) {
                    self.refusals.note(&message.topic, &why.to_string(), agent.counts(), now);
                }
            }
            Err(CommandError { id, error }) => {
                let why = error.to_string();
                agent.refuse(kind(&error), id, &why);
                self.refusals.note(&message.topic, &why, agent.counts(), now);
            }
        }
    }

    fn lab_message(&mut self, message: &Received, agent: &mut Agent<Token>, now: MonoTime, wall: Wall) {
        let time = (agent.up_ms(now), wall);
        let kept = || agent.kept_value(LAB_MARK).map(str::to_owned);
        match self.classroom.command(&self.trust, &message.payload, time, kept) {
            Ok(command) => {
                agent.lab_command(&command, now);
                if let Some(mark) = self.classroom.to_keep() {
                    agent.keep_value(LAB_MARK, mark, Urgency::Soon);
                }
            }
            Err(refusal) => {
                agent.refuse(refusal.kind(), None, "");
                self.refusals.note(&message.topic, &refusal.to_string(), agent.counts(), now);
            }
        }
    }

    fn edgex_message(&mut self, message: &Received, agent: &mut Agent<Token>, now: MonoTime) {
        if let Some(Err(refusal)) = self.edgex.as_mut().map(|edgex| edgex.message(message, agent, now)) {
            agent.refuse(refusal.kind(), None, "");
            self.refusals.note(&message.topic, &refusal.to_string(), agent.counts(), now);
        }
    }

    /// A message that is not believed changes nothing, and is not answered: nobody knows whose it is.
    fn doubt(&mut self, message: &Received, doubt: Doubt, agent: &mut Agent<Token>, now: MonoTime) {
        let kind = match doubt {
            Doubt::Signature(Refusal::Unsigned) | Doubt::Unlimited => Refused::Unsigned,
            Doubt::Signature(Refusal::Wrong | Refusal::Malformed) => Refused::Forged,
        };
        agent.refuse(kind, None, "");
        self.refusals.note(&message.topic, &doubt.to_string(), agent.counts(), now);
    }

    /// Publishes what is due, as far as the connection takes it.
    pub fn send(&mut self, agent: &mut Agent<Token>, outbox: &mut impl Outbox, now: MonoTime) {
        let speaks_native = self.dialects.contains(&DialectName::Native);
        if !speaks_native {
            agent.spool().discard();
        }
        if !self.is_up() {
            return;
        }
        if speaks_native {
            self.send_status(agent, outbox, now);
            self.send_by_turns(agent, outbox, now);
        }
        if let Some(edgex) = &mut self.edgex {
            edgex.send(agent, outbox, now);
        }
        if let Some(metrics) = agent.take_lab_metrics()
            && self.dialects.contains(&DialectName::Lab)
            && let Some(payload) = self.classroom.metrics(&self.trust, &metrics)
        {
            // At most once, as the classroom's own client: the next one comes soon.
            let _ = outbox.try_publish(message(&self.topics.lab_metrics, payload, Qos::AtMostOnce, Retain::No));
        }
    }

    fn send_status(&mut self, agent: &Agent<Token>, outbox: &mut impl Outbox, now: MonoTime) {
        if !self.status_due {
            return;
        }
        self.status.conn = self.conn;
        self.status.up_ms = Some(agent.up_ms(now));
        let message = status_message(&self.topics.status, &self.status, &self.trust);
        self.status_due = message.is_some_and(|message| outbox.try_publish(message).is_err());
    }

    /// Acknowledgements and reports take turns: neither a flood of commands keeps the reports back, nor a full spool the
    /// acknowledgements.
    fn send_by_turns(&mut self, agent: &mut Agent<Token>, outbox: &mut impl Outbox, now: MonoTime) {
        while !self.congested {
            let turns = match self.turn {
                Turn::Ack => [Turn::Ack, Turn::Report],
                Turn::Report => [Turn::Report, Turn::Ack],
            };
            let sent = turns.into_iter().find(|turn| match turn {
                Turn::Ack => self.send_ack(agent, outbox),
                Turn::Report => self.send_report(agent, outbox, now),
            });
            match sent {
                // Refused, it goes first next time.
                Some(sent) if self.congested => self.turn = sent,
                Some(Turn::Ack) => self.turn = Turn::Report,
                Some(Turn::Report) => self.turn = Turn::Ack,
                None => break,
            }
        }
    }

    /// Tries to send one acknowledgement; `false` if there is none.
    fn send_ack(&mut self, agent: &mut Agent<Token>, outbox: &mut impl Outbox) -> bool {
        let Some(ack) = agent.next_ack() else { return false };
        let Some(payload) = sealed(&self.trust, &self.topics.ack, ack, MAX_ACK) else {
            agent.give_up_ack();
            return true;
        };
        match outbox.try_publish(message(&self.topics.ack, payload, Qos::AtLeastOnce, Retain::No)) {
            Ok(token) => agent.ack_sent(token),
            Err(_) => self.congested = true,
        }
        true
    }

    /// Tries to send one report; `false` if there is none.
    fn send_report(&mut self, agent: &mut Agent<Token>, outbox: &mut impl Outbox, now: MonoTime) -> bool {
        // Somebody may decide by those of now; the old ones have time.
        [Lane::Live, Lane::Backlog].into_iter().any(|lane| self.send_report_of(lane, agent, outbox, now))
    }

    fn send_report_of(
        &mut self,
        lane: Lane,
        agent: &mut Agent<Token>,
        outbox: &mut impl Outbox,
        now: MonoTime,
    ) -> bool {
        if lane == Lane::Backlog && !self.catching_up.allows(now) {
            return false;
        }
        let Some(report) = agent.spool().next_to_send(lane) else { return false };
        let Some(payload) = sealed(&self.trust, &self.topics.report, report, MAX_REPORT) else {
            agent.spool().give_up_next(lane);
            return true;
        };
        match outbox.try_publish(message(&self.topics.report, payload, Qos::AtLeastOnce, Retain::No)) {
            Ok(token) => {
                agent.spool().sent(lane, token);
                if lane == Lane::Backlog {
                    self.catching_up.went(now);
                }
            }
            Err(_) => self.congested = true,
        }
        true
    }

    /// The mode, its source or its reason changed.
    pub fn status_changed(&mut self, effective: &Decision, danger: Option<&Reason>, task: Task) {
        self.status.danger = danger.cloned();
        self.status.task = task;
        self.status.mode = effective.mode;
        self.status.mode_source = effective.source;
        self.status.reason = effective.reason.clone();
        self.status_due = true;
    }

    /// The device goes; to be sent with the last reports.
    pub fn status_departed(&mut self, departure: Departure) {
        self.status.online = false;
        self.status.departure = Some(departure);
        self.status_due = true;
        if let Some(edgex) = &mut self.edgex {
            edgex.departed();
        }
    }

    /// Whether a status waits that could not be sent yet.
    #[must_use]
    pub fn status_waits(&self) -> bool {
        // Other wires have no status.
        self.status_due && self.dialects.contains(&DialectName::Native)
    }

    /// Whether it is connected.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.up_since.is_some()
    }

    /// Number of the latest attempt to connect.
    #[must_use]
    pub fn conn(&self) -> u64 {
        self.conn
    }

    /// Why the last connection ended; empty before that.
    #[must_use]
    pub fn last_down(&self) -> &str {
        &self.last_down
    }

    /// Reports acknowledged by the broker.
    #[must_use]
    pub fn delivered(&self) -> u64 {
        self.delivered
    }
}

/// How a command that cannot be read is counted.
fn kind(error: &DecodeError) -> Refused {
    match error {
        DecodeError::Oversize { .. } => Refused::Oversize,
        DecodeError::UnknownVersion(_) => Refused::Version,
        DecodeError::Malformed(_) => Refused::Malformed,
    }
}

fn first_status(dialects: &Dialects, agent: &Agent<Token>, settings: Settings, platform: &Platform) -> Status {
    let effective = agent.effective();
    Status {
        v: Version,
        device: agent.identity().device.clone(),
        boot: agent.identity().boot,
        conn: 0,
        up_ms: None,
        online: true,
        departure: None,
        version: env!("CARGO_PKG_VERSION").into(),
        mode: effective.mode,
        mode_source: effective.source,
        reason: effective.reason.clone(),
        danger: None,
        task: agent.plan().task(agent.plan().timing.normal_period_ns),
        dialects: dialects.clone(),
        settings,
        model: platform.model.as_deref().map(Text::from),
        kernel: platform.kernel.as_deref().map(Text::from),
        preempt_rt: platform.preempt_rt,
    }
}

/// Makes the wills of a device.
#[derive(Debug, Clone)]
pub struct Testament {
    topic: String,
    trust: Trust,
}

impl Testament {
    /// The will for connection `conn`, made from the latest `status`; none on a wire without.
    #[must_use]
    pub fn will(&self, status: &Status, conn: u64) -> Option<Message> {
        let lost = Status { conn, up_ms: None, online: false, departure: Some(Departure::Lost), ..status.clone() };
        let native = status.dialects.contains(&DialectName::Native);
        native.then(|| status_message(&self.topic, &lost, &self.trust)).flatten()
    }
}

/// The payload, signed if the device signs; `None` cannot happen, as every message leaves room in its limit.
fn sealed(trust: &Trust, topic: &str, message: &impl Serialize, limit: usize) -> Option<Vec<u8>> {
    trust.seal(topic, encode(message, limit - OVERHEAD).ok()?).ok()
}

fn status_message(topic: &str, status: &Status, trust: &Trust) -> Option<Message> {
    let payload = sealed(trust, topic, status, MAX_STATUS)?;
    Some(message(topic, payload, Qos::AtLeastOnce, Retain::Yes))
}

fn message(topic: &str, payload: Vec<u8>, qos: Qos, retain: Retain) -> Message {
    Message { topic: topic.to_owned(), payload, qos, retain }
}
