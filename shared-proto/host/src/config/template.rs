//! Writes the commented configuration file.

use std::collections::BTreeMap;

use toml::Value;

use super::nearest::Spelling;
use super::render::{self, Secrets};
use super::{ConfigError, Key, Problem, Schema};

impl Schema {
    /// The commented configuration file with all defaults; optional keys are commented out.
    #[must_use]
    pub fn template(&self) -> String {
        self.write(&BTreeMap::new())
    }

    /// The commented configuration file with other values for some keys, given as pairs of path and TOML literal; see
    /// [`quote`](super::quote) for the literal of a text.
    ///
    /// # Errors
    /// A path is not a key, or its text is not a TOML literal.
    pub fn template_with(&self, values: &[(&str, &str)]) -> Result<String, ConfigError> {
        let mut literals = BTreeMap::new();
        let mut problems = Vec::new();
        for (path, literal) in values {
            match self.check_literal(path, literal) {
                // Written anew, so that whatever was given stays on one line.
                Ok((key, value)) => {
                    literals.insert(key.path, render::literal(&value, Secrets::Shown));
                }
                Err(problem) => problems.push(*problem),
            }
        }
        if problems.is_empty() { Ok(self.write(&literals)) } else { Err(ConfigError::new(problems)) }
    }

    fn check_literal(&self, path: &str, literal: &str) -> Result<(&'static Key, Value), Box<Problem>> {
        let key = self.key(path);
        let problem = match (key, literal.parse::<Value>()) {
            (None, _) => format!("unknown key; {}", self.hint_for_key(path, Spelling::File)),
            (Some(key), Err(error)) => format!("not a TOML literal: {}; allowed: {}", error.message(), key.allowed),
            (Some(key), Ok(value)) => return Ok((key, value)),
        };
        let is_secret = key.is_some_and(Key::is_secret);
        let literal = if is_secret { render::MASK.to_owned() } else { render::message(literal) };
        Err(Box::new(Problem::Written { path: render::message(path), literal, problem }))
    }

    fn write(&self, literals: &BTreeMap<&'static str, String>) -> String {
        let mut text = self.header();
        for section in self.sections_in_order() {
            let keys: Vec<_> = self.keys_in(section.path).collect();
            if keys.is_empty() && section.doc.is_empty() {
                continue;
            }
            if !(section.path.is_empty() && section.doc.is_empty()) {
                text.push('\n');
            }
            comment(&mut text, section.doc);
            if !section.path.is_empty() {
                text.push_str(&format!("[{}]\n", section.path));
            }
            for key in keys {
                text.push('\n');
                write_key(&mut text, key, literals.get(key.path).map(String::as_str));
            }
        }
        text
    }

    fn header(&self) -> String {
        let mut text = format!("# Configuration of {}.\n", self.program);
        let example = self.keys.iter().find(|key| !key.section().is_empty()).or(self.keys.first());
        if let Some(key) = example {
            text.push_str("#\n# An environment variable overrides any key; two underscores stand for a dot:\n");
            text.push_str(&format!("# {} overrides {}.\n", self.variable(key.path), key.path));
        }
        text
    }
}

fn write_key(text: &mut String, key: &Key, literal: Option<&str>) {
    comment(text, key.doc);
    if !key.allowed.is_empty() {
        comment(text, &format!("Allowed: {}", key.allowed));
    }
    match (literal, key.default) {
        (None, "") => text.push_str(&format!("# Optional, not set:\n# {} = ...\n", key.name())),
        (None, default) => text.push_str(&format!("{} = {default}\n", key.name())),
        (Some(literal), _) => text.push_str(&format!("{} = {literal}\n", key.name())),
    }
}

fn comment(text: &mut String, doc: &str) {
    for line in doc.lines() {
        text.push_str(format!("# {}", line.trim()).trim_end());
        text.push('\n');
    }
}
