//! The secret that a device shares with its gateway.

use core::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Tag;
use super::tag::digit;

/// Shortest key in bytes: the strength of the hash.
const MIN_BYTES: usize = 32;
/// Longest key in bytes: HMAC hashes a longer one down, so that nothing is gained.
const MAX_BYTES: usize = 64;

/// A key. `Debug` does not show it.
#[derive(Clone)]
pub struct Key(
    // With the key taken in, so that a short message costs two rounds of the hash less.
    Hmac<Sha256>,
);

/// What cannot be a key. Never says what was in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// Too few or too many bytes.
    #[error("a key of {0} bytes: allowed are {MIN_BYTES} to {MAX_BYTES}")]
    Bytes(usize),
    /// Too few or too many digits, or half a byte at the end.
    #[error("a key of {0} characters: allowed are 64 to 128 hexadecimal digits, an even number of them")]
    Digits(usize),
    /// Something else than digits; its place in bytes, from 1.
    #[error("byte {0} of the key is not a hexadecimal digit")]
    NotHex(usize),
}

impl Key {
    /// A key of 32 to 64 bytes.
    ///
    /// # Errors
    /// [`BadKey::Bytes`] if there are fewer or more.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadKey> {
        if !(MIN_BYTES..=MAX_BYTES).contains(&bytes.len()) {
            return Err(BadKey::Bytes(bytes.len()));
        }
        Self::of(bytes)
    }

    /// The key that 64 to 128 hexadecimal digits stand for, in lower or upper case, without blanks.
    ///
    /// # Errors
    /// [`BadKey`] if the text is something else.
    pub fn from_hex(text: &str) -> Result<Self, BadKey> {
        check_hex(text)?;
        let mut bytes = heapless::Vec::<u8, MAX_BYTES>::new();
        for pair in text.as_bytes().chunks_exact(2) {
            let byte = pair.iter().filter_map(|&byte| digit(byte)).fold(0, |high, low| high << 4 | low);
            bytes.push(byte).map_err(|_| BadKey::Digits(text.len()))?;
        }
        Self::of(&bytes)
    }

    /// The same text, but the characters themselves are the key: programs that use the content of a key file as it is.
    ///
    /// # Errors
    /// [`BadKey`] as for [`Key::from_hex`].
    pub fn from_hex_as_text(text: &str) -> Result<Self, BadKey> {
        check_hex(text)?;
        Self::of(text.as_bytes())
    }

    fn of(bytes: &[u8]) -> Result<Self, BadKey> {
        Hmac::new_from_slice(bytes).map(Self).map_err(|_| BadKey::Bytes(bytes.len()))
    }

    /// The code of a text given in parts.
    #[must_use]
    pub fn tag(&self, parts: &[&[u8]]) -> Tag {
        Tag::new(self.over(parts).finalize().into_bytes().into())
    }

    /// Whether `tag` is the code of the text; takes the same time whatever the difference.
    #[must_use]
    pub fn confirms(&self, parts: &[&[u8]], tag: &Tag) -> bool {
        self.over(parts).verify_slice(tag.as_bytes()).is_ok()
    }

    fn over(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        parts.iter().fold(self.0.clone(), |mac, part| mac.chain_update(part))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(***)")
    }
}

fn check_hex(text: &str) -> Result<(), BadKey> {
    if let Some(place) = text.bytes().position(|byte| digit(byte).is_none()) {
        return Err(BadKey::NotHex(place + 1));
    }
    if !(2 * MIN_BYTES..=2 * MAX_BYTES).contains(&text.len()) || !text.len().is_multiple_of(2) {
        return Err(BadKey::Digits(text.len()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::borrow::ToOwned;
    use std::format;
    use std::string::String;
    use std::vec::Vec;

    use super::*;

    /// RFC 4231 has no key of 32 bytes; this is its test case 6 with the key hashed, as HMAC does with a key of 131 bytes.
    #[test]
    fn the_code_is_that_of_the_standard() {
        use sha2::Digest;
        let key = Key::from_bytes(&Sha256::digest([0xaa; 131])).unwrap();
        let tag = key.tag(&[b"Test Using Larger Than Block-Size Key", b" - Hash Key First"]);
        let expected = "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54";
        assert_eq!(format!("{tag}"), expected);
        assert!(key.confirms(&[b"Test Using Larger Than Block-Size Key - Hash Key First"], &expected.parse().unwrap()));
    }

    #[test]
    fn digits_and_bytes_give_the_same_key() {
        let bytes: Vec<u8> = (100..132).collect();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let tags = [Key::from_bytes(&bytes), Key::from_hex(&hex), Key::from_hex(&hex.to_uppercase())]
            .map(|key| format!("{}", key.unwrap().tag(&[b"x"])));
        assert!(tags.iter().all(|tag| *tag == tags[0]), "{tags:?}");
        assert_ne!(format!("{}", Key::from_hex_as_text(&hex).unwrap().tag(&[b"x"])), tags[0]);
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_shown() {
        let good = "0123456789abcdef".repeat(4);
        for (bad, expected) in [
            (String::new(), BadKey::Digits(0)),
            (good[..62].to_owned(), BadKey::Digits(62)),
            (format!("{good}0"), BadKey::Digits(65)),
            (good.repeat(3), BadKey::Digits(192)),
            (format!("{good}\n"), BadKey::NotHex(65)),
            (format!("s3cret{good}"), BadKey::NotHex(1)),
        ] {
            assert_eq!(Key::from_hex(&bad).unwrap_err(), expected);
            assert_eq!(Key::from_hex_as_text(&bad).unwrap_err(), expected);
            assert!(!format!("{expected}").contains("s3cret"));
        }
        assert_eq!(Key::from_bytes(&[1; 31]).unwrap_err(), BadKey::Bytes(31));
        assert_eq!(Key::from_bytes(&[1; 65]).unwrap_err(), BadKey::Bytes(65));
        assert!(Key::from_hex(&good.repeat(2)).is_ok());
    }

    #[test]
    fn a_key_is_not_shown() {
        let key = Key::from_bytes(&[0x5a; 32]).unwrap();
        assert_eq!(format!("{key:?} {key:#?}"), "Key(***) Key(***)");
    }
}
