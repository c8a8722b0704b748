//! Reads the environment.

use std::ffi::{OsStr, OsString};

use toml::Value;

use super::entry::Entry;
use super::load::Gathered;
use super::nearest::Spelling;
use super::{Key, Preset, Problem, Source, render};
use crate::tree;

/// Adds the values of the environment to those gathered so far, and what is wrong with them to the problems.
pub(super) fn read(env: impl IntoIterator<Item = (OsString, OsString)>, gathered: &mut Gathered) {
    // By name, so that the same environment always gives the same messages.
    let variables = tree::map(env);
    for (name, text) in variables {
        let name = name.to_string_lossy();
        let rest = name.split_at_checked(gathered.schema.env_prefix.len() + 1);
        let prefix = format!("{}_", gathered.schema.env_prefix);
        if let Some((_, rest)) = rest.filter(|(start, _)| start.eq_ignore_ascii_case(&prefix)) {
            let path = rest.to_ascii_lowercase().replace("__", ".");
            if !path.contains('.') && !resembles_a_key(gathered.schema.keys, &path) {
                // Somebody else's: build servers and container platforms set variables of all names.
                continue;
            }
            take(&path, Source::Environment { variable: render::message(&name) }, &text, gathered);
        }
    }
}

/// Whether a name without `__` is likely to be meant for a key: it is one but for the dots and a letter or two.
fn resembles_a_key(keys: &[Key], name: &str) -> bool {
    keys.iter().any(|key| strsim::osa_distance(&key.path.replace('.', "_"), name) <= 2)
}

/// Takes a default from a variable of another program.
pub(super) fn preset(preset: &Preset, gathered: &mut Gathered) {
    let origin = Source::Preset { variable: render::message(&preset.variable) };
    take(preset.path, origin, OsStr::new(&preset.text), gathered);
}

fn take(path: &str, origin: Source, text: &OsStr, gathered: &mut Gathered) {
    let schema = &gathered.schema;
    let Some(key) = schema.key(path) else {
        let hint = if schema.has_section(path) {
            format!("it is a section; allowed: {}", schema.keys_of(path, Spelling::Environment))
        } else {
            schema.hint_for_key(path, Spelling::Environment)
        };
        gathered.problems.push(Problem::Unknown { origin, what: "key", path: render::message(path), hint });
        return;
    };
    let other = gathered.entries.get(key.path).map(|entry| &entry.source);
    let problem = match (other, text.to_str()) {
        (Some(Source::Environment { variable }), _) => format!("the variable {variable} sets the same key"),
        (_, None) => "the text is not UTF-8".to_owned(),
        (_, Some(text)) => match interpret(key, text) {
            Ok((value, literal)) => {
                gathered.entries.insert(key.path, Entry { value, literal, source: origin });
                return;
            }
            Err(expected) => format!("expected {expected}"),
        },
    };
    let shown = if key.is_secret() { render::MASK.to_owned() } else { render::quote(&text.to_string_lossy()) };
    gathered.problems.push(Problem::Value {
        origin,
        path: key.path.to_owned(),
        value: Some(render::message(&shown)),
        problem,
        allowed: key.allowed.to_owned(),
    });
}

/// The value of a variable, with its other reading if the key has no default; or what was expected.
fn interpret(key: &Key, text: &str) -> Result<(Value, Option<Value>), &'static str> {
    let literal = || text.trim().parse::<Value>().ok();
    let typed = |is_right: fn(&Value) -> bool| literal().filter(is_right).map(|value| (value, None));
    match key.default_value() {
        Ok(Some(Value::String(_))) => Ok((Value::String(text.to_owned()), None)),
        Ok(Some(Value::Integer(_) | Value::Float(_))) => {
            typed(|value| matches!(value, Value::Integer(_) | Value::Float(_))).ok_or("a number")
        }
        Ok(Some(Value::Boolean(_))) => typed(Value::is_bool).ok_or("true or false"),
        Ok(Some(Value::Array(_))) => typed(Value::is_array).ok_or("a TOML array, such as [\"a\", \"b\"]"),
        Ok(Some(Value::Table(_))) => typed(Value::is_table).ok_or("a TOML inline table, such as { a = 1 }"),
        Ok(Some(Value::Datetime(_))) => typed(Value::is_datetime).ok_or("a TOML date and time"),
        Ok(None) | Err(_) => {
            let literal = literal().filter(|value| !value.is_str() && !value.is_table() && !value.is_datetime());
            Ok((Value::String(text.to_owned()), literal))
        }
    }
}
