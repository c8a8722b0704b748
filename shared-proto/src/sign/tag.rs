//! A message authentication code and its text.

use core::fmt;
use core::str::FromStr;

/// Bytes of a code.
const BYTES: usize = 32;

/// A code: 32 bytes, as text 64 lower-case hexadecimal digits. There is no `==`: [`super::Key::confirms`] compares without telling
/// by its time how much was right.
#[derive(Clone, Copy)]
pub struct Tag([u8; BYTES]);

/// A text that is no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a signature: it takes 64 lower-case hexadecimal digits")]
pub struct BadTag;

impl Tag {
    /// Digits of a code as text.
    pub const DIGITS: usize = 2 * BYTES;

    pub(super) fn new(bytes: [u8; BYTES]) -> Self {
        Self(bytes)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The code as ASCII text.
    #[must_use]
    pub fn to_hex(&self) -> [u8; Self::DIGITS] {
        let mut text = [0; Self::DIGITS];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair.copy_from_slice(&[hex(byte >> 4), hex(byte & 0xf)]);
        }
        text
    }

    /// Reads the code from ASCII text.
    ///
    /// # Errors
    /// [`BadTag`] if it is something else than 64 lower-case hexadecimal digits.
    pub fn from_hex(text: &[u8]) -> Result<Self, BadTag> {
        let lower_case = text.iter().all(|byte| !byte.is_ascii_uppercase());
        if text.len() != Self::DIGITS || !lower_case {
            return Err(BadTag);
        }
        let mut bytes = [0; BYTES];
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            for &character in pair {
                *byte = *byte << 4 | digit(character).ok_or(BadTag)?;
            }
        }
        Ok(Self(bytes))
    }
}

impl FromStr for Tag {
    type Err = BadTag;

    fn from_str(text: &str) -> Result<Self, BadTag> {
        Self::from_hex(text.as_bytes())
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({self})")
    }
}

/// The value of a hexadecimal digit.
pub(super) fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        b'A'..=b'F' => Some(character - b'A' + 10),
        _ => None,
    }
}

/// The digit of a value below 16.
fn hex(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'a' + value - 10 }
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;

    #[test]
    fn the_text_of_a_code_is_read_as_it_is_written() {
        let text = "00ff0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab";
        let tag: Tag = text.parse().unwrap();
        assert_eq!(format!("{tag}"), text);
        assert_eq!(tag.to_hex(), text.as_bytes());
        for bad in ["", &text[1..], &format!("{text}0"), &text.to_uppercase(), &text.replace("00", "+0")] {
            assert_eq!(bad.parse::<Tag>().unwrap_err(), BadTag, "{bad}");
        }
    }
}
