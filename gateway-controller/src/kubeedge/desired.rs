//! What the cloud desires of a device's mode.

use shared_proto::mode::Mode;

use super::value::TwinValue;
use crate::fleet::Wish;

/// A desired mode. Upper or lower case does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Desired {
    /// Nothing, or `AUTO`: the policy decides.
    #[default]
    Auto,
    /// `NORMAL` or `DEGRADED`.
    Mode(Mode),
    /// `RELEASE`: the gateway leaves the device alone.
    Release,
    /// Something else: it is shown in the twin, and changes nothing.
    Unknown(TwinValue),
}

impl Desired {
    /// Reads the value of a desired mode.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let text = text.trim();
        if text.is_empty() || text.eq_ignore_ascii_case("auto") {
            Self::Auto
        } else if text.eq_ignore_ascii_case("release") {
            Self::Release
        } else {
            text.parse().map_or_else(|_| Self::Unknown(TwinValue::of(text)), Self::Mode)
        }
    }

    /// The wish to take to the fleet: `Some(None)` leaves the device to the policy, `None` changes nothing.
    #[must_use]
    pub fn wish(&self) -> Option<Option<Wish>> {
        match self {
            Self::Auto => Some(None),
            Self::Mode(mode) => Some(Some(Wish::Mode(*mode))),
            Self::Release => Some(Some(Wish::Release)),
            Self::Unknown(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_people_write_them() {
        for (text, desired) in [
            ("", Desired::Auto),
            (" Auto ", Desired::Auto),
            ("NORMAL", Desired::Mode(Mode::Normal)),
            ("degraded", Desired::Mode(Mode::Degraded)),
            ("RELEASE", Desired::Release),
            ("fast", Desired::Unknown(TwinValue::of("fast"))),
            ("NORMAL DEGRADED", Desired::Unknown(TwinValue::of("NORMAL_DEGRADED"))),
        ] {
            assert_eq!(Desired::of(text), desired, "{text:?}");
        }
        assert_eq!(Desired::of("fast").wish(), None);
        assert_eq!(Desired::of("auto").wish(), Some(None));
    }
}
