//! Between the core and the broker: topics, encoding, and what came of each publish.

use std::time::Duration;

use shared_host::json::{CommandError, DecodeError, decode_command, decode_lab_command, encode};
use shared_host::mqtt::{
    self, BrokerUrl, Event, Events, Filter, Message, Publisher, Qos, Received, Retain, Retained, Token,
};
use shared_proto::dialect::{lab, native};
use shared_proto::limits::{MAX_ACK, MAX_REPORT, MAX_STATUS};
use shared_proto::text::Reason;
use shared_proto::wire::{Departure, DialectName, Dialects, Status, Task, Version};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::control::LinkState;
use crate::agent::{Agent, CommandCounts, Refused};
use crate::config::Config;
use crate::mode::Decision;
use crate::rt::Handle;
use crate::rt::time::MonoTime;

/// How long the last acknowledgements and the good-bye may take.
const GOOD_BYE: Duration = Duration::from_millis(200);
/// A connection that ends sooner than this after it was made is a short one; so many in a row give a hint.
const SHORT_LIFE: Duration = Duration::from_secs(10);
const SHORT_LIVES: u32 = 3;
/// Refused commands are logged this often at most.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

/// The connection, and what the broker is told of the device.
pub(super) struct Link {
    publisher: Publisher,
    events: Events,
    url: BrokerUrl,
    client_id: String,
    up_since: Option<Instant>,
    short_lives: u32,
    dialects: Dialects,
    topics: Topics,
    /// The status as it stands; the will of the next connection is made from it.
    status: watch::Sender<Status>,
    conn: u64,
    up: bool,
    status_due: bool,
    /// The connection took no more; it will after the next PUBACK.
    congested: bool,
    turn: Turn,
    last_down: String,
    delivered: u64,
    complained: Option<Instant>,
}

/// Who may publish next, if both wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Ack,
    Report,
}

struct Topics {
    report: String,
    status: String,
    command: String,
    ack: String,
    lab_metrics: String,
    lab_command: String,
}

impl Link {
    /// Starts to connect.
    pub(super) fn start(config: &Config, agent: &Agent<Token>, rt: &Handle) -> Self {
        let device = &agent.identity().device;
        let topic = |kind| native::topic(&config.root, device, kind).to_string();
        let topics = Topics {
            report: topic(native::Kind::Report),
            status: topic(native::Kind::Status),
            command: topic(native::Kind::Command),
            ack: topic(native::Kind::Ack),
            lab_metrics: lab::metrics_topic(device).to_string(),
            lab_command: lab::command_topic(device).to_string(),
        };
        let broker = &config.broker;
        let (status, will_status) = watch::channel(first_status(&config.dialects, agent, rt));
        let mut options = broker.options();
        options.filters = config.dialects.iter().map(|dialect| topics.filter(*dialect)).collect();
        let will_topic = topics.status.clone();
        let speaks_native = config.dialects.contains(&DialectName::Native);
        let will = move |conn| {
            let lost = Status { conn, online: false, departure: Some(Departure::Lost), ..will_status.borrow().clone() };
            speaks_native.then(|| status_message(&will_topic, &lost)).flatten()
        };
        let (publisher, events) = mqtt::start(options, will);
        info!(broker = %broker.url, "connecting");
        Self {
            publisher,
            events,
            url: broker.url.clone(),
            client_id: broker.client_id.clone(),
            up_since: None,
            short_lives: 0,
            dialects: config.dialects.clone(),
            topics,
            status,
            conn: 0,
            up: false,
            status_due: false,
            congested: false,
            turn: Turn::Ack,
            last_down: String::new(),
            delivered: 0,
            complained: None,
        }
    }

    /// The next event. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Event> {
        self.events.next().await
    }

    /// Takes in what happened on the connection.
    pub(super) fn handle(&mut self, event: Event, agent: &mut Agent<Token>) {
        match event {
            Event::Up { conn } => {
                info!(conn, "connected");
                self.conn = conn;
                self.up = true;
                self.up_since = Some(Instant::now());
                self.congested = false;
                self.status_due = true;
            }
            Event::Down { conn, reason } => {
                self.note_short_life();
                // The same trouble again and again, while the broker is away, is no news.
                if self.up || reason != self.last_down {
                    warn!(conn, %reason, "no connection");
                }
                self.conn = conn;
                self.up = false;
                self.last_down = reason;
                agent.spool().connection_lost(|token| token.conn() == conn);
            }
            Event::Acked(token) => {
                self.congested = false;
                if agent.spool().acknowledged(token) {
                    self.delivered += 1;
                }
            }
            Event::Message(message) => self.message(&message, agent),
            // Only of connections that ask for it.
            Event::Oversize { .. } => {}
        }
    }

    /// Connections that are closed soon after they were made, again and again: the usual cause is a second client of the
    /// same identifier, a copied SD card for example; the two throw each other out.
    fn note_short_life(&mut self) {
        let Some(since) = self.up_since.take() else { return };
        self.short_lives = if since.elapsed() < SHORT_LIFE { self.short_lives + 1 } else { 0 };
        if self.short_lives == SHORT_LIVES {
            warn!(
                client_id = self.client_id,
                "the connection is lost again and again soon after it was made: does another client use this mqtt.client_id?"
            );
            self.short_lives = 0;
        }
    }

    fn message(&mut self, message: &Received, agent: &mut Agent<Token>) {
        let now = MonoTime::now();
        let of_lab = message.topic == self.topics.lab_command;
        if message.retained == Retained::Retained {
            // Its id is not answered: whoever left it is not waiting.
            agent.refuse(Refused::Retained, None, "retained");
            return self.complain(&message.topic, "a retained command is old by nature", agent);
        }
        let taken = if of_lab {
            decode_lab_command(&message.payload)
                .map(|command| agent.lab_command(&command, now))
                .map_err(|error| CommandError { id: None, error })
        } else {
            decode_command(&message.payload).map(|command| {
                debug!(id = %command.id, mode = %command.mode, "command");
                agent.command(&command, now);
            })
        };
        if let Err(CommandError { id, error }) = taken {
            let kind = match error {
                DecodeError::Oversize { .. } => Refused::Oversize,
                DecodeError::UnknownVersion(_) => Refused::Version,
                DecodeError::Malformed(_) => Refused::Malformed,
            };
            let why = error.to_string();
            agent.refuse(kind, id, &why);
            self.complain(&message.topic, &why, agent);
        }
    }

    fn complain(&mut self, topic: &str, why: &str, agent: &Agent<Token>) {
        let now = Instant::now();
        if self.complained.is_none_or(|last| now.duration_since(last) >= COMPLAIN_EVERY) {
            self.complained = Some(now);
            let CommandCounts { malformed, oversize, version, retained, .. } = *agent.counts();
            warn!(topic, why, malformed, oversize, version, retained, "command refused; told once a minute at most");
        }
    }

    /// Publishes what is due, as far as the connection takes it.
    pub(super) fn send(&mut self, agent: &mut Agent<Token>) {
        let speaks_native = self.dialects.contains(&DialectName::Native);
        if !speaks_native {
            agent.spool().discard();
        }
        if !self.up {
            return;
        }
        if speaks_native {
            self.send_status();
            self.send_by_turns(agent);
        }
        if let Some(metrics) = agent.take_lab_metrics()
            && self.dialects.contains(&DialectName::Lab)
            && let Ok(payload) = encode(&metrics, MAX_ACK)
        {
            // At most once, as the classroom's own client: the next one comes soon.
            let _ = self.publisher.try_publish(message(&self.topics.lab_metrics, payload, Qos::AtMostOnce, Retain::No));
        }
    }

    fn send_status(&mut self) {
        if !self.status_due {
            return;
        }
        self.status.send_modify(|status| status.conn = self.conn);
        let message = status_message(&self.topics.status, &self.status.borrow());
        self.status_due = message.is_some_and(|message| self.publisher.try_publish(message).is_err());
    }

    /// Acknowledgements and reports take turns: neither a flood of commands keeps the reports back, nor a full spool the
    /// acknowledgements.
    fn send_by_turns(&mut self, agent: &mut Agent<Token>) {
        while !self.congested {
            let turns = match self.turn {
                Turn::Ack => [Turn::Ack, Turn::Report],
                Turn::Report => [Turn::Report, Turn::Ack],
            };
            let sent = turns.into_iter().find(|turn| match turn {
                Turn::Ack => self.send_ack(agent),
                Turn::Report => self.send_report(agent),
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
    fn send_ack(&mut self, agent: &mut Agent<Token>) -> bool {
        let Some(ack) = agent.next_ack() else { return false };
        let Ok(payload) = encode(ack, MAX_ACK) else {
            agent.ack_sent();
            return true;
        };
        match self.publisher.try_publish(message(&self.topics.ack, payload, Qos::AtLeastOnce, Retain::No)) {
            Ok(_) => agent.ack_sent(),
            Err(_) => self.congested = true,
        }
        true
    }

    /// Tries to send one report; `false` if there is none.
    fn send_report(&mut self, agent: &mut Agent<Token>) -> bool {
        let Some(report) = agent.spool().next_to_send() else { return false };
        let Ok(payload) = encode(report, MAX_REPORT) else {
            agent.spool().give_up_next();
            return true;
        };
        match self.publisher.try_publish(message(&self.topics.report, payload, Qos::AtLeastOnce, Retain::No)) {
            Ok(token) => agent.spool().sent(token),
            Err(_) => self.congested = true,
        }
        true
    }

    /// The mode, its source or its reason changed.
    pub(super) fn status_changed(&mut self, effective: &Decision, danger: Option<&Reason>, task: Task) {
        self.status.send_modify(|status| {
            status.danger = danger.cloned();
            status.task = task;
            status.mode = effective.mode;
            status.mode_source = effective.source;
            status.reason = effective.reason.clone();
        });
        self.status_due = true;
    }

    /// The device goes; to be sent with the last reports.
    pub(super) fn status_departed(&mut self, departure: Departure) {
        self.status.send_modify(|status| {
            status.online = false;
            status.departure = Some(departure);
        });
        self.status_due = true;
    }

    /// Waits for the last acknowledgements, says DISCONNECT, and takes in what still came. If the good-bye could not be sent
    /// there is no DISCONNECT either: then the broker publishes the will, and nobody believes that the device is there.
    pub(super) async fn close(&mut self, agent: &mut Agent<Token>) {
        self.send(agent);
        if self.up && self.status_due {
            warn!("the broker did not take the good-bye: it will publish the will");
            return;
        }
        self.publisher.close(GOOD_BYE).await;
        while let Some(event) = self.events.next().await {
            if let Event::Acked(_) = event {
                self.handle(event, agent);
            }
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.up
    }

    /// Reports acknowledged by the broker.
    pub(super) fn delivered(&self) -> u64 {
        self.delivered
    }

    pub(super) fn state(&self, reports_waiting: usize) -> LinkState {
        LinkState {
            url: self.url.to_string(),
            up: self.up,
            conn: self.conn,
            last_down: self.last_down.clone(),
            reports_delivered: self.delivered,
            reports_waiting,
        }
    }
}

impl Topics {
    fn filter(&self, dialect: DialectName) -> Filter {
        match dialect {
            DialectName::Native => Filter { topic: self.command.clone(), qos: Qos::AtLeastOnce },
            DialectName::Lab => Filter { topic: self.lab_command.clone(), qos: Qos::AtLeastOnce },
        }
    }
}

fn first_status(dialects: &Dialects, agent: &Agent<Token>, rt: &Handle) -> Status {
    let effective = agent.effective();
    Status {
        v: Version,
        device: agent.identity().device.clone(),
        boot: agent.identity().boot,
        conn: 0,
        online: true,
        departure: None,
        version: env!("CARGO_PKG_VERSION").into(),
        mode: effective.mode,
        mode_source: effective.source,
        reason: effective.reason.clone(),
        danger: None,
        task: agent.plan().task(agent.plan().timing.normal_period_ns),
        dialects: dialects.clone(),
        settings: rt.granted.settings.clone(),
    }
}

fn status_message(topic: &str, status: &Status) -> Option<Message> {
    let payload = encode(status, MAX_STATUS).ok()?;
    Some(message(topic, payload, Qos::AtLeastOnce, Retain::Yes))
}

fn message(topic: &str, payload: Vec<u8>, qos: Qos, retain: Retain) -> Message {
    Message { topic: topic.to_owned(), payload, qos, retain }
}
