//! Twins by plain MQTT: EdgeCore listens at the same broker (KubeEdge's EventBus).
//!
//! Reports only: since KubeEdge 1.15 a desired value never comes this way. Topics have a namespace since 1.17.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use shared_host::mqtt::{Filter, Message, Qos, Received, Retain, Retained};

use super::plan::{Call, Content, Outcome, Plan};
use super::resource::ResourceId;
use super::settings::MqttSettings;
use super::value::{Twin, TwinValue};
use crate::fleet::{Fleet, Moment};
use crate::refusals::{Refusals, Subject};

/// How often the devices are looked at, in milliseconds.
const LOOK_MS: u64 = 1_000;
/// A device that is not declared is left alone for so long, in milliseconds.
const UNDECLARED_MS: u64 = 600_000;
/// EdgeCore's code for a device that is not declared.
const NOT_FOUND: i64 = 404;

const DEVICES: &str = "$hw/events/device/";
const RESULT: &str = "/twin/update/result";

/// Whether a topic is one of EdgeCore's for devices.
pub(super) fn is_ours(topic: &str) -> bool {
    topic.starts_with(DEVICES)
}

/// Twins by plain MQTT.
#[derive(Debug)]
pub(crate) struct MqttTwins {
    settings: MqttSettings,
    plan: Plan,
    next_look: Moment,
}

/// An answer, as far as it matters: one without a code is a success.
#[derive(Debug, Deserialize)]
struct Answer {
    code: Option<i64>,
    reason: Option<String>,
}

impl MqttTwins {
    pub(crate) fn new(settings: &MqttSettings) -> Self {
        let interval_ms = u64::try_from(settings.interval.as_millis()).unwrap_or(u64::MAX);
        Self { settings: settings.clone(), plan: Plan::new(interval_ms), next_look: Moment::default() }
    }

    /// The answers. Some refusals come without a device's name.
    pub(crate) fn filters(&self) -> Vec<Filter> {
        let filter = |middle: &str| Filter { topic: format!("{DEVICES}{middle}{RESULT}"), qos: Qos::AtMostOnce };
        match self.settings.namespace {
            // A level may be empty: `+` covers that name too.
            None => vec![filter("+")],
            Some(_) => vec![filter("+/+"), filter("")],
        }
    }

    /// On a new connection EdgeCore may be a new one too.
    pub(crate) fn link_up(&mut self, now: Moment) {
        self.plan.restart(now);
    }

    pub(crate) fn next_wake(&self) -> Moment {
        self.next_look
    }

    /// Takes an answer in.
    pub(crate) fn take(&mut self, received: &Received, now: Moment, refusals: &mut Refusals) {
        let Received { topic, payload, retained: Retained::Live } = received else { return };
        let Some(name) = topic.strip_prefix(DEVICES).and_then(|rest| rest.strip_suffix(RESULT)) else { return };
        let Ok(Answer { code: Some(code), reason }) = serde_json::from_slice(payload) else { return };
        let id = match (&self.settings.namespace, name.split_once('/')) {
            (Some(_), Some((namespace, name))) => ResourceId { namespace: namespace.into(), name: name.into() },
            _ => ResourceId { namespace: String::new(), name: name.into() },
        };
        // Others' devices are theirs; a refusal without a name may be about ours.
        if !self.plan.contains(&id) && !name.is_empty() {
            return;
        }
        if code == NOT_FOUND {
            self.plan.suspend(&id, now.plus_millis(UNDECLARED_MS));
        }
        refusals.note(now, Subject::Twin, topic, format!("{code} {}", reason.unwrap_or_default()));
    }

    /// Looks at the devices, and publishes what is due.
    pub(crate) fn tick(&mut self, now: Moment, fleet: &Fleet, wall_ms: u64, mut publish: impl FnMut(Message) -> bool) {
        if now < self.next_look {
            return;
        }
        self.next_look = now.plus_millis(LOOK_MS);
        let namespace = self.settings.namespace.as_ref().map_or("", |namespace| namespace.as_str());
        for device in fleet.names() {
            let id = ResourceId { namespace: namespace.to_owned(), name: device.to_string() };
            if !self.plan.contains(&id) {
                self.plan.declare(&id, &self.settings.properties);
            }
            let Some(brief) = fleet.brief(device, now) else { continue };
            self.plan.observe(&id, brief.presence.into(), |property| {
                Some(Twin { observed_desired: TwinValue::default(), reported: property.of(&brief)? })
            });
        }
        self.plan.retain(|id| id.name.parse().is_ok_and(|device| fleet.brief(&device, now).is_some()));
        while let Some(call) = self.plan.next(now) {
            if !publish(message(&call, wall_ms)) {
                self.plan.give_up();
                return;
            }
            self.plan.done(now, &call, &Outcome::Taken);
        }
    }
}

/// The message that makes a call.
fn message(call: &Call, wall_ms: u64) -> Message {
    let (topic, payload) = match &call.content {
        Content::Twins(twins) => {
            let twins: Map<String, Value> = twins
                .iter()
                .map(|(property, twin)| {
                    (property.name().to_owned(), json!({ "actual": { "value": twin.reported.as_str() } }))
                })
                .collect();
            ("twin/update", json!({ "event_id": "", "timestamp": wall_ms, "twin": twins }))
        }
        Content::State(state) => {
            ("state/update", json!({ "event_id": "", "timestamp": wall_ms, "state": state.as_str() }))
        }
    };
    Message {
        topic: format!("{DEVICES}{}/{topic}", call.id),
        payload: payload.to_string().into_bytes(),
        qos: Qos::AtLeastOnce,
        retain: Retain::No,
    }
}

#[cfg(test)]
mod tests;
