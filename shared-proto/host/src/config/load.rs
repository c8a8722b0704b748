//! Gathers the values: defaults, then the file, then the environment.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use super::entry::Entry;
use super::{ConfigError, Key, Loaded, Preset, Problem, Schema, Source, environment, file};

/// What was found so far.
pub(super) struct Gathered {
    pub(super) schema: Schema,
    pub(super) entries: BTreeMap<&'static str, Entry>,
    pub(super) problems: Vec<Problem>,
}

impl Schema {
    /// Loads the configuration: defaults, overridden by the file, overridden by the environment.
    ///
    /// `env` is usually [`std::env::vars_os`]; only variables that start with the prefix and `_` count, in any case. For a key
    /// whose default is a number, a boolean, an array or a table they hold a TOML literal; else their text is taken as it is.
    ///
    /// # Errors
    /// All problems at once: the file cannot be read, is larger than 1 MiB or is not TOML; a key or a variable is unknown; a
    /// table stands for a value or a value for a table; a variable does not hold a literal of the right type.
    pub fn load(
        &self,
        file: Option<&Path>,
        env: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Loaded, ConfigError> {
        self.load_over(&[], file, env)
    }

    /// The same over other defaults: of several for one key the last counts.
    ///
    /// # Errors
    /// As [`Schema::load`]; also for a preset that does not hold what a variable for its key would.
    pub fn load_over(
        &self,
        presets: &[Preset],
        file: Option<&Path>,
        env: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Loaded, ConfigError> {
        let mut gathered = Gathered::defaults(*self);
        for preset in presets {
            environment::preset(preset, &mut gathered);
        }
        if let Some(path) = file {
            file::read(path, &mut gathered);
        }
        environment::read(env, &mut gathered);
        gathered.loaded(file)
    }
}

impl Schema {
    /// Loads a configuration from a text alone, as a file of this name would give it: no environment.
    ///
    /// # Errors
    /// As [`Schema::load`], but that nothing has to be read.
    pub fn load_text(&self, name: &Path, text: &str) -> Result<Loaded, ConfigError> {
        let mut gathered = Gathered::defaults(*self);
        file::read_from(name, text, &mut gathered);
        gathered.loaded(Some(name))
    }
}

impl Gathered {
    fn defaults(schema: Schema) -> Self {
        let mut gathered = Self { schema, entries: BTreeMap::new(), problems: Vec::new() };
        for key in schema.keys {
            gathered.take_default(key);
        }
        gathered
    }

    fn loaded(self, file: Option<&Path>) -> Result<Loaded, ConfigError> {
        if self.problems.is_empty() {
            Ok(Loaded::new(self.schema, file.map(Path::to_path_buf), self.entries))
        } else {
            Err(ConfigError::new(self.problems))
        }
    }

    fn take_default(&mut self, key: &'static Key) {
        let problem = match key.default_value() {
            Err(error) => format!("the default is not a TOML literal: {}", error.message()),
            Ok(_) if self.schema.keys.iter().filter(|other| other.path == key.path).count() > 1 => {
                "the key is listed twice".to_owned()
            }
            Ok(_) if self.schema.has_section(key.path) => "the key is also a section".to_owned(),
            Ok(None) => return,
            Ok(Some(value)) => {
                self.entries.insert(key.path, Entry::new(value, Source::Default));
                return;
            }
        };
        self.problems.push(Problem::Schema { program: self.schema.program, path: key.path, problem });
    }
}
