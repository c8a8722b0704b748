//! What device-mqtt makes of values: readings from JSON (`newResult`, with spf13/cast), parameters of a set from a request's
//! body (`createCommandValueFromDeviceResource`), and their text in a reading.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::Version;
use super::go::{self, Base};

/// Type of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "EdgeX' words, and Rust's")]
pub enum ValueType {
    Bool,
    String,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Int8,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    /// Another one, of which device-mqtt or this stand-in can make nothing.
    #[serde(untagged)]
    Other(String),
}

/// A value of a resource.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Bool(bool),
    Text(String),
    Unsigned(u64),
    Signed(i64),
    Float32(f32),
    Float64(f64),
}

/// What the kinds of types have in common.
enum Family {
    Bool,
    Text,
    /// Up to this.
    Unsigned(u64),
    /// From this to that.
    Signed(i64, i64),
    Float32,
    Float64,
    None,
}

impl ValueType {
    fn family(&self) -> Family {
        match self {
            Self::Bool => Family::Bool,
            Self::String => Family::Text,
            Self::Uint8 => Family::Unsigned(u8::MAX.into()),
            Self::Uint16 => Family::Unsigned(u16::MAX.into()),
            Self::Uint32 => Family::Unsigned(u32::MAX.into()),
            Self::Uint64 => Family::Unsigned(u64::MAX),
            Self::Int8 => Family::Signed(i8::MIN.into(), i8::MAX.into()),
            Self::Int16 => Family::Signed(i16::MIN.into(), i16::MAX.into()),
            Self::Int32 => Family::Signed(i32::MIN.into(), i32::MAX.into()),
            Self::Int64 => Family::Signed(i64::MIN, i64::MAX),
            Self::Float32 => Family::Float32,
            Self::Float64 => Family::Float64,
            Self::Other(_) => Family::None,
        }
    }
}

impl Value {
    /// Its text in a reading.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Bool(value) => value.to_string(),
            Self::Text(text) => text.clone(),
            Self::Unsigned(value) => value.to_string(),
            Self::Signed(value) => value.to_string(),
            Self::Float32(value) => go::exponent32(*value),
            Self::Float64(value) => go::exponent(*value),
        }
    }

    /// As it goes to a device.
    pub(super) fn json(&self) -> Json {
        match self {
            Self::Bool(value) => Json::from(*value),
            Self::Text(text) => Json::from(text.as_str()),
            Self::Unsigned(value) => Json::from(*value),
            Self::Signed(value) => Json::from(*value),
            // Its own shortest digits, not those of its double.
            Self::Float32(value) => go::float_to_json(value.to_string().parse().unwrap_or_else(|_| f64::from(*value))),
            Self::Float64(value) => go::float_to_json(*value),
        }
    }

    /// What a device sent for a resource; `None` if device-mqtt drops it.
    pub(super) fn reading(of: &ValueType, sent: &Json, version: Version) -> Option<Self> {
        match of.family() {
            Family::Bool => match sent {
                Json::String(text) => go::parse_bool(text),
                _ => number(sent).map(|value| value != 0.0),
            }
            .map(Self::Bool),
            Family::Text => text(sent).map(Self::Text),
            Family::Unsigned(most) => match sent {
                Json::String(text) => unsigned(text, most, version),
                _ => number(sent).filter(|value| *value >= 0.0).map(truncated),
            }
            .filter(|value| *value <= most)
            .map(Self::Unsigned),
            Family::Signed(least, most) => match sent {
                Json::String(text) => go::parse_int(without_zero_fraction(text), Base::Prefix),
                _ => number(sent).map(truncated_signed),
            }
            .filter(|value| (least..=most).contains(value))
            .map(Self::Signed),
            Family::Float32 => float(sent).filter(|value| value.abs() <= f64::from(f32::MAX)).map(narrow),
            Family::Float64 => float(sent).map(Self::Float64),
            Family::None => None,
        }
    }

    /// A parameter of a set, from the request's body as `fmt.Sprint` shows it; `None` if it cannot be converted.
    pub(super) fn parameter(of: &ValueType, given: &Json) -> Option<Self> {
        let text = go::print_json(given);
        match of.family() {
            Family::Bool => go::parse_bool(&text).map(Self::Bool),
            Family::Text => Some(Self::Text(text)),
            Family::Unsigned(most) => {
                go::parse_uint(&text, Base::Ten).filter(|value| *value <= most).map(Self::Unsigned)
            }
            Family::Signed(least, most) => {
                go::parse_int(&text, Base::Ten).filter(|value| (least..=most).contains(value)).map(Self::Signed)
            }
            Family::Float32 => go::parse_float(&text).filter(|value| value.abs() <= f64::from(f32::MAX)).map(narrow),
            Family::Float64 => go::parse_float(&text).map(Self::Float64),
            Family::None => None,
        }
    }
}

/// `cast.ToFloat64E` of what is no text: null is 0, true is 1.
fn number(sent: &Json) -> Option<f64> {
    match sent {
        Json::Null => Some(0.0),
        Json::Bool(value) => Some(f64::from(u8::from(*value))),
        Json::Number(_) => go::number(sent),
        Json::String(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

fn float(sent: &Json) -> Option<f64> {
    if let Json::String(text) = sent { go::parse_float(text) } else { number(sent) }
}

/// `cast.ToStringE`: null is "".
fn text(sent: &Json) -> Option<String> {
    match sent {
        Json::Null => Some(String::new()),
        Json::Bool(value) => Some(value.to_string()),
        Json::Number(_) => go::number(sent).map(go::plain),
        Json::String(text) => Some(text.clone()),
        Json::Array(_) | Json::Object(_) => None,
    }
}

/// The cast of 3.x reads every unsigned type by way of a signed one; that of 4.x all but the widest.
fn unsigned(text: &str, most: u64, version: Version) -> Option<u64> {
    let text = without_zero_fraction(text);
    if most == u64::MAX && version == Version::V4 {
        go::parse_uint(text, Base::Prefix)
    } else {
        go::parse_int(text, Base::Prefix).and_then(|value| value.try_into().ok())
    }
}

/// `trimZeroDecimal`: `12.00` becomes `12`.
fn without_zero_fraction(text: &str) -> &str {
    match text.rsplit_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() && fraction.bytes().all(|digit| digit == b'0') => whole,
        _ => text,
    }
}

/// Go leaves it to the processor what becomes of a number that is too large; this is x86-64's answer.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "truncation is what EdgeX does")]
fn truncated(value: f64) -> u64 {
    if value < 18_446_744_073_709_551_616.0 { value as u64 } else { 1 << 63 }
}

/// See [`truncated`].
#[expect(clippy::cast_possible_truncation, reason = "truncation is what EdgeX does")]
fn truncated_signed(value: f64) -> i64 {
    const END: f64 = 9_223_372_036_854_775_808.0;
    if (-END..END).contains(&value) { value as i64 } else { i64::MIN }
}

#[expect(clippy::cast_possible_truncation, reason = "the resource is of that width")]
fn narrow(value: f64) -> Value {
    Value::Float32(value as f32)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(of: ValueType, sent: &Json) -> Option<String> {
        let both = [Version::V3, Version::V4].map(|version| Value::reading(&of, sent, version));
        assert_eq!(both[0], both[1], "{of:?} of {sent}");
        both[0].as_ref().map(Value::text)
    }

    fn given(of: ValueType, sent: &Json) -> Option<String> {
        Value::parameter(&of, sent).map(|value| value.json().to_string())
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn numbers_and_numeric_strings_mean_the_same() {
        assert_eq!(read(ValueType::Float64, &json!(0.0125)), some("1.25e-02"));
        assert_eq!(read(ValueType::Float64, &json!("1.25e-02")), some("1.25e-02"));
        assert_eq!(read(ValueType::Uint32, &json!("1000")), some("1000"));
        assert_eq!(read(ValueType::Uint32, &json!("12.00")), some("12"));
        assert_eq!(read(ValueType::Bool, &json!("T")), some("true"));
        assert_eq!(read(ValueType::Bool, &json!(2)), some("true"));
    }

    #[test]
    fn null_silently_becomes_nothing_and_true_one() {
        assert_eq!(read(ValueType::Uint64, &Json::Null), some("0"));
        assert_eq!(read(ValueType::Float64, &Json::Null), some("0e+00"));
        assert_eq!(read(ValueType::String, &Json::Null), some(""));
        assert_eq!(read(ValueType::Int64, &json!(true)), some("1"));
    }

    #[test]
    fn fractions_are_cut_and_what_is_out_of_range_is_dropped() {
        assert_eq!(read(ValueType::Uint32, &json!(12.7)), some("12"));
        assert_eq!(read(ValueType::Int8, &json!(-12.7)), some("-12"));
        assert_eq!(read(ValueType::Uint32, &json!("12.7")), None);
        assert_eq!(read(ValueType::Uint32, &json!(-1)), None);
        assert_eq!(read(ValueType::Uint32, &json!(4_294_967_296_u64)), None);
        assert_eq!(read(ValueType::Uint32, &json!("4294967296")), None);
        assert_eq!(read(ValueType::Int8, &json!(128)), None);
        assert_eq!(read(ValueType::Float32, &json!(1e39)), None);
        assert_eq!(read(ValueType::Float32, &json!(0.1)), some("1e-01"));
    }

    #[test]
    fn strings_of_digits_after_a_zero_are_octal() {
        assert_eq!(read(ValueType::Uint64, &json!("0100")), some("64"));
        assert_eq!(read(ValueType::Uint64, &json!("09")), None);
    }

    #[test]
    fn numbers_beyond_two_to_the_53_lose_digits_and_strings_do_not() {
        let ns = 1_763_690_000_123_456_789_i64;
        assert_eq!(read(ValueType::Int64, &json!(ns)), some("1763690000123456768"));
        assert_eq!(read(ValueType::Int64, &json!(ns.to_string())), some("1763690000123456789"));
    }

    #[test]
    fn only_the_later_version_reads_the_upper_half_of_unsigned_strings() {
        let most = json!(u64::MAX.to_string());
        assert_eq!(Value::reading(&ValueType::Uint64, &most, Version::V3), None);
        assert_eq!(Value::reading(&ValueType::Uint64, &most, Version::V4), Some(Value::Unsigned(u64::MAX)));
    }

    #[test]
    fn what_is_no_value_is_dropped() {
        for sent in [json!("NaN"), json!("Inf"), json!("fast"), json!(""), json!([1]), json!({"a": 1}), json!("1\n")] {
            assert_eq!(read(ValueType::Float64, &sent), None, "{sent}");
        }
        assert_eq!(read(ValueType::String, &json!([1])), None);
        assert_eq!(read(ValueType::String, &json!(1e6)), some("1000000"));
        assert_eq!(read(ValueType::Other("Binary".to_owned()), &json!(1)), None);
    }

    #[test]
    fn a_large_number_in_a_set_is_refused_and_its_text_is_not() {
        assert_eq!(given(ValueType::Uint32, &json!(2000)), some("2000"));
        assert_eq!(given(ValueType::Uint32, &json!(999_999)), some("999999"));
        assert_eq!(given(ValueType::Uint32, &json!(1_000_000)), None, "it is printed as 1e+06");
        assert_eq!(given(ValueType::Uint32, &json!("1000000")), some("1000000"));
        assert_eq!(given(ValueType::Uint32, &json!("0100")), some("100"), "decimal here");
        assert_eq!(given(ValueType::Uint8, &json!("256")), None);
        assert_eq!(given(ValueType::Float64, &json!(1_000_000)), some("1000000"));
        assert_eq!(given(ValueType::Float32, &json!(0.1)), some("0.1"));
        assert_eq!(given(ValueType::Bool, &json!(true)), some("true"));
        assert_eq!(given(ValueType::String, &json!("DEGRADED")), some("\"DEGRADED\""));
    }
}
