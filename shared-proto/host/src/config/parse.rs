//! Turns loaded values into the program's own types.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::entry::Entry;
use super::render::{self, Secrets};
use super::tracked::{self, Misfit, Step};
use super::{ConfigError, Key, Loaded, Problem};

/// The spot inside the values that an error is about.
struct Spot<'a> {
    path: String,
    found: Option<(&'static Key, &'a Entry, &'a Value)>,
    is_secret: bool,
}

impl Loaded {
    /// The values as a type of the program. Every section is there, with an empty table if none of its keys has a value;
    /// an optional key that is not set is absent, so its field is an `Option`.
    ///
    /// # Errors
    /// The first value that the type does not accept, with its source and what is allowed.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        let mut as_literal = BTreeSet::new();
        let mut first: Option<(&'static str, Misfit)> = None;
        loop {
            let error = match tracked::deserialize(&Value::Table(self.table(&as_literal))) {
                Ok(config) => return Ok(config),
                Err(error) => error,
            };
            let other_reading = self.spot(&error.path).found.and_then(|(key, entry, _)| {
                (entry.literal.is_some() && as_literal.insert(key.path)).then_some(key.path)
            });
            match (other_reading, first.take()) {
                (Some(path), _) => first = Some((path, error)),
                // Both readings failed. The error of the text is the better one, unless no text was wanted at all.
                (None, Some((path, text_error))) if self.is_at(&error, path) && !wants_no_text(&text_error) => {
                    return Err(self.problem(&text_error).into());
                }
                (None, _) => return Err(self.problem(&error).into()),
            }
        }
    }

    /// The values as nested tables.
    fn table(&self, as_literal: &BTreeSet<&'static str>) -> Table {
        let mut root = Table::new();
        let declared = self.schema.sections.iter().map(|section| section.path);
        for section in declared.chain(self.schema.keys.iter().map(Key::section)) {
            descend(&mut root, section);
        }
        for key in self.schema.keys {
            if let Some(entry) = self.entries.get(key.path) {
                let value = if as_literal.contains(key.path) { entry.shown() } else { &entry.value };
                if let Some(table) = descend(&mut root, key.section()) {
                    table.insert(key.name().to_owned(), value.clone());
                }
            }
        }
        root
    }

    fn is_at(&self, error: &Misfit, path: &str) -> bool {
        self.spot(&error.path).found.is_some_and(|(key, ..)| key.path == path)
    }

    fn spot(&self, path: &[Step]) -> Spot<'_> {
        let mut spot = Spot { path: String::new(), found: None, is_secret: false };
        for segment in path {
            match segment {
                Step::Index(index) => spot.path.push_str(&format!("[{index}]")),
                Step::Key(key) => {
                    let dot = if spot.path.is_empty() { "" } else { "." };
                    spot.path = format!("{}{dot}{}", spot.path, render::segment(key));
                    spot.is_secret |= key == render::SECRET;
                }
            }
            spot.found = match (spot.found, segment) {
                (Some((key, entry, value)), Step::Index(index)) => {
                    Some((key, entry, value.get(*index).unwrap_or(value)))
                }
                (Some((key, entry, value)), Step::Key(name)) => {
                    Some((key, entry, value.get(name.as_str()).unwrap_or(value)))
                }
                (_, _) => {
                    let key = self.schema.key(&spot.path);
                    key.and_then(|key| self.entries.get(key.path).map(|entry| (key, entry, entry.shown())))
                }
            };
        }
        spot
    }

    fn problem(&self, error: &Misfit) -> Problem {
        let spot = self.spot(&error.path);
        let problem = render::message(&in_plain_words(error.error.message()));
        let Some((key, entry, value)) = spot.found else {
            return self.missing_key(&spot.path, &problem).unwrap_or_else(|| Problem::Section {
                file: self.file.clone(),
                section: spot.path,
                problem,
            });
        };
        let (value, problem) = if spot.is_secret {
            // The message of the deserializer quotes the value.
            (render::MASK.to_owned(), "the value is not of the right type".to_owned())
        } else {
            (render::message(&render::literal(value, Secrets::Masked)), problem)
        };
        Problem::Value {
            origin: entry.source.clone(),
            path: render::message(&spot.path),
            value: Some(value),
            problem,
            allowed: key.allowed.to_owned(),
        }
    }

    /// The problem if it is that a key without a value is required; the deserializer only names the section.
    fn missing_key(&self, section: &str, problem: &str) -> Option<Problem> {
        let is_missing = |key: &&Key| problem == format!("missing field `{}`", key.name());
        let key = self.schema.keys_in(section).find(is_missing)?;
        Some(self.missing(key, "it is required".to_owned()))
    }
}

/// The deserializer's message without the names of Rust's types.
fn in_plain_words(message: &str) -> String {
    let Some((found, expected)) = message.rsplit_once(", expected ") else { return message.to_owned() };
    if found.starts_with("invalid value: integer") {
        // Too large or too small for Rust's type; what is allowed follows.
        return found.to_owned();
    }
    let plain = match expected {
        "f32" | "f64" => "a number",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, not negative",
        "a boolean" => "true or false",
        other => other,
    };
    format!("{found}, expected {plain}")
}

/// True if the type wanted a number, a boolean or an array where the environment gave a text.
fn wants_no_text(error: &Misfit) -> bool {
    error.error.message().starts_with("invalid type: string")
}

/// The table of a section, made if need be; `None` if a value stands in the way.
fn descend<'a>(root: &'a mut Table, section: &str) -> Option<&'a mut Table> {
    let segments = section.split('.').filter(|segment| !segment.is_empty());
    segments.into_iter().try_fold(root, |table, segment| {
        table.entry(segment).or_insert_with(|| Value::Table(Table::new())).as_table_mut()
    })
}
