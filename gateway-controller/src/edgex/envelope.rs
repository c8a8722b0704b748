//! EdgeX' message bus: topics and envelopes of events. 3.x wraps the event in base64, 4.x does not.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;
use shared_proto::ids::DeviceId;
use thiserror::Error;

use super::readings::Event;

/// Why a message on the bus cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EnvelopeError {
    /// Not an envelope, or not JSON: half a message, for example.
    #[error("it is no envelope of EdgeX: {0}")]
    NoEnvelope(String),
    /// The sender reports a failure.
    #[error("it tells of an error at its sender (errorCode {0})")]
    Error(i64),
    /// The event is encoded in another way.
    #[error("it is encoded as `{0}`: unset EDGEX_ENCODE_ALL_EVENTS_CBOR at the services")]
    Encoding(String),
    /// The payload is text, and not base64.
    #[error("its payload is neither an object nor base64")]
    Base64,
    /// The payload is no event.
    #[error("its payload is no event: {0}")]
    NoEvent(String),
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default, rename = "errorCode")]
    error_code: i64,
    #[serde(default, rename = "contentType")]
    content_type: String,
    #[serde(borrow)]
    payload: &'a RawValue,
}

#[derive(Deserialize)]
struct AddEvent {
    event: Event,
}

/// The event in an envelope.
///
/// # Errors
/// [`EnvelopeError`] says what it is instead.
pub fn decode(bytes: &[u8]) -> Result<Event, EnvelopeError> {
    let envelope: Envelope<'_> =
        serde_json::from_slice(bytes).map_err(|error| EnvelopeError::NoEnvelope(error.to_string()))?;
    if envelope.error_code != 0 {
        return Err(EnvelopeError::Error(envelope.error_code));
    }
    let content_type = envelope.content_type.as_str();
    if !content_type.is_empty() && !content_type.starts_with("application/json") {
        return Err(EnvelopeError::Encoding(content_type.chars().take(60).collect()));
    }
    let payload = envelope.payload.get();
    let no_event = |error: serde_json::Error| EnvelopeError::NoEvent(error.to_string());
    let added: AddEvent = if payload.starts_with('"') {
        let text: String = serde_json::from_str(payload).map_err(no_event)?;
        let bytes = STANDARD.decode(text).map_err(|_| EnvelopeError::Base64)?;
        serde_json::from_slice(&bytes).map_err(no_event)?
    } else {
        serde_json::from_str(payload).map_err(no_event)?
    };
    Ok(added.event)
}

/// Profile and device in a topic below `base`: BASE/SERVICE/PROFILE/DEVICE/SOURCE. `None` if it is another topic, or a device of a name
/// that this project does not know.
#[must_use]
pub fn device_of<'t>(base: &str, topic: &'t str) -> Option<(&'t str, DeviceId)> {
    let rest = topic.strip_prefix(base)?.strip_prefix('/')?;
    let mut levels = rest.split('/');
    let (_service, profile, device, _source) = (levels.next()?, levels.next()?, levels.next()?, levels.next()?);
    if levels.next().is_some() { None } else { Some((profile, device.parse().ok()?)) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn event() -> Value {
        json!({"apiVersion": "v3", "requestId": "0d3f", "event": {"deviceName": "pi-1", "sourceName": "metrics", "readings": []}})
    }

    fn envelope(payload: &Value) -> Vec<u8> {
        json!({"apiVersion": "v3", "receivedTopic": "", "correlationID": "", "requestID": "", "errorCode": 0,
               "payload": payload, "contentType": "application/json"})
        .to_string()
        .into_bytes()
    }

    #[test]
    fn both_generations_of_envelopes_hold_the_same_event() {
        let encoded = STANDARD.encode(event().to_string());
        for payload in [event(), Value::String(encoded)] {
            assert_eq!(decode(&envelope(&payload)).unwrap().device, "pi-1");
        }
    }

    #[test]
    fn what_is_no_event_is_told_apart() {
        let with = |key: &str, value: Value| {
            let mut object: Value = serde_json::from_slice(&envelope(&event())).unwrap();
            object[key] = value;
            decode(object.to_string().as_bytes()).unwrap_err()
        };
        assert_eq!(with("errorCode", json!(1)), EnvelopeError::Error(1));
        assert_eq!(with("contentType", json!("application/cbor")), EnvelopeError::Encoding("application/cbor".into()));
        assert_eq!(with("payload", json!("not base64!")), EnvelopeError::Base64);
        assert!(matches!(with("payload", json!("bm8gSlNPTg==")), EnvelopeError::NoEvent(_)));
        assert!(matches!(with("payload", json!({"event": 7})), EnvelopeError::NoEvent(_)));
        assert!(matches!(with("payload", Value::Null), EnvelopeError::NoEvent(_)));
        let whole = envelope(&event());
        for length in 0..whole.len() {
            assert!(matches!(decode(&whole[..length]), Err(EnvelopeError::NoEnvelope(_))), "{length}");
        }
    }

    #[test]
    fn topics_name_the_device_in_the_third_place() {
        let base = "edgex/events/device";
        let device = |topic: &str| device_of(base, topic).map(|(profile, device)| format!("{profile} {device}"));
        assert_eq!(
            device("edgex/events/device/device-mqtt/rt-agent-profile/pi-1/metrics").as_deref(),
            Some("rt-agent-profile pi-1")
        );
        for other in [
            "edgex/events/device",
            "edgex/events/device/a/b/c",
            "edgex/events/device/a/b/c/d/e",
            "x/a/b/c/d",
            "edgex/events/device/a/b/ö/d",
        ] {
            assert_eq!(device(other), None, "{other}");
        }
    }
}
