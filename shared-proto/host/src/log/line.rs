//! How an event looks as a line.

use std::fmt::{self, Debug, Display, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

use super::Style;

/// The event as a line, with its end.
pub(super) fn line(style: Style, event: &Event<'_>, now: SystemTime) -> Vec<u8> {
    // Nothing is before 1970, where humantime would panic.
    let time = humantime::format_rfc3339_micros(now.max(UNIX_EPOCH));
    // Writing to memory fails if a value refuses to be shown, as a time does from the year 10000 on; the rest is still worth a line.
    let mut bytes = match style {
        Style::Json => json(event, &time),
        Style::Colored => text(event, Some(&time), &COLORED).into_bytes(),
        Style::Plain => text(event, Some(&time), &PLAIN).into_bytes(),
        Style::PlainWithoutTime => text(event, None, &PLAIN).into_bytes(),
    };
    bytes.push(b'\n');
    bytes
}

fn json(event: &Event<'_>, time: &dyn Display) -> Vec<u8> {
    let mut fields = JsonFields { out: Vec::new() };
    let out = &mut fields.out;
    out.extend_from_slice(b"{\"timestamp\":");
    put(out, &shown(time));
    out.extend_from_slice(b",\"level\":");
    put(out, event.metadata().level().as_str());
    out.extend_from_slice(b",\"fields\":{");
    event.record(&mut fields);
    let mut out = fields.out;
    out.extend_from_slice(b"},\"target\":");
    put(&mut out, event.metadata().target());
    out.push(b'}');
    out
}

fn put(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    // Neither memory nor these values refuse.
    let _ = serde_json::to_writer(out, value);
}

/// Unlike `to_string`, without a panic if it cannot be shown.
fn shown(value: &dyn Display) -> String {
    let mut text = String::new();
    let _ = write!(text, "{value}");
    text
}

/// A raw identifier's name is that without `r#`.
fn name(field: &Field) -> &'static str {
    let name = field.name();
    name.strip_prefix("r#").unwrap_or(name)
}

struct JsonFields {
    out: Vec<u8>,
}

impl JsonFields {
    fn field(&mut self, field: &Field, value: &(impl Serialize + ?Sized)) {
        if self.out.last() != Some(&b'{') {
            self.out.push(b',');
        }
        put(&mut self.out, name(field));
        self.out.push(b':');
        put(&mut self.out, value);
    }
}

impl Visit for JsonFields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.field(field, &value);
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.field(field, &value);
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.field(field, &value);
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.field(field, &value);
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.field(field, value);
    }
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.field(field, shown(&format_args!("{value:?}")).as_str());
    }
}

/// What goes around the parts of a line.
struct Looks {
    level: fn(Level) -> &'static str,
    dim: &'static str,
    italic: &'static str,
    end: &'static str,
}

const PLAIN: Looks = Looks { level: |_| "", dim: "", italic: "", end: "" };
const COLORED: Looks = Looks { level: color, dim: "\x1b[2m", italic: "\x1b[3m", end: "\x1b[0m" };

fn color(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        Level::DEBUG => "\x1b[34m",
        Level::TRACE => "\x1b[35m",
    }
}

fn text(event: &Event<'_>, time: Option<&dyn Display>, looks: &Looks) -> String {
    let Looks { level: color, dim, end, .. } = looks;
    let (level, target) = (*event.metadata().level(), event.metadata().target());
    let mut out = String::new();
    if let Some(time) = time {
        let _ = write!(out, "{dim}{time}{end} ");
    }
    let _ = write!(out, "{}{level:>5}{end} {dim}{target}:{end}", color(level));
    event.record(&mut TextFields { out: &mut out, looks });
    out
}

struct TextFields<'a> {
    out: &'a mut String,
    looks: &'a Looks,
}

impl Visit for TextFields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.record_debug(field, &format_args!("{value}"));
        } else {
            self.record_debug(field, &value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.out.push(' ');
        if field.name() != "message" {
            let Looks { dim, italic, end, .. } = self.looks;
            let _ = write!(self.out, "{italic}{}{end}{dim}={end}", name(field));
        }
        let _ = write!(Harmless(self.out), "{value:?}");
    }
}

/// Text from outside must not command the terminal that shows it.
struct Harmless<'a>(&'a mut String);

impl Write for Harmless<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '\n' | '\t' => self.0.push(character),
                _ if character.is_control() => self.0.extend(character.escape_default()),
                _ => self.0.push(character),
            }
        }
        Ok(())
    }
}
