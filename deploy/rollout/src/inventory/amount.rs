//! A number of devices, or a share of them.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// How many of the devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// So many.
    Count(usize),
    /// So many in a hundred, 0 to 100.
    Percent(u8),
}

impl Amount {
    /// How many of `all`, rounded down, and no more than all.
    #[must_use]
    pub fn of(self, all: usize) -> usize {
        match self {
            Self::Count(count) => count.min(all),
            Self::Percent(percent) => all.saturating_mul(usize::from(percent)) / 100,
        }
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;

        impl Visitor<'_> for Words {
            type Value = Amount;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of devices, or a share such as \"5%\"")
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Amount, E> {
                usize::try_from(number).map(Amount::Count).map_err(|_| E::custom("it is negative"))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Amount, E> {
                let percent = text.strip_suffix('%').and_then(|number| number.parse().ok());
                percent
                    .filter(|percent| *percent <= 100)
                    .map(Amount::Percent)
                    .ok_or_else(|| E::custom("neither a number of devices nor a share such as \"5%\""))
            }
        }

        deserializer.deserialize_any(Words)
    }
}
