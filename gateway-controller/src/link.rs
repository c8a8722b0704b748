//! Between the broker and the fleet: what a topic and a payload mean, and how a command becomes a message.

use shared_host::json;
use shared_host::mqtt::{Filter, Message, Options, Qos, Received, Retain, Retained};
use shared_proto::dialect::{lab, native};
use shared_proto::ids::{DeviceId, TopicRoot};
use shared_proto::limits::MAX_COMMAND;
use shared_proto::sign::OVERHEAD;

use crate::config::{Config, Dialects};
use crate::edgex::BusTopics;
use crate::fleet::{Action, Command, Fleet, Freshness, Moment, Payload, SharedWish};
use crate::group::{self, GroupName, GroupTopics};
use crate::keyring::Keyring;
use crate::refusals::Refusals;
pub use crate::refusals::Subject;

/// Commands that may be unacknowledged by the broker at one time: all devices of a large fleet may turn at once.
const MAX_IN_FLIGHT: u16 = 20_000;
/// Messages that may wait while the controller is busy: two seconds of 50,000 reports/s.
const MAX_QUEUED: usize = 100_000;
/// Bytes of them.
const MAX_QUEUED_BYTES: usize = 128 * 1024 * 1024;

/// Longest message that is looked at: more than any that is allowed.
const MAX_MESSAGE: usize = 64 * 1024;

/// The topics and formats of one controller.
#[derive(Debug)]
pub struct Topics {
    root: TopicRoot,
    dialects: Dialects,
    keyring: Keyring,
    bus: Option<BusTopics>,
    group: Option<GroupTopics>,
}

impl Topics {
    /// Below `root`, in these formats.
    #[must_use]
    pub fn new(root: TopicRoot, dialects: Dialects) -> Self {
        Self { root, dialects, keyring: Keyring::default(), bus: None, group: None }
    }

    /// The same, with the keys of the devices.
    #[must_use]
    pub fn with(self, keyring: Keyring) -> Self {
        Self { keyring, ..self }
    }

    /// The same, with EdgeX' message bus.
    #[must_use]
    pub fn with_bus(self, bus: Option<BusTopics>) -> Self {
        Self { bus, ..self }
    }

    /// The same as one of a group.
    #[must_use]
    pub fn in_group(self, group: Option<&GroupName>) -> Self {
        let group = group.map(|name| GroupTopics::new(&self.root, name));
        Self { group, ..self }
    }

    /// The subscriptions of every connection. Statuses first, so that the retained ones are known before the first report.
    #[must_use]
    pub fn filters(&self) -> Vec<Filter> {
        let mut filters = Vec::new();
        if self.dialects.native() {
            let filter = |kind| native::filter(&self.root, kind).as_str().to_owned();
            let all = match &self.group {
                None => [native::Kind::Status, native::Kind::Report, native::Kind::Ack].map(filter).to_vec(),
                // Before the reports: what the others said, and what they say from now on.
                Some(group) => vec![
                    filter(native::Kind::Status),
                    group.wishes(),
                    filter(native::Kind::Command),
                    filter(native::Kind::Ack),
                    group.shared(&filter(native::Kind::Report)),
                ],
            };
            filters.extend(all.into_iter().map(|topic| Filter { topic, qos: Qos::AtLeastOnce }));
        }
        if self.dialects.lab() {
            filters.push(Filter { topic: lab::METRICS_FILTER.to_owned(), qos: Qos::AtMostOnce });
        }
        filters.extend(self.bus.iter().flat_map(BusTopics::filters));
        filters
    }

    /// Hands a message to the fleet. What cannot be used is counted, never fatal.
    pub(crate) fn take(
        &mut self,
        fleet: &mut Fleet,
        now: Moment,
        received: &Received,
        refusals: &mut Refusals,
        out: &mut Vec<Action>,
    ) {
        if let Err((subject, reason)) = self.try_take(fleet, now, received, out) {
            refusals.note(now, subject, &received.topic, reason);
        }
    }

    /// A message that is too long to be looked at.
    pub(crate) fn refuse_oversize(refusals: &mut Refusals, now: Moment, topic: &str, bytes: usize) {
        refusals.note(now, Subject::Topic, topic, format!("{bytes} bytes: allowed are {MAX_MESSAGE} with the topic"));
    }

    /// Hands a message to the fleet, without a log of those that cannot be used.
    ///
    /// # Errors
    /// What the message was about, and why it cannot be used.
    pub fn try_take(
        &mut self,
        fleet: &mut Fleet,
        now: Moment,
        received: &Received,
        out: &mut Vec<Action>,
    ) -> Result<(), (Subject, String)> {
        let Received { topic, payload, retained } = received;
        if let Some(bus) = self.bus.as_ref().filter(|bus| bus.is_ours(topic)) {
            live_only(Subject::Event, *retained)?;
            let Some((device, observed)) = bus.take(topic, payload).map_err(|why| (Subject::Event, why))? else {
                return Ok(());
            };
            fleet.edgex(now, &device, &observed, out).map_err(|refused| (Subject::Device, refused.to_string()))?;
            bus.arrived(&device, observed.origin_ns);
            return Ok(());
        }
        if let Some(device) = self.group.as_ref().and_then(|group| group.device(topic)) {
            // An empty one clears what the broker keeps. It ends no wish: `auto` does.
            if payload.is_empty() {
                return Ok(());
            }
            self.keyring.believe_peer(&device, topic, payload).map_err(|why| (Subject::Wish, why))?;
            let shared = group::decode(&device, payload).map_err(|why| (Subject::Wish, why))?;
            return fleet.hear_wish(now, &shared, out).map_err(|refused| (Subject::Device, refused.to_string()));
        }
        if let Some((device, kind)) = native::parse(&self.root, topic).filter(|_| self.dialects.native()) {
            let subject = Subject::from(kind);
            let bad = |error: json::DecodeError| (subject, error.to_string());
            // An empty status clears what the broker keeps; other empty messages are of `device-agent doctor`, which asks the
            // broker whether it may publish. They tell nothing about the device.
            if payload.is_empty() {
                return Ok(());
            }
            if kind == native::Kind::Command {
                // Subscribed to in a group only. Whether it is a good one is for its device to say.
                if let (Retained::Live, Ok(command)) = (retained, json::decode_command(payload)) {
                    self.keyring.believe_peer(&device, topic, payload).map_err(|why| (subject, why))?;
                    fleet.overhear(now, &device, &command);
                }
                return Ok(());
            }
            self.keyring.believe(&device, topic, payload).map_err(|why| (subject, why))?;
            return match kind {
                native::Kind::Report => {
                    live_only(subject, *retained)?;
                    let report = json::decode_report(payload).map_err(bad)?;
                    same(subject, &device, &report.device)?;
                    fleet.report(now, report, out)
                }
                native::Kind::Status => {
                    let status = json::decode_status(payload).map_err(bad)?;
                    same(subject, &device, &status.device)?;
                    let freshness = match retained {
                        Retained::Live => Freshness::Live,
                        Retained::Retained => Freshness::Retained,
                    };
                    fleet.status(now, &status, freshness, out)
                }
                native::Kind::Ack => {
                    live_only(subject, *retained)?;
                    let ack = json::decode_ack(payload).map_err(bad)?;
                    same(subject, &device, &ack.device)?;
                    fleet.ack(now, &ack, out)
                }
                native::Kind::Command => Ok(()),
            }
            .map_err(|refused| (Subject::Device, refused.to_string()));
        }
        if let Some(device) = lab::parse_metrics_topic(topic).filter(|_| self.dialects.lab()) {
            live_only(Subject::Metrics, *retained)?;
            let signed = self.keyring.believe_lab(&device, payload).map_err(|why| (Subject::Metrics, why))?;
            let observed = match signed {
                Some(observed) => observed,
                None => json::decode_lab_observed(payload).map_err(|error| (Subject::Metrics, error.to_string()))?,
            };
            let taken = fleet.lab(now, &device, &observed, out);
            return taken.map_err(|refused| (Subject::Device, refused.to_string()));
        }
        Err((Subject::Topic, "its device name is not allowed".to_owned()))
    }

    /// The message that has the broker forget a device's status: an empty payload clears the topic (MQTT 3.1.1, section
    /// 3.3.1.3).
    #[must_use]
    pub fn clear_status(&self, device: &DeviceId) -> Message {
        let topic = native::topic(&self.root, device, native::Kind::Status).as_str().to_owned();
        Message { topic, payload: Vec::new(), qos: Qos::AtLeastOnce, retain: Retain::Yes }
    }

    /// The message that has the broker keep a wish for the others of the group; `None` without a group. Every other fits its limit.
    #[must_use]
    pub fn share(&self, shared: &SharedWish) -> Option<Message> {
        let topic = self.group.as_ref()?.wish(&shared.device);
        let payload = self.keyring.sign(&shared.device, &topic, group::encode(shared)?)?;
        Some(Message { topic, payload, qos: Qos::AtLeastOnce, retain: Retain::Yes })
    }

    /// The message that carries a command; `None` for one that goes through EdgeX. Every other fits its limit.
    #[must_use]
    pub fn message(&self, command: &Command) -> Option<Message> {
        let device = &command.device;
        let (topic, payload, qos) = match &command.payload {
            Payload::Native(set_mode) => {
                let topic = native::topic(&self.root, device, native::Kind::Command);
                let payload = json::encode(set_mode, MAX_COMMAND - OVERHEAD).ok()?;
                let payload = self.keyring.sign(device, topic.as_str(), payload)?;
                (topic, payload, Qos::AtLeastOnce)
            }
            // Not by the broker.
            Payload::Edgex(_) => return None,
            Payload::Lab(change) => {
                let payload = match self.keyring.sign_lab(device, change) {
                    Some(signed) => signed,
                    None => json::encode(change, MAX_COMMAND).ok()?,
                };
                (lab::command_topic(device), payload, Qos::AtMostOnce)
            }
        };
        Some(Message { topic: topic.as_str().to_owned(), payload, qos, retain: Retain::No })
    }
}

/// How to connect.
pub(crate) fn options(config: &Config, topics: &Topics) -> Options {
    Options {
        filters: topics.filters(),
        max_in_flight: MAX_IN_FLIGHT,
        // A command that is refused waits for its next turn: better all at once.
        burst: MAX_IN_FLIGHT,
        max_queued: MAX_QUEUED,
        max_queued_bytes: MAX_QUEUED_BYTES,
        // A limit here would let one retained message keep the controller off the broker for good. What is read takes memory as it
        // arrives; a broker's own limit (`message_size_limit`) spares that too.
        max_incoming: usize::MAX,
        max_message: MAX_MESSAGE,
        ..config.mqtt.options()
    }
}

fn live_only(subject: Subject, retained: Retained) -> Result<(), (Subject, String)> {
    match retained {
        Retained::Live => Ok(()),
        Retained::Retained => Err((subject, "it was retained, so nobody knows how old it is".to_owned())),
    }
}

fn same(subject: Subject, topic: &DeviceId, payload: &DeviceId) -> Result<(), (Subject, String)> {
    if topic == payload { Ok(()) } else { Err((subject, format!("it speaks for another device, {payload}"))) }
}

#[cfg(test)]
mod tests;
