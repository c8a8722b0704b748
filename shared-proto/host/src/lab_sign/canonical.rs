//! JSON as Python's `json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))` prints it.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::number::print_number;
use super::{MAX_DEPTH, MAX_SIGNED, Refusal};

/// The members of an object with the text of their values. In order of code points, as Python sorts; of two with the same name the
/// last one counts, as in Python.
pub(super) type Members<'a> = BTreeMap<String, &'a RawValue>;

/// A JSON object as Python prints it again: members sorted at every depth, no blanks, ASCII only, numbers in Python's spelling.
///
/// # Errors
/// [`Refusal::Oversize`], [`Refusal::TooDeep`], or [`Refusal::Malformed`]. Python takes more than JSON allows, and refused here are:
/// `NaN`, `Infinity`, halves of surrogate pairs, numbers with a point or an exponent beyond 64-bit floating point, other
/// encodings than UTF-8.
pub fn canonical(json: &[u8]) -> Result<String, Refusal> {
    print_members(&read_object(json)?)
}

pub(super) fn read_object(json: &[u8]) -> Result<Members<'_>, Refusal> {
    if json.len() > MAX_SIGNED {
        return Err(Refusal::Oversize(json.len()));
    }
    serde_json::from_slice(json).map_err(|error| Refusal::Malformed(error.to_string()))
}

pub(super) fn print_members(members: &Members<'_>) -> Result<String, Refusal> {
    let mut out = String::new();
    print_object(members, MAX_DEPTH, &mut out)?;
    Ok(out)
}

/// Prints a value. The depth that is `left` bounds the recursion, and with it how often an inner text is read again.
fn print(value: &RawValue, left: usize, out: &mut String) -> Result<(), Refusal> {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'{') => print_object(&again(value)?, left, out)?,
        Some(b'[') => print_list(&again::<Vec<_>>(value)?, left, out)?,
        Some(b'"') => print_text(&again::<String>(value)?, out),
        Some(b'-' | b'0'..=b'9') => print_number(text, out)?,
        // null, true, false: the value was read as JSON before.
        _ => out.push_str(text),
    }
    Ok(())
}

fn print_object(members: &Members<'_>, left: usize, out: &mut String) -> Result<(), Refusal> {
    let left = left.checked_sub(1).ok_or(Refusal::TooDeep)?;
    out.push('{');
    for (position, (name, value)) in members.iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        print_text(name, out);
        out.push(':');
        print(value, left, out)?;
    }
    out.push('}');
    Ok(())
}

fn print_list(values: &[&RawValue], left: usize, out: &mut String) -> Result<(), Refusal> {
    let left = left.checked_sub(1).ok_or(Refusal::TooDeep)?;
    out.push('[');
    for (position, value) in values.iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        print(value, left, out)?;
    }
    out.push(']');
    Ok(())
}

/// Python's `ensure_ascii`: everything but printable ASCII as escapes, surrogate pairs beyond the basic plane.
fn print_text(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    // Writing into a String cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}

fn again<'a, T: Deserialize<'a>>(value: &'a RawValue) -> Result<T, Refusal> {
    read(value).map_err(|error| Refusal::Malformed(error.to_string()))
}

/// Reads a value. As bytes, like all other JSON: for a `str` `serde_json` brings a second parser.
pub(super) fn read<'a, T: Deserialize<'a>>(value: &'a RawValue) -> serde_json::Result<T> {
    serde_json::from_slice(value.get().as_bytes())
}
