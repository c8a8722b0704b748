//! Events on the message bus: topic and envelope.

use serde_json::{Value as Json, json};

use super::event::{Event, Shown, uuid};
use super::{SERVICE, Version};

/// `edgex/events/device/{service}/{profile}/{device}/{source}`.
pub(super) fn topic(event: &Event) -> String {
    format!("edgex/events/device/{SERVICE}/{}/{}/{}", event.profile, event.device, event.source)
}

/// The message: in 3.x the request is base64, in 4.x an object.
pub(super) fn envelope(event: &Event, version: Version) -> Vec<u8> {
    let request = json!({"apiVersion": "v3", "requestId": uuid(), "event": event.json(version, Shown::Fresh)});
    let payload = match version {
        Version::V3 => Json::from(base64(request.to_string().as_bytes())),
        Version::V4 => request,
    };
    let envelope = json!({
        "apiVersion": "v3",
        "receivedTopic": "",
        "correlationID": "",
        "requestID": "",
        "errorCode": 0,
        "payload": payload,
        "contentType": "application/json",
    });
    envelope.to_string().into_bytes()
}

/// The standard alphabet, with padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let number =
            chunk.iter().chain([&0, &0]).take(3).fold(0_usize, |number, byte| number << 8 | usize::from(*byte));
        for place in 0..4 {
            let letter = ALPHABET.get(number >> (18 - 6 * place) & 0x3f).copied().unwrap_or(b'=');
            text.push(if place <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (text, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(text.as_bytes()), coded);
        }
        assert_eq!(base64(&[0xfb, 0xff]), "+/8=");
    }

    #[test]
    fn the_payload_is_text_in_3_and_an_object_in_4() {
        let [id, device, profile, source] = ["e", "device1", "p", "metrics"].map(str::to_owned);
        let event = Event { id, device, profile, source, origin: 1, readings: Vec::new() };
        assert_eq!(topic(&event), "edgex/events/device/device-mqtt/p/device1/metrics");
        let read = |version| serde_json::from_slice::<Json>(&envelope(&event, version)).unwrap();
        let (old, new) = (read(Version::V3), read(Version::V4));
        // {"apiV...
        assert!(old["payload"].as_str().unwrap().starts_with("eyJhcGlW"), "{old}");
        assert_eq!((&new["payload"]["event"]["sourceName"], &new["correlationID"]), (&json!("metrics"), &json!("")));
        for name in ["apiVersion", "receivedTopic", "correlationID", "requestID", "errorCode", "contentType"] {
            assert!(old.get(name).is_some() && new.get(name).is_some(), "{name}");
        }
    }
}
