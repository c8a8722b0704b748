//! Reads the configuration file.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use toml::de::{DeTable, DeValue, ValueDeserializer};
use toml::{Spanned, Value};

use super::entry::Entry;
use super::lines::Lines;
use super::load::Gathered;
use super::nearest::Spelling;
use super::render::{self, Secrets};
use super::{Key, Problem, Source};
use crate::order::sort_by_key;

/// The largest configuration file, in bytes.
const LARGEST: u64 = 1 << 20;

/// Adds the values of the file to those gathered so far, and what is wrong with it to the problems.
pub(super) fn read(path: &Path, gathered: &mut Gathered) {
    if let Err(problem) = read_text(path).and_then(|text| take(path, &text, gathered)) {
        gathered.problems.push(*problem);
    }
}

/// The same with the text of the file.
pub(super) fn read_from(path: &Path, text: &str, gathered: &mut Gathered) {
    if let Err(problem) = take(path, text, gathered) {
        gathered.problems.push(*problem);
    }
}

fn read_text(path: &Path) -> Result<String, Box<Problem>> {
    let mut bytes = Vec::new();
    // One byte more than allowed, to see that there is more, whatever size the system reports.
    let read = File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
    match read {
        Err(reason) => Err(Box::new(Problem::Unreadable { file: path.to_path_buf(), reason })),
        Ok(length) if u64::try_from(length).is_ok_and(|length| length <= LARGEST) => {
            String::from_utf8(bytes).map_err(|error| {
                let offset = error.utf8_error().valid_up_to();
                syntax(path, &Lines::new(error.as_bytes()), offset, "the text is not UTF-8")
            })
        }
        Ok(_) => Err(Box::new(Problem::TooLarge { file: path.to_path_buf(), limit: LARGEST })),
    }
}

fn take(path: &Path, text: &str, gathered: &mut Gathered) -> Result<(), Box<Problem>> {
    let lines = Lines::new(text.as_bytes());
    let table = DeTable::parse(text).map_err(|error| {
        // Only the message: the full text of the error quotes the line, which may hold a password.
        syntax(path, &lines, error.span().map_or(0, |span| span.start), error.message())
    })?;
    let mut walk = Walk { path, lines: &lines, gathered, problems: Vec::new() };
    walk.table(table.into_inner(), "");
    let mut problems = walk.problems;
    // The parser hands out keys by name; people read files by line.
    sort_by_key(&mut problems, |(line, _)| [*line as u64, 0, 0]);
    gathered.problems.extend(problems.into_iter().map(|(_, problem)| problem));
    Ok(())
}

fn syntax(path: &Path, lines: &Lines<'_>, offset: usize, problem: &str) -> Box<Problem> {
    Box::new(Problem::Syntax {
        file: path.to_path_buf(),
        line: lines.line(offset),
        column: lines.column(offset),
        problem: render::message(problem),
    })
}

struct Walk<'a> {
    path: &'a Path,
    lines: &'a Lines<'a>,
    gathered: &'a mut Gathered,
    problems: Vec<(usize, Problem)>,
}

impl Walk<'_> {
    /// Takes one section. It calls itself only for known sections, so the schema bounds the depth.
    fn table(&mut self, table: DeTable<'_>, section: &str) {
        for (name, value) in table {
            let line = self.lines.line(name.span().start);
            let segment = render::segment(name.get_ref());
            let path = if section.is_empty() { segment } else { format!("{section}.{segment}") };
            if let Some(key) = self.gathered.schema.key(&path) {
                self.value(key, line, value);
            } else if self.gathered.schema.has_section(&path) {
                match value.into_inner() {
                    DeValue::Table(inner) => self.table(inner, &path),
                    other => self.not_a_section(path, line, Spanned::new(0..0, other)),
                }
            } else {
                self.unknown(path, line, &value);
            }
        }
    }

    fn value(&mut self, key: &'static Key, line: usize, value: Spanned<DeValue<'_>>) {
        let origin = self.origin(line);
        let (value, problem) = match Value::deserialize(ValueDeserializer::from(value)) {
            Ok(value) if value.is_table() == key.takes_table() => {
                self.gathered.entries.insert(key.path, Entry::new(value, origin));
                return;
            }
            Ok(value) => {
                let expected = if key.takes_table() { "expected a table" } else { "expected a value, not a table" };
                let shown =
                    if key.is_secret() { render::MASK.to_owned() } else { render::literal(&value, Secrets::Masked) };
                (Some(render::message(&shown)), expected.to_owned())
            }
            Err(error) => (None, render::message(error.message())),
        };
        let path = key.path.to_owned();
        let problem = Problem::Value { origin, path, value, problem, allowed: key.allowed.to_owned() };
        self.problems.push((line, problem));
    }

    fn not_a_section(&mut self, path: String, line: usize, value: Spanned<DeValue<'_>>) {
        let value = Value::deserialize(ValueDeserializer::from(value)).ok();
        let value = value.map(|value| render::message(&render::literal(&value, Secrets::Masked)));
        let problem = format!("expected a table: {path} is a section, not a key");
        let allowed = self.gathered.schema.keys_of(&path, Spelling::File);
        self.problems.push((line, Problem::Value { origin: self.origin(line), path, value, problem, allowed }));
    }

    fn unknown(&mut self, path: String, line: usize, value: &Spanned<DeValue<'_>>) {
        let schema = &self.gathered.schema;
        let (what, hint) = if value.get_ref().is_table() {
            ("section", schema.hint_for_section(&path))
        } else {
            ("key", schema.hint_for_key(&path, Spelling::File))
        };
        let path = render::message(&path);
        self.problems.push((line, Problem::Unknown { origin: self.origin(line), what, path, hint }));
    }

    fn origin(&self, line: usize) -> Source {
        Source::File { path: self.path.to_path_buf(), line }
    }
}
