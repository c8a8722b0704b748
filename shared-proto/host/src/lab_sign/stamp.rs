//! What tells one message of a sender from all others: its time and its nonce.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A number used once: 8 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Nonce(pub u32);

/// A text that is no nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("allowed are 8 hexadecimal digits")]
pub struct BadNonce;

impl FromStr for Nonce {
    type Err = BadNonce;

    fn from_str(text: &str) -> Result<Self, BadNonce> {
        let digits = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        u32::from_str_radix(text, 16).ok().filter(|_| digits).map(Self).ok_or(BadNonce)
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl Serialize for Nonce {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Time and nonce of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The sender's wall clock when it signed, in milliseconds since 1970.
    pub ts_ms: u64,
    /// Differs in every message.
    pub nonce: Nonce,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_eight_hexadecimal_digits() {
        assert_eq!("00ff00Aa".parse::<Nonce>().unwrap().to_string(), "00ff00aa");
        for bad in ["", "0123456", "012345678", "+1234567", "0123456g", "0x123456", "0123456é"] {
            assert_eq!(bad.parse::<Nonce>(), Err(BadNonce), "{bad}");
        }
    }
}
