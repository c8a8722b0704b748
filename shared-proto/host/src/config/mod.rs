//! Configuration from defaults, a TOML file and the environment, in this order of increasing precedence.
//!
//! One table of keys, the [`Schema`], is the only source of the commented file ([`Schema::template`]), of the reference
//! page ([`Schema::reference`]), of the defaults and of what counts as an unknown key. Each value remembers where it came
//! from, so that every error names the file and line or the environment variable, the key, the value and what is allowed.
//!
//! The value of a key whose last segment is `password` is never shown: it reads `"***"` in errors and listings.

mod entry;
mod environment;
mod error;
mod file;
mod lines;
mod load;
mod loaded;
mod nearest;
mod parse;
mod reference;
mod render;
mod template;
#[cfg(test)]
mod tests;
mod tracked;
mod write;

pub use entry::Source;
pub use error::{ConfigError, Problem};
pub use loaded::{Effective, Loaded};
pub use render::quote;
pub use write::{Existing, WriteError, write};

/// One configuration key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Full path in lower case, such as `mqtt.url`.
    pub path: &'static str,
    /// Default as a TOML literal, such as `"\"mqtt://localhost:1883\""`, `20.0` or `[]`. Empty: the key is optional and has
    /// no default. The default also tells the type: only a key whose default is a table takes a table.
    pub default: &'static str,
    /// What is allowed, with units, such as `1 to 1000000 (ms)`; shown in errors.
    pub allowed: &'static str,
    /// What the key is for, in one to three lines.
    pub doc: &'static str,
}

/// One table of the configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section {
    /// Full path in lower case, such as `mqtt` or `mqtt.tls`; empty for the keys before the first table.
    pub path: &'static str,
    /// What the section is for, in one to three lines.
    pub doc: &'static str,
}

/// Every key that a program knows.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// Name of the program, such as `device-agent`.
    pub program: &'static str,
    /// First part of the names of its environment variables, such as `AGENT` for `AGENT_MQTT__URL`.
    pub env_prefix: &'static str,
    /// Sections in the order in which they are written.
    pub sections: &'static [Section],
    /// Keys; within a section in the order in which they are written.
    pub keys: &'static [Key],
}

/// A default that does not stand in the table of keys: from a variable of another program, whose place this one takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preset {
    /// Full path of the key.
    pub path: &'static str,
    /// The variable.
    pub variable: String,
    /// Its value, as in a variable of this program.
    pub text: String,
}

impl Key {
    /// The section that the key is in; empty at the top level.
    fn section(&self) -> &'static str {
        self.path.rsplit_once('.').map_or("", |(section, _)| section)
    }

    /// The last segment of the path.
    fn name(&self) -> &'static str {
        self.path.rsplit_once('.').map_or(self.path, |(_, name)| name)
    }

    /// True if the value must not be shown.
    fn is_secret(&self) -> bool {
        self.name() == render::SECRET
    }

    /// The default; `None` for an optional key.
    fn default_value(&self) -> Result<Option<toml::Value>, toml::de::Error> {
        if self.default.is_empty() { Ok(None) } else { self.default.parse().map(Some) }
    }

    /// True if the key takes a table as its value.
    fn takes_table(&self) -> bool {
        matches!(self.default_value(), Ok(Some(toml::Value::Table(_))))
    }
}

impl Schema {
    /// The environment variable that overrides a key: `mqtt.url` gives `AGENT_MQTT__URL`.
    #[must_use]
    pub fn variable(&self, path: &str) -> String {
        format!("{}_{}", self.env_prefix, path.replace('.', "__")).to_uppercase()
    }

    fn key(&self, path: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.path == path)
    }

    fn keys_in<'a>(&self, section: &'a str) -> impl Iterator<Item = &'static Key> + use<'a> {
        self.keys.iter().filter(move |key| key.section() == section)
    }

    /// True if the path is a declared section, or one that a key implies.
    fn has_section(&self, path: &str) -> bool {
        self.sections.iter().any(|section| section.path == path)
            || self.keys.iter().any(|key| key.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
    }

    /// Sections to write: the top level, then the declared ones, then those that only keys imply.
    fn sections_in_order(&self) -> Vec<Section> {
        let mut sections = vec![Section { path: "", doc: "" }];
        for section in self.sections {
            match sections.iter_mut().find(|known| known.path == section.path) {
                Some(known) => *known = *section,
                None => sections.push(*section),
            }
        }
        for key in self.keys {
            if sections.iter().all(|known| known.path != key.section()) {
                sections.push(Section { path: key.section(), doc: "" });
            }
        }
        sections
    }
}
