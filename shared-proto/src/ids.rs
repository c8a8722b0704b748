//! Names of devices, boots, commands and topic roots, each checked once where it enters.

use core::fmt;
use core::str::FromStr;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A name that breaks the rules for its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: allowed are {allowed}")]
pub struct BadId {
    kind: &'static str,
    allowed: &'static str,
}

/// Defines a checked text id: `$valid` decides on the non-empty text.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $len:literal, $allowed:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(heapless::String<$len>);

        impl $name {
            /// What is allowed, for error messages.
            pub const ALLOWED: &'static str = $allowed;

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                let valid: fn(&str) -> bool = $valid;
                match heapless::String::try_from(text) {
                    Ok(checked) if !text.is_empty() && valid(text) => Ok(Self(checked)),
                    _ => Err(BadId { kind: $kind, allowed: $allowed }),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Parsed::<$name>::new($allowed))
            }
        }
    };
}

text_id!(
    /// Name of a device: 1 to 32 of `A`–`Z`, `a`–`z`, `0`–`9`, `_`, `-`, `.`. It is a level of MQTT topics.
    DeviceId, "device name", 32, "1 to 32 of A-Z a-z 0-9 _ - .",
    |text| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
);
text_id!(
    /// Name of a site, a gateway with its devices: 1 to 32 of `A`–`Z`, `a`–`z`, `0`–`9`, `_`, `-`, `.`. It is a level of MQTT topics.
    SiteId, "site name", 32, "1 to 32 of A-Z a-z 0-9 _ - .",
    |text| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
);
text_id!(
    /// Name of a command, chosen by its sender: 1 to 36 printable ASCII characters (a UUID fits).
    CommandId, "command id", 36, "1 to 36 printable ASCII characters",
    |text| text.bytes().all(|b| b.is_ascii_graphic())
);
text_id!(
    /// First levels of all topics, `edge` by default: 1 to 64 characters without `+`, `#`, blanks, or a `/` at either end.
    TopicRoot, "topic root", 64, "1 to 64 ASCII characters without + # or blanks, no / at either end",
    |text| text.bytes().all(|b| b.is_ascii_graphic() && b != b'+' && b != b'#')
        && !text.starts_with(['/', '$']) && !text.ends_with('/')
);

/// One run of an agent: random at each start, so that counters which begin again are not mistaken for old ones.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BootId(pub u64);

impl fmt::Display for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BootId({self})")
    }
}

impl FromStr for BootId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let lower_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        let digits = text.len() == 16 && text.bytes().all(lower_hex);
        match u64::from_str_radix(text, 16) {
            Ok(value) if digits => Ok(Self(value)),
            _ => Err(BadId { kind: "boot id", allowed: BOOT_ALLOWED }),
        }
    }
}

const BOOT_ALLOWED: &str = "16 lower-case hexadecimal digits";

impl Serialize for BootId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BootId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Parsed::<BootId>::new(BOOT_ALLOWED))
    }
}

/// Reads a text and parses it.
struct Parsed<T> {
    allowed: &'static str,
    kind: core::marker::PhantomData<T>,
}

impl<T> Parsed<T> {
    fn new(allowed: &'static str) -> Self {
        Self { allowed, kind: core::marker::PhantomData }
    }
}

impl<T: FromStr<Err = BadId>> Visitor<'_> for Parsed<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.allowed)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_names_keep_to_one_topic_level() {
        for good in ["pi-01", "a", "Line_3.west", "12345678901234567890123456789012"] {
            assert_eq!(good.parse::<DeviceId>().unwrap().as_str(), good);
        }
        for bad in ["", "a/b", "+", "#", "ö", "a b", "123456789012345678901234567890123"] {
            let error = bad.parse::<DeviceId>().unwrap_err();
            assert!(std::format!("{error}").contains("1 to 32"), "{bad}: {error}");
        }
    }

    #[test]
    fn topic_roots_have_no_wildcards_and_no_empty_ends() {
        assert!("site/edge".parse::<TopicRoot>().is_ok());
        for bad in ["", "/edge", "edge/", "a+b", "#", "$SYS", "a b"] {
            assert!(bad.parse::<TopicRoot>().is_err(), "{bad}");
        }
    }

    #[test]
    fn boot_ids_are_sixteen_hex_digits() {
        assert_eq!("00000000000000ff".parse::<BootId>().unwrap(), BootId(255));
        for bad in ["ff", "00000000000000FF", "+000000000000001", "0000000000000000f"] {
            assert!(bad.parse::<BootId>().is_err(), "{bad}");
        }
    }
}
