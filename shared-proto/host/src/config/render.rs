//! Values as text on one line: no control characters, no passwords, and in messages no endless values.

use toml::Value;

/// Keys of this name hold secrets.
pub(super) const SECRET: &str = "password";
/// What is shown of a secret.
pub(super) const MASK: &str = "\"***\"";
/// The longest text of a value in a message, in characters.
const LONGEST: usize = 160;

/// A text as a TOML string literal on one line.
#[must_use]
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            control if control.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(control))),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// A segment of a path, quoted if TOML wants it so.
pub(super) fn segment(name: &str) -> String {
    let bare =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if bare { name.to_owned() } else { quote(name) }
}

/// Whether passwords are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Secrets {
    Shown,
    Masked,
}

/// A value as TOML on one line.
pub(super) fn literal(value: &Value, secrets: Secrets) -> String {
    match value {
        Value::String(text) => quote(text),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(|item| literal(item, secrets)).collect::<Vec<_>>().join(", "))
        }
        Value::Table(table) if table.is_empty() => "{}".to_owned(),
        Value::Table(table) => {
            let member = |(name, value): (&String, &Value)| {
                let masked = secrets == Secrets::Masked && name == SECRET;
                let text = if masked { MASK.to_owned() } else { literal(value, secrets) };
                format!("{} = {text}", segment(name))
            };
            format!("{{ {} }}", table.iter().map(member).collect::<Vec<_>>().join(", "))
        }
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => float(*number),
        Value::Boolean(value) => value.to_string(),
        Value::Datetime(time) => time.to_string(),
    }
}

/// TOML wants a point in what is no whole number, and has names of its own for the rest.
fn float(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    let text = number.to_string();
    if number.is_finite() && !text.contains('.') { text + ".0" } else { text }
}

/// A text that others wrote, fit for a message: one line, not too long.
pub(super) fn message(text: &str) -> String {
    let text = &without_user_info(text.trim_end());
    let mut shown: String = text.chars().take(LONGEST).flat_map(visible).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

/// Addresses without the user name and password that somebody may have put into them.
fn without_user_info(text: &str) -> String {
    let mut parts = text.split("://");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        shown.push_str("://");
        let end = part.find(|c: char| c == '"' || c.is_whitespace()).unwrap_or(part.len());
        let (address, rest) = part.split_at(end);
        match address.rsplit_once('@') {
            Some((_, host)) => shown.push_str(&format!("***@{host}")),
            None => shown.push_str(address),
        }
        shown.push_str(rest);
    }
    shown
}

fn visible(character: char) -> impl Iterator<Item = char> {
    let escaped = character.is_control().then(|| character.escape_default());
    let plain = escaped.is_none().then_some(character);
    escaped.into_iter().flatten().chain(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_an_address_is_not_shown() {
        assert_eq!(message("\"mqtt://user:se/cret@host:1\" and x://h"), "\"mqtt://***@host:1\" and x://h");
        assert_eq!(message("\"mqtt://user:secret@host:1/p\" and x://h"), "\"mqtt://***@host:1/p\" and x://h");
    }
}
