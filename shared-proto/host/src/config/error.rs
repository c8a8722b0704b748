//! What can be wrong with a configuration. Every message names where, which key, the value and what is allowed.

use std::path::PathBuf;

use super::Source;

/// Everything that is wrong with a configuration: at least one [`Problem`], one line each.
#[derive(Debug, thiserror::Error)]
#[error("{}", lines(.problems))]
pub struct ConfigError {
    problems: Vec<Problem>,
}

impl ConfigError {
    pub(super) fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    /// The problems: those of the file in the order of its lines, then those of the environment.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        Self::new(vec![problem])
    }
}

/// One thing that is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The file is missing, or cannot be read.
    #[error("{}: cannot read the configuration file: {reason}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the operating system said.
        reason: std::io::Error,
    },
    /// The file is too large to be a configuration.
    #[error("{}: the configuration file is too large; allowed: up to {limit} bytes", file.display())]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// The largest size in bytes.
        limit: u64,
    },
    /// The file is not TOML.
    #[error("{}:{line}:{column}: not valid TOML: {problem}", file.display())]
    Syntax {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// What the parser said.
        problem: String,
    },
    /// There is no such key or section.
    #[error("{origin}: unknown {what} {path}; {hint}")]
    Unknown {
        /// Where it was found.
        origin: Source,
        /// `key` or `section`.
        what: &'static str,
        /// Its full path.
        path: String,
        /// The nearest right name, or what is allowed there.
        hint: String,
    },
    /// A value is not allowed.
    #[error("{origin}: {path}{}: {problem}{}", equals(.value), allowing(.allowed))]
    Value {
        /// Where the value was found.
        origin: Source,
        /// The full path of the key.
        path: String,
        /// The value as TOML; `None` if it cannot be written as such.
        value: Option<String>,
        /// What is wrong with it.
        problem: String,
        /// What is allowed; may be empty.
        allowed: String,
    },
    /// A key without a default needs a value.
    #[error("{path} is not set: {problem}{}; set it in {} or by {variable}", allowing(.allowed), name(.file))]
    Missing {
        /// The full path of the key.
        path: String,
        /// Why it is needed.
        problem: String,
        /// What is allowed; may be empty.
        allowed: String,
        /// The configuration file, if there is one.
        file: Option<PathBuf>,
        /// The environment variable that sets the key.
        variable: String,
    },
    /// Values do not fit each other, or a whole section is refused.
    #[error("{}: {}: {problem}", name(.file), whole(.section))]
    Section {
        /// The configuration file, if there is one.
        file: Option<PathBuf>,
        /// The full path of the section; empty for the whole configuration.
        section: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A value to be written into a new configuration file is not allowed.
    #[error("{path} = {literal}: {problem}")]
    Written {
        /// The full path of the key.
        path: String,
        /// The text that was to be written.
        literal: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The program's own table of keys contradicts itself.
    #[error("the table of keys of {program} is wrong at {path}: {problem}")]
    Schema {
        /// The program.
        program: &'static str,
        /// The full path of the key.
        path: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn equals(value: &Option<String>) -> String {
    value.as_ref().map(|value| format!(" = {value}")).unwrap_or_default()
}

fn allowing(allowed: &str) -> String {
    if allowed.is_empty() { String::new() } else { format!("; allowed: {allowed}") }
}

fn name(file: &Option<PathBuf>) -> String {
    file.as_ref().map_or_else(|| "the configuration".to_owned(), |file| file.display().to_string())
}

fn whole(section: &str) -> String {
    if section.is_empty() { "all sections together".to_owned() } else { format!("[{section}]") }
}
