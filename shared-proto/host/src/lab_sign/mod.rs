//! Signed messages of the classroom's wire, as its Python programs write and check them
//! (<https://github.com/lmendiboure/IoT-Platform-Project>, security bonus).
//!
//! A message is `{"device_id":…, "ts_ms":…, "nonce":"8 hex digits", "data":{…}, "hmac":"64 hex digits"}`. The signature is
//! HMAC-SHA256 over what Python's `json.dumps(message, sort_keys=True, separators=(",", ":"))` prints of the message without `hmac`.
//! It holds for the values, not for the bytes on the wire: blanks, order and spelling of a message are free. So a verifier must print
//! what it received as Python would; [`canonical`] does.
//!
//! [`sign`] and [`verify`] are about who wrote a message, [`ReplayGuard`] about when.

mod canonical;
mod guard;
mod key;
mod message;
mod number;
mod stamp;

use shared_proto::ids::DeviceId;
use shared_proto::sign::Tag;

pub use canonical::canonical;
pub use guard::{Mark, NotFresh, Now, ReplayGuard, Skipped, Span, Wall};
pub use key::LabKey;
pub use message::{CommandMessage, Data, Message, MetricsMessage};
pub use stamp::{BadNonce, Nonce, Stamp};

use canonical::{Members, print_members};

/// Longest signed message, in bytes.
pub const MAX_SIGNED: usize = 16 * 1024;
/// How deep objects and lists may lie within each other, the message itself included.
pub const MAX_DEPTH: usize = 16;

/// The member that holds the signature.
const HMAC: &str = "hmac";

/// Why a message is not taken for what it says it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Too long.
    #[error("{0} bytes: allowed are {MAX_SIGNED}")]
    Oversize(usize),
    /// Too deep.
    #[error("objects and lists within each other: allowed are {MAX_DEPTH}")]
    TooDeep,
    /// Not a JSON object, or with numbers or texts that cannot be printed again.
    #[error("not a JSON object: {0}")]
    Malformed(String),
    /// There is no signature.
    #[error("not signed")]
    Unsigned,
    /// There is something else where the signature should be.
    #[error("malformed signature: \"hmac\" takes 64 lower-case hexadecimal digits")]
    BadSignature,
    /// The signature is not of this key and these values.
    #[error("wrong signature: another key, or changed on the way")]
    Wrong,
    /// A member is missing or not what it should be.
    #[error("{name}: {problem}")]
    Member {
        /// Its name.
        name: &'static str,
        /// What is wrong, and what is allowed.
        problem: String,
    },
    /// The nonce is missing or not 8 hexadecimal digits.
    #[error("nonce: {0}")]
    BadNonce(#[from] BadNonce),
    /// Signed for another device.
    #[error("device_id: the message is for or from another device")]
    OtherDevice,
}

/// Writes a message with its signature: sorted and without blanks.
///
/// # Errors
/// [`Refusal::Oversize`], [`Refusal::TooDeep`], or [`Refusal::Malformed`] if it is not an object.
pub fn sign(key: &LabKey, message: &impl serde::Serialize) -> Result<Vec<u8>, Refusal> {
    let json = serde_json::to_vec(message).map_err(|error| Refusal::Malformed(error.to_string()))?;
    let mut members = canonical::read_object(&json)?;
    members.remove(HMAC);
    let text = print_members(&members)?;
    let tag = key.tag(text.as_bytes());
    let comma = if members.is_empty() { "" } else { "," };
    let unclosed = text.strip_suffix('}').unwrap_or(&text);
    let signed = format!("{unclosed}{comma}\"{HMAC}\":\"{tag}\"}}").into_bytes();
    if signed.len() > MAX_SIGNED { Err(Refusal::Oversize(signed.len())) } else { Ok(signed) }
}

/// Checks that `payload` was signed with `key`, and is of `device`. Whether it is fresh, [`ReplayGuard::admit`] says.
///
/// # Errors
/// [`Refusal`] says why not.
pub fn verify<'a>(key: &LabKey, device: &DeviceId, payload: &'a [u8]) -> Result<Message<'a>, Refusal> {
    let mut members: Members<'a> = canonical::read_object(payload)?;
    let signature = members.remove(HMAC).ok_or(Refusal::Unsigned)?;
    let tag: String = canonical::read(signature).map_err(|_| Refusal::BadSignature)?;
    let tag: Tag = tag.parse().map_err(|_| Refusal::BadSignature)?;
    if !key.confirms(print_members(&members)?.as_bytes(), &tag) {
        return Err(Refusal::Wrong);
    }
    Message::read(members, device)
}

#[cfg(test)]
mod tests;
