//! The classroom's key: the characters of the key file, not the bytes that they stand for.

use shared_proto::sign::{BadKey, Key, Tag};

/// A key of the classroom's wire. The native wire takes another one from the same file ([`Key::from_hex`]), so the two never mix.
#[derive(Debug, Clone)]
pub struct LabKey(Key);

impl LabKey {
    /// The key that the content of a key file is: 64 to 128 hexadecimal digits, without blanks or line ends.
    ///
    /// # Errors
    /// [`BadKey`] if it is something else.
    pub fn from_text(text: &str) -> Result<Self, BadKey> {
        Key::from_hex_as_text(text).map(Self)
    }

    pub(super) fn tag(&self, text: &[u8]) -> Tag {
        self.0.tag(&[text])
    }

    pub(super) fn confirms(&self, text: &[u8], tag: &Tag) -> bool {
        self.0.confirms(&[text], tag)
    }
}
