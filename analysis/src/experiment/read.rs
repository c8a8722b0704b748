//! Reads a recording.

use std::path::Path;

use serde::Deserialize;

use super::source::{Next, Source};
use super::{Begin, End, FORMAT, FORMAT_VERSION, Line, Note, RecordingError};

/// Kinds of lines that a reader of this version must be able to read.
const KINDS: [&str; 11] =
    ["begin", "report", "status", "command", "ack", "injected", "up", "down", "gateway", "lost", "end"];
/// Latest time in a file, in milliseconds: ten years.
const MAX_MS: f64 = 3.2e11;

/// A recording that is being read: gives its lines after the first, one at a time and in the order of the file, so that memory
/// stays small whatever the file's length.
///
/// A file that was cut short is read as far as it goes, which [`Recording::notes`] tells. After an error there are no more lines.
pub struct Recording {
    source: Source,
    begin: Begin,
    notes: Vec<Note>,
    unknown: Option<(u64, String)>,
    reports: u64,
    last_ms: f64,
    end: Option<End>,
    done: bool,
}

/// What is read of a line whatever its kind.
#[derive(Deserialize)]
struct Head {
    kind: String,
    #[serde(default)]
    format: Option<String>,
    #[serde(default)]
    version: Option<u64>,
}

impl Recording {
    /// Opens a recording and reads its first line. Plain JSON lines are taken as well.
    ///
    /// # Errors
    /// [`RecordingError`] names the file, the place and what is allowed.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, RecordingError> {
        let mut source = Source::open(path.as_ref())?;
        let file = || path.as_ref().to_owned();
        let Next::Line(line) = source.next()? else { return Err(RecordingError::Empty { file: file() }) };
        // Some editors put a byte order mark in front.
        let line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&line);
        let head = match serde_json::from_slice::<Head>(line) {
            Ok(head) if head.kind == "begin" && head.format.as_deref() == Some(FORMAT) => head,
            _ => return Err(RecordingError::Foreign { file: file() }),
        };
        match head.version {
            Some(version) if version >= 1 && version <= FORMAT_VERSION.into() => {}
            Some(version) => return Err(RecordingError::Version { file: file(), version }),
            None => {
                let problem = format!("version is missing: allowed are 1 to {FORMAT_VERSION}");
                return Err(RecordingError::Line { file: file(), line: source.line(), problem });
            }
        }
        match parse(line) {
            Ok(Line::Begin(begin)) => Ok(Self {
                source,
                begin: *begin,
                notes: Vec::new(),
                unknown: None,
                reports: 0,
                last_ms: 0.0,
                end: None,
                done: false,
            }),
            Ok(_) => Err(RecordingError::Foreign { file: file() }),
            Err(problem) => Err(RecordingError::Line { file: file(), line: source.line(), problem }),
        }
    }

    /// The file, as it was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.source.file()
    }

    /// Its first line.
    #[must_use]
    pub fn begin(&self) -> &Begin {
        &self.begin
    }

    /// What is odd about it; complete when all lines were given.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Its last line, when all lines were given; `None` if it was cut short.
    #[must_use]
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// Time of the latest line so far, in milliseconds since the start of the run.
    #[must_use]
    pub fn last_ms(&self) -> f64 {
        self.last_ms
    }

    fn advance(&mut self) -> Result<Option<Line>, RecordingError> {
        loop {
            let text = match self.source.next()? {
                Next::Line(text) => text,
                Next::End | Next::Torn => {
                    self.conclude();
                    return Ok(None);
                }
            };
            let wrong = |problem| RecordingError::Line {
                file: self.source.file().to_owned(),
                line: self.source.line(),
                problem,
            };
            if self.end.is_some() {
                return Err(wrong("a line after the last one, `end`: two files in one?".to_owned()));
            }
            let line = match parse(&text) {
                Ok(line) => line,
                Err(problem) => {
                    let kind = serde_json::from_slice::<Head>(&text).map_err(|_| wrong(problem.clone()))?.kind;
                    if KINDS.contains(&kind.as_str()) {
                        return Err(wrong(problem));
                    }
                    self.unknown.get_or_insert((0, kind)).0 += 1;
                    continue;
                }
            };
            check(&line).map_err(wrong)?;
            self.last_ms = line.at_ms().max(self.last_ms);
            match &line {
                Line::Report(_) => self.reports += 1,
                Line::End(end) => self.end = Some(end.clone()),
                _ => {}
            }
            return Ok(Some(line));
        }
    }

    /// Nothing more comes.
    fn conclude(&mut self) {
        self.done = true;
        if let Some((lines, first)) = self.unknown.take() {
            self.notes.push(Note::UnknownKinds { lines, first });
        }
        match &self.end {
            None => self.notes.push(Note::CutShort { after_ms: self.last_ms }),
            Some(end) if end.reports != self.reports => {
                self.notes.push(Note::Reports { told: end.reports, found: self.reports });
            }
            Some(_) => {}
        }
    }
}

impl Iterator for Recording {
    type Item = Result<Line, RecordingError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.advance();
        self.done = self.done || next.is_err();
        next.transpose()
    }
}

fn parse(text: &[u8]) -> Result<Line, String> {
    let mut json = serde_json::Deserializer::from_slice(text);
    let line = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let place = error.path().to_string();
        let inner = error.into_inner();
        if place == "." { inner.to_string() } else { format!("{place}: {inner}") }
    })?;
    json.end().map_err(|error| error.to_string())?;
    Ok(line)
}

/// What a line promises beyond its types.
fn check(line: &Line) -> Result<(), String> {
    let at_ms = line.at_ms();
    if !(0.0..=MAX_MS).contains(&at_ms) {
        return Err(format!("at_ms is {at_ms}; allowed are 0 to {MAX_MS}"));
    }
    match line {
        Line::Begin(_) => Err("a second beginning: two files in one?".to_owned()),
        Line::Report(heard) => heard.message.validate().map_err(|error| error.to_string()),
        Line::Gateway(gateway) => {
            let shares =
                [("cpu", Some(gateway.cpu)), ("steal", Some(gateway.steal)), ("cpu_pressure", gateway.cpu_pressure)];
            for (name, share) in shares {
                if let Some(share) = share.filter(|share| !(0.0..=1.0).contains(share)) {
                    return Err(format!("{name} is {share}; allowed are 0 to 1"));
                }
            }
            let times = gateway.groups.iter().map(|group| ("cpu of a group", group.cpu));
            for (name, value) in times.chain([("span_ms", gateway.span_ms)]) {
                if value < 0.0 {
                    return Err(format!("{name} is {value}; it must not be below 0"));
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
