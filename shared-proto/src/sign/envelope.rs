//! The signature as the last member of a JSON object.

use super::{Key, Tag};

/// Keeps the codes of this wire apart from all others made with the same key.
const DOMAIN: &[u8] = b"edge-mqtt-v1";
const NAME: &[u8] = b"\"hmac\":";
const OPEN: &[u8] = b",\"hmac\":\"";
const CLOSE: &[u8] = b"\"}";

/// Bytes by which a signature makes a message longer.
pub const OVERHEAD: usize = OPEN.len() + Tag::DIGITS + CLOSE.len() - 1;

/// Why a message cannot be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSigned {
    /// Not an object, empty, or with blanks before or after it.
    #[error("only a JSON object with members, and nothing around it, can be signed")]
    NotAnObject,
    /// No such topic can be.
    #[error("a topic with a zero byte cannot be signed")]
    Topic,
    /// The buffer is too short.
    #[error("the signed message takes {needed} bytes, the buffer has {room}")]
    NoRoom {
        /// Bytes that it takes.
        needed: usize,
        /// Bytes that there are.
        room: usize,
    },
}

/// Why a message is not taken for what it says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no signature.
    #[error("not signed")]
    Unsigned,
    /// The signature is not of this key, this topic and this text.
    #[error("wrong signature: another key, another topic, or changed on the way")]
    Wrong,
    /// There is a signature, but not in the form or at the place where it belongs.
    #[error(
        "malformed signature: it is the last member, \"hmac\", of 64 lower-case hexadecimal digits, without blanks"
    )]
    Malformed,
}

/// A payload whose signature is right. It still holds the signature, which readers ignore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified<'a>(&'a [u8]);

impl<'a> Verified<'a> {
    /// The payload as it came.
    #[must_use]
    pub fn payload(self) -> &'a [u8] {
        self.0
    }
}

/// Writes `payload`, a JSON object, with its signature into `out`; tells the length, [`OVERHEAD`] bytes more than the payload.
///
/// # Errors
/// [`NotSigned`] says why not.
pub fn sign(key: &Key, topic: &str, payload: &[u8], out: &mut [u8]) -> Result<usize, NotSigned> {
    let room = out.len();
    let target = out.get_mut(..payload.len());
    target.ok_or(NotSigned::NoRoom { needed: payload.len() + OVERHEAD, room })?.copy_from_slice(payload);
    sign_in_place(key, topic, out, payload.len())
}

/// Adds the signature to the JSON object in the first `length` bytes of `buffer`; tells the new length.
///
/// # Errors
/// [`NotSigned`] says why not; the buffer is as it was.
pub fn sign_in_place(key: &Key, topic: &str, buffer: &mut [u8], length: usize) -> Result<usize, NotSigned> {
    let (room, needed) = (buffer.len(), length.saturating_add(OVERHEAD));
    if needed > room {
        return Err(NotSigned::NoRoom { needed, room });
    }
    let body = buffer.get(..length).and_then(|payload| payload.strip_suffix(b"}")).ok_or(NotSigned::NotAnObject)?;
    let members = body.strip_prefix(b"{").ok_or(NotSigned::NotAnObject)?;
    if members.iter().all(u8::is_ascii_whitespace) {
        return Err(NotSigned::NotAnObject);
    }
    let parts = parts(topic, body).ok_or(NotSigned::Topic)?;
    let digits = key.tag(&parts).to_hex();

    let suffix = OPEN.iter().chain(&digits).chain(CLOSE);
    buffer.iter_mut().skip(length - 1).zip(suffix).for_each(|(byte, new)| *byte = *new);
    Ok(needed)
}

/// Checks that `payload` was signed with `key` for `topic`.
///
/// # Errors
/// [`Refusal`] says why not.
pub fn verify<'a>(key: &Key, topic: &str, payload: &'a [u8]) -> Result<Verified<'a>, Refusal> {
    let (body, tag) = split(payload)?;
    let parts = parts(topic, body).ok_or(Refusal::Wrong)?;
    if key.confirms(&parts, &tag) { Ok(Verified(payload)) } else { Err(Refusal::Wrong) }
}

/// What is signed. A topic with a zero byte could take over the beginning of the payload, so there is none.
fn parts<'a>(topic: &'a str, body: &'a [u8]) -> Option<[&'a [u8]; 5]> {
    (!topic.contains('\0')).then_some([DOMAIN, b"\0", topic.as_bytes(), b"\0", body])
}

/// The signed part of a payload, and its signature.
fn split(payload: &[u8]) -> Result<(&[u8], Tag), Refusal> {
    let found = || {
        let (rest, digits) = payload.strip_suffix(CLOSE)?.split_last_chunk::<{ Tag::DIGITS }>()?;
        Some((rest.strip_suffix(OPEN)?, digits))
    };
    match found() {
        Some((body, digits)) => Tag::from_hex(digits).map(|tag| (body, tag)).map_err(|_| Refusal::Malformed),
        // Within a text of JSON there is a backslash before each quotation mark: this is the name of a member.
        None if payload.windows(NAME.len()).any(|window| window == NAME) => Err(Refusal::Malformed),
        None => Err(Refusal::Unsigned),
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    const TOPIC: &str = "edge/pi-01/command";
    const PAYLOAD: &[u8] = br#"{"v":1,"reason":"say \"hmac\":"}"#;

    fn key() -> Key {
        Key::from_bytes(&[7; 32]).unwrap()
    }

    fn signed() -> Vec<u8> {
        let mut out = [0; 200];
        let length = sign(&key(), TOPIC, PAYLOAD, &mut out).unwrap();
        out[..length].to_vec()
    }

    #[test]
    fn what_is_signed_is_verified() {
        let signed = signed();
        assert_eq!(signed.len(), PAYLOAD.len() + OVERHEAD);
        assert_eq!(verify(&key(), TOPIC, &signed).unwrap().payload(), signed);
        assert!(serde_json::from_slice::<serde_json::Value>(&signed).is_ok());
    }

    #[test]
    fn a_signature_that_is_missing_misplaced_or_odd_is_told_apart() {
        let signed = signed();
        let text = std::str::from_utf8(&signed).unwrap();
        let hex = &text[text.len() - 66..text.len() - 2];
        for (payload, refusal) in [
            ("", Refusal::Unsigned),
            ("}", Refusal::Unsigned),
            (r#"{"v":1}"#, Refusal::Unsigned),
            (std::str::from_utf8(PAYLOAD).unwrap(), Refusal::Unsigned),
            (&text.replace(hex, &hex[1..]), Refusal::Malformed),
            (&text.replace(hex, &hex.to_uppercase()), Refusal::Malformed),
            (&text.replace(":\"", ": \""), Refusal::Malformed),
            (&std::format!("{text}\n"), Refusal::Malformed),
            (r#"{"hmac":"00","v":1}"#, Refusal::Malformed),
            (&text.replace("v", "w"), Refusal::Wrong),
        ] {
            assert_eq!(verify(&key(), TOPIC, payload.as_bytes()), Err(refusal), "{payload}");
        }
        assert_eq!(verify(&Key::from_bytes(&[8; 32]).unwrap(), TOPIC, &signed), Err(Refusal::Wrong));
    }

    #[test]
    fn a_topic_cannot_take_over_part_of_the_payload() {
        let mut out = [0; 200];
        let length = sign(&key(), "a", b"{\"\0{\":1}", &mut out).unwrap();
        assert!(verify(&key(), "a", &out[..length]).is_ok());
        assert_eq!(verify(&key(), "a\0{\"", &out[3..length]), Err(Refusal::Wrong));
        assert_eq!(sign(&key(), "a\0b", PAYLOAD, &mut out), Err(NotSigned::Topic));
    }

    #[test]
    fn what_is_no_object_with_members_is_not_signed() {
        let mut out = [0; 200];
        for bad in ["", "{}", "{ }", "[1]", "}", "1", " {\"v\":1}", "{\"v\":1} ", "{\"v\":1"] {
            assert_eq!(sign(&key(), TOPIC, bad.as_bytes(), &mut out), Err(NotSigned::NotAnObject), "{bad}");
        }
    }

    #[test]
    fn a_buffer_takes_the_whole_message_or_is_left_alone() {
        let needed = PAYLOAD.len() + OVERHEAD;
        assert_eq!(sign(&key(), TOPIC, PAYLOAD, &mut [0; 10]), Err(NotSigned::NoRoom { needed, room: 10 }));
        let mut short = PAYLOAD.to_vec();
        short.resize(needed - 1, b' ');
        let before = short.clone();
        let error = sign_in_place(&key(), TOPIC, &mut short, PAYLOAD.len()).unwrap_err();
        assert_eq!((error, &short), (NotSigned::NoRoom { needed, room: needed - 1 }, &before));
        short.push(b' ');
        assert_eq!(sign_in_place(&key(), TOPIC, &mut short, PAYLOAD.len()), Ok(needed));
        assert_eq!(short, signed());
    }
}
