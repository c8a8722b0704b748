//! Short texts of bounded length.

use core::fmt::{self, Write};

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize};

/// Text of at most `N` bytes. Whatever is longer is cut at a character boundary, never refused: it is for people to read.
#[derive(Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct Text<const N: usize>(heapless::String<N>);

/// Why something happened, for people.
pub type Reason = Text<{ crate::limits::MAX_REASON }>;
/// A name: of a task, a version, a setting.
pub type Name = Text<32>;

impl<const N: usize> Text<N> {
    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is no text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Formats `value`, cutting what does not fit.
    pub fn of(value: impl fmt::Display) -> Self {
        let mut text = Self::default();
        // The error only says that the text was cut.
        let _ = write!(text, "{value}");
        text
    }
}

impl<const N: usize> Write for Text<N> {
    /// Takes what fits. The error says that something did not, and so keeps the next piece from following the cut.
    /// Control characters become blanks: such a text ends up in logs and on terminals.
    fn write_str(&mut self, s: &str) -> fmt::Result {
        let printable = s.chars().map(|c| if c.is_control() { ' ' } else { c });
        printable.into_iter().try_for_each(|c| self.0.push(c).map_err(|_| fmt::Error))
    }
}

impl<const N: usize> From<&str> for Text<N> {
    fn from(value: &str) -> Self {
        Self::of(value)
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl<'de, const N: usize> Deserialize<'de> for Text<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Cut<const N: usize>;
        impl<const N: usize> Visitor<'_> for Cut<N> {
            type Value = Text<N>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Text<N>, E> {
                Ok(Text::from(text))
            }
        }
        deserializer.deserialize_str(Cut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_forge_lines_or_drive_a_terminal() {
        assert_eq!(Text::<20>::from("x\nINFO\u{1b}[31m\u{9b}0m").as_str(), "x INFO [31m 0m");
        let read: Text<20> = serde_json::from_str(r#""a\u0007b""#).unwrap();
        assert_eq!(read.as_str(), "a b");
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        assert_eq!(Text::<4>::from("abé€").as_str(), "abé");
    }

    #[test]
    fn nothing_follows_a_cut() {
        assert_eq!(Text::<4>::of(format_args!("{}{}", "ab€", "cd")).as_str(), "ab");
    }
}
