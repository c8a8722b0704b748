//! Signed messages: a message authentication code (HMAC-SHA256) as the last member of a JSON object.
//!
//! `{"v":1,…}` becomes `{"v":1,…,"hmac":"<64 lower-case hexadecimal digits>"}`. The code covers the text `edge-mqtt-v1`, a zero
//! byte, the topic, a zero byte, and the payload up to the comma before `"hmac"`, byte for byte. So there is no canonical form to
//! agree on, a message cannot be moved to the topic of another device or kind, and whoever knows no signatures reads the message as
//! ever: every reader of this wire ignores members that it does not know.
//!
//! A signature says who wrote a message, not when: freshness comes from what is in the message.

mod envelope;
mod key;
mod tag;

pub use envelope::{NotSigned, OVERHEAD, Refusal, Verified, sign, sign_in_place, verify};
pub use key::{BadKey, Key};
pub use tag::{BadTag, Tag};
