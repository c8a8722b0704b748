//! A loaded configuration: its values, where they came from, and the errors that its users find.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::entry::Entry;
use super::render::{self, Secrets};
use super::{ConfigError, Key, Problem, Schema, Source};

/// The values of a configuration, each with its source.
pub struct Loaded {
    pub(super) schema: Schema,
    pub(super) file: Option<PathBuf>,
    pub(super) entries: BTreeMap<&'static str, Entry>,
}

/// One value in force, to be shown to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// The full path of the key.
    pub path: &'static str,
    /// The value as TOML on one line; `"***"` for a password.
    pub value: String,
    /// Where the value came from.
    pub source: Source,
}

impl Loaded {
    pub(super) fn new(schema: Schema, file: Option<PathBuf>, entries: BTreeMap<&'static str, Entry>) -> Self {
        Self { schema, file, entries }
    }

    /// The values in force in the order of the schema, without the optional keys that are not set.
    #[must_use]
    pub fn effective(&self) -> Vec<Effective> {
        let effective = |key: &'static Key| {
            let entry = self.entries.get(key.path)?;
            Some(Effective { path: key.path, value: show(key, entry), source: entry.source.clone() })
        };
        self.schema.keys.iter().filter_map(effective).collect()
    }

    /// Where the value of a key came from; `None` if it has none.
    #[must_use]
    pub fn source(&self, path: &str) -> Option<&Source> {
        self.entries.get(path).map(|entry| &entry.source)
    }

    /// An error that refuses the value of a key: `problem` says what is wrong, the rest (source, value, what is allowed) is
    /// filled in. `path` may also lie inside the value of a key, as `gpio.lines[0].pin` does.
    #[must_use]
    pub fn refuse(&self, path: &str, problem: impl fmt::Display) -> ConfigError {
        let problem = problem.to_string();
        let within = |key: &&Key| {
            path.strip_prefix(key.path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let Some(key) = self.schema.keys.iter().find(within) else {
            return Problem::Section { file: self.file.clone(), section: path.to_owned(), problem }.into();
        };
        match self.entries.get(key.path) {
            None => self.missing(key, problem),
            Some(entry) => Problem::Value {
                origin: entry.source.clone(),
                path: path.to_owned(),
                value: Some(render::message(&show(key, entry))),
                problem,
                allowed: key.allowed.to_owned(),
            },
        }
        .into()
    }

    pub(super) fn missing(&self, key: &Key, problem: String) -> Problem {
        Problem::Missing {
            path: key.path.to_owned(),
            problem,
            allowed: key.allowed.to_owned(),
            file: self.file.clone(),
            variable: self.schema.variable(key.path),
        }
    }
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded")
            .field("program", &self.schema.program)
            .field("file", &self.file)
            .field("values", &self.effective())
            .finish()
    }
}

fn show(key: &Key, entry: &Entry) -> String {
    if key.is_secret() { render::MASK.to_owned() } else { render::literal(entry.shown(), Secrets::Masked) }
}
