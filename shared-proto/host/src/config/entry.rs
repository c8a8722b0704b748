//! A value together with the place that it came from.

use std::fmt;
use std::path::PathBuf;

use toml::Value;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The table of keys.
    Default,
    /// The configuration file.
    File {
        /// The file, as it was given.
        path: PathBuf,
        /// The line of the key, from 1.
        line: usize,
    },
    /// The environment.
    Environment {
        /// The variable, as it was spelt.
        variable: String,
    },
    /// A variable of another program, whose place this one takes.
    Preset {
        /// The variable.
        variable: String,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment { variable } | Self::Preset { variable } => write!(f, "environment variable {variable}"),
        }
    }
}

/// A value of a key. Not `Debug`, because the value may be a password.
pub(super) struct Entry {
    pub(super) value: Value,
    /// Another reading of `value`. A variable for a key without a default is a text, unless its reader wants a number, a
    /// boolean or an array: this is only known while reading.
    pub(super) literal: Option<Value>,
    pub(super) source: Source,
}

impl Entry {
    pub(super) fn new(value: Value, source: Source) -> Self {
        Self { value, literal: None, source }
    }

    /// The reading to show to people.
    pub(super) fn shown(&self) -> &Value {
        self.literal.as_ref().unwrap_or(&self.value)
    }
}
