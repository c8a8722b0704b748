//! How Go's `strconv`, `fmt` and `encoding/json` read and write numbers, as far as EdgeX shows it.

use serde_json::Value as Json;

/// How digits are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Base {
    /// Decimal, leading zeros or not.
    Ten,
    /// By prefix: `0x`, `0o`, `0b`, and octal after a leading zero. Base 0 in Go.
    Prefix,
}

/// `strconv.FormatFloat(value, 'e', -1, 64)`: shortest digits, exponent of at least two digits.
pub(super) fn exponent(value: f64) -> String {
    two_digits(&format!("{value:e}"))
}

/// `strconv.FormatFloat(value, 'e', -1, 32)`.
pub(super) fn exponent32(value: f32) -> String {
    two_digits(&format!("{value:e}"))
}

/// Rust writes `1.25e-2`, Go `1.25e-02`.
fn two_digits(short: &str) -> String {
    let Some((digits, exponent)) = short.split_once('e') else { return short.to_owned() };
    let (sign, size) = exponent.strip_prefix('-').map_or(('+', exponent), |size| ('-', size));
    format!("{digits}e{sign}{size:0>2}")
}

/// `strconv.FormatFloat(value, 'f', -1, 64)`: never an exponent.
pub(super) fn plain(value: f64) -> String {
    value.to_string()
}

/// `fmt.Sprint(value)`: the exponent form from 1e+06 on, even of what has more digits than that, and below 1e-04.
pub(super) fn print(value: f64) -> String {
    let long = value != 0.0 && !(1e-4..1e6).contains(&value.abs());
    if long { exponent(value) } else { plain(value) }
}

/// `fmt.Sprint` of what `encoding/json` made of a value.
pub(super) fn print_json(value: &Json) -> String {
    match value {
        Json::Null => "<nil>".to_owned(),
        Json::Bool(value) => value.to_string(),
        Json::Number(_) => print(number(value).unwrap_or(f64::NAN)),
        Json::String(text) => text.clone(),
        Json::Array(items) => format!("[{}]", items.iter().map(print_json).collect::<Vec<_>>().join(" ")),
        Json::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| format!("{name}:{}", print_json(value)));
            format!("map[{}]", fields.collect::<Vec<_>>().join(" "))
        }
    }
}

/// A JSON number as `encoding/json` has it: a `float64`, whatever was written.
pub(super) fn number(value: &Json) -> Option<f64> {
    value.as_f64()
}

/// `json.Marshal` of a `float64`: whole numbers have no point.
pub(super) fn float_to_json(value: f64) -> Json {
    #[expect(clippy::cast_possible_truncation, reason = "whole and small enough")]
    if value.fract() == 0.0 && value.abs() < 1e15 { Json::from(value as i64) } else { Json::from(value) }
}

/// `strconv.ParseInt(text, base, 64)`.
pub(super) fn parse_int(text: &str, base: Base) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) => (text.starts_with('-'), digits),
        None => (false, text),
    };
    let size = i128::from(parse_uint(digits, base)?);
    i64::try_from(if negative { -size } else { size }).ok()
}

/// `strconv.ParseUint(text, base, 64)`: no sign.
pub(super) fn parse_uint(text: &str, base: Base) -> Option<u64> {
    let (radix, digits) = if base == Base::Ten { (10, text) } else { radix(text) };
    // Rust would take a sign here.
    let plain = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    if plain { u64::from_str_radix(digits, radix).ok() } else { None }
}

fn radix(text: &str) -> (u32, &str) {
    for (prefixes, radix) in [(["0x", "0X"], 16), (["0o", "0O"], 8), (["0b", "0B"], 2)] {
        if let Some(digits) = prefixes.iter().find_map(|prefix| text.strip_prefix(prefix)) {
            return (radix, digits);
        }
    }
    match text.strip_prefix('0') {
        Some(digits) if !digits.is_empty() => (8, digits),
        _ => (10, text),
    }
}

/// `strconv.ParseFloat(text, 64)`, but NaN and infinities count as errors: EdgeX refuses them right afterwards.
pub(super) fn parse_float(text: &str) -> Option<f64> {
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// `strconv.ParseBool(text)`.
pub(super) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn floats_have_the_shortest_digits_and_an_exponent_of_two_or_more() {
        for (value, text) in [
            (0.0125, "1.25e-02"),
            (0.0, "0e+00"),
            (1500.0, "1.5e+03"),
            (83.5, "8.35e+01"),
            (1.0, "1e+00"),
            (-0.1, "-1e-01"),
            (1e-300, "1e-300"),
            (0.1 + 0.2, "3.0000000000000004e-01"),
        ] {
            assert_eq!(exponent(value), text);
            assert_eq!(text.parse::<f64>(), Ok(value), "and Rust reads it back");
        }
        assert_eq!(exponent32(0.1), "1e-01", "digits of its own width");
    }

    #[test]
    fn a_printed_number_gets_an_exponent_at_a_million() {
        for (value, text) in [
            (1_000_000.0, "1e+06"),
            (1_234_567.0, "1.234567e+06"),
            (999_999.0, "999999"),
            (2000.0, "2000"),
            (0.5, "0.5"),
            (0.0, "0"),
            (0.000_01, "1e-05"),
            (0.000_1, "0.0001"),
        ] {
            assert_eq!(print(value), text);
        }
        assert_eq!(plain(1e21), "1000000000000000000000");
        assert_eq!(print_json(&json!({"a": [1, true, null]})), "map[a:[1 true <nil>]]");
    }

    #[test]
    fn integers_are_read_by_prefix_or_as_decimal() {
        assert_eq!(parse_int("0100", Base::Prefix), Some(64), "octal");
        assert_eq!(parse_int("0100", Base::Ten), Some(100));
        assert_eq!(parse_int("-0x10", Base::Prefix), Some(-16));
        assert_eq!(parse_int("0b101", Base::Prefix), Some(5));
        assert_eq!(parse_int("0", Base::Prefix), Some(0));
        assert_eq!(parse_int("-9223372036854775808", Base::Ten), Some(i64::MIN));
        for none in ["", "-", "08", "1e+06", "12.5", " 1", "1\n", "+-1", "9223372036854775808"] {
            assert_eq!(parse_int(none, Base::Prefix), None, "{none:?}");
        }
        assert_eq!(parse_uint("18446744073709551615", Base::Ten), Some(u64::MAX));
        assert_eq!((parse_uint("+1", Base::Ten), parse_uint("-1", Base::Prefix)), (None, None));
    }

    #[test]
    fn whole_floats_are_written_without_a_point() {
        assert_eq!(float_to_json(2.0).to_string(), "2");
        assert_eq!(float_to_json(-0.25).to_string(), "-0.25");
    }
}
