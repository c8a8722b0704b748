//! Log set-up: `tracing` events to standard error, for people on a terminal, for machines elsewhere, and for the journal
//! under systemd.
//!
//! A thread writes the lines: a standard error that nobody reads holds up nobody who logs.

mod filter;
mod line;
mod logger;

use std::io::{IsTerminal, Write};
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tracing::level_filters::LevelFilter;

use self::filter::Filter;
use self::logger::logger;
use crate::lines::{Lines, OnError};

/// Lines that wait while standard error takes none; more are lost and counted.
const MAX_WAITING: usize = 512;
/// How long the last lines may take when the program ends.
const LAST_LINES: Duration = Duration::from_millis(200);

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `Human` on a terminal and in the systemd journal, else `Json`.
    #[default]
    Auto,
    /// One line of text per event: in colour on a terminal (unless `NO_COLOR` is set), without time in the journal, which
    /// keeps its own.
    Human,
    /// One JSON object per line.
    Json,
}

/// Why logging could not be set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// A part of the filter is not understood.
    #[error(
        "log filter {filter:?}: {part:?} is not understood; \
         allowed: off, error, warn, info, debug or trace, or target=level, or several of these with commas between them, \
         such as \"my_crate::module=debug,info\""
    )]
    Filter {
        /// The whole filter.
        filter: String,
        /// The part that is wrong.
        part: String,
    },
    /// The process already has a log.
    #[error("the log of this process was already set up")]
    AlreadySet,
    /// The system gives no thread to write it.
    #[error("the log cannot start: {why}")]
    Thread {
        /// What the system said.
        why: String,
    },
}

/// The log of this process. Lets the last lines out when it is dropped, but does not wait on a reader that sleeps for more than
/// 200 ms: keep it to the end of the program.
#[derive(Debug)]
#[must_use = "dropped at once, it cannot let out the last lines at the end"]
pub struct Log(Arc<Lines>);

impl Drop for Log {
    fn drop(&mut self) {
        // Nobody would read a complaint.
        let _ = self.0.flush(LAST_LINES);
    }
}

/// Sends the `tracing` events of the whole process to standard error. Logging never waits for it: while it takes nothing, 512
/// lines wait, more are lost, and how many were is told when there is room again.
///
/// `filter` holds levels (`off`, `error`, `warn`, `info`, `debug`, `trace`) with commas between them, each for all events or,
/// as `target=level`, for a module and what is below it: `info`, or `device_agent=debug,info`.
///
/// # Errors
/// The filter is not understood, the log was already set up, or the system gives no thread.
pub fn init(format: Format, filter: &str) -> Result<Log, LogError> {
    let filter = Filter::parse(filter)?;
    let style = Style::choose(format, Output::of_stderr(), no_color());
    let lines = start(style, std::io::stderr()).map_err(|error| LogError::Thread { why: error.to_string() })?;
    let lines = Arc::new(lines);
    let entries = Arc::clone(&lines);
    let logger = logger(style, filter, move |line| offer(&entries, line));
    tracing::dispatcher::set_global_default(logger).map_err(|_| LogError::AlreadySet)?;
    Ok(Log(lines))
}

/// Starts the thread that writes.
fn start(style: Style, output: impl Write + Send + 'static) -> std::io::Result<Lines> {
    Lines::start("log", MAX_WAITING, OnError::GoOn, output, move |lost| notice(style, lost))
}

/// The line that tells of lost ones, in the style of all others, whatever the filter.
fn notice(style: Style, lost: u64) -> Vec<u8> {
    let text = Arc::new(Mutex::new(Vec::new()));
    let page = Arc::clone(&text);
    let logger = logger(style, Filter::level(LevelFilter::WARN), write_to(page));
    tracing::dispatcher::with_default(&logger, || {
        tracing::warn!("{lost} log lines were lost: standard error did not take them");
    });
    std::mem::take(&mut *text.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A line for the thread that writes; what does not fit is counted there.
fn offer(lines: &Lines, line: Vec<u8>) {
    let _ = lines.offer(line);
}

/// Keeps lines in memory.
fn write_to(page: Arc<Mutex<Vec<u8>>>) -> impl Fn(Vec<u8>) {
    move |line| page.lock().unwrap_or_else(PoisonError::into_inner).extend(line)
}

/// Checks a filter without setting anything up; see [`init`].
///
/// # Errors
/// The filter is not understood.
pub fn check_filter(filter: &str) -> Result<(), LogError> {
    Filter::parse(filter).map(drop)
}

/// What standard error is connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Output {
    Terminal,
    Journal,
    Other,
}

impl Output {
    fn of_stderr() -> Self {
        if std::io::stderr().is_terminal() {
            return Self::Terminal;
        }
        let stream = std::env::var("JOURNAL_STREAM").unwrap_or_default();
        let stderr = std::fs::metadata("/proc/self/fd/2").map(|file| (file.dev(), file.ino()));
        if stderr.is_ok_and(|file| is_journal(&stream, file)) { Self::Journal } else { Self::Other }
    }
}

/// True if `JOURNAL_STREAM` (`device:inode`) is this file. The variable alone proves nothing: every child of a service
/// inherits it, also those whose standard error is redirected.
fn is_journal(stream: &str, (device, inode): (u64, u64)) -> bool {
    stream == format!("{device}:{inode}")
}

fn no_color() -> Color {
    if std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) { Color::Unwanted } else { Color::Allowed }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Color {
    Allowed,
    Unwanted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Colored,
    Plain,
    PlainWithoutTime,
    Json,
}

impl Style {
    fn choose(format: Format, output: Output, color: Color) -> Self {
        match (format, output) {
            (Format::Json, _) | (Format::Auto, Output::Other) => Self::Json,
            (_, Output::Journal) => Self::PlainWithoutTime,
            (_, Output::Terminal) if color == Color::Allowed => Self::Colored,
            (_, Output::Terminal) | (Format::Human, Output::Other) => Self::Plain,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    use super::*;

    fn written(style: Style, filter: &str) -> String {
        let memory = Arc::default();
        let page = Arc::clone(&memory);
        let logger = logger(style, Filter::parse(filter).unwrap(), write_to(page));
        tracing::dispatcher::with_default(&logger, || {
            tracing::info!(target: "agent::link", level = 7, "connected");
            tracing::debug!(target: "agent::link", "hidden by info");
        });
        let text = memory.lock().unwrap().clone();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn json_lines_keep_fields_apart_from_the_level() {
        let text = written(Style::Json, "info");
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["target"], "agent::link");
        assert_eq!(line["fields"]["level"], 7);
        assert_eq!(line["fields"]["message"], "connected");
        assert!(line["timestamp"].is_string());
    }

    #[test]
    fn a_reader_that_sleeps_holds_up_nobody_and_is_told_afterwards_how_much_it_missed() {
        let (mut reader, writer) = UnixStream::pair().unwrap();
        let lines = Arc::new(start(Style::Json, writer).unwrap());
        let entries = Arc::clone(&lines);
        let logger = logger(Style::Json, Filter::parse("error").unwrap(), move |line| offer(&entries, line));
        // More than the socket and the queue hold; a write that waits would never end.
        let many = 10_000;
        tracing::dispatcher::with_default(&logger, || {
            for number in 0..many {
                tracing::error!(number, "{}", "x".repeat(200));
            }
        });
        drop((logger, lines));
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let (mut written, mut told) = (0, 0);
        for line in &lines {
            let message = line["fields"]["message"].as_str().unwrap();
            match message.strip_suffix(" log lines were lost: standard error did not take them") {
                Some(lost) => told += lost.parse::<u64>().unwrap(),
                None => written += 1,
            }
        }
        assert!(told > 0);
        assert_eq!(written + told, many);
    }

    #[test]
    fn only_a_terminal_gets_color_and_only_the_journal_no_time() {
        assert!(written(Style::Colored, "info").contains('\u{1b}'));
        let plain = written(Style::Plain, "info");
        assert!(!plain.contains('\u{1b}') && plain.starts_with("20"), "{plain}");
        assert_eq!(written(Style::PlainWithoutTime, "info").trim(), "INFO agent::link: connected level=7");
    }

    #[test]
    fn every_value_is_shown_by_its_kind() {
        let memory = Arc::default();
        for style in [Style::Json, Style::PlainWithoutTime] {
            let logger = logger(style, Filter::parse("info").unwrap(), write_to(Arc::clone(&memory)));
            tracing::dispatcher::with_default(&logger, || {
                let path = std::path::Path::new("a b");
                let refused = std::io::Error::from(std::io::ErrorKind::NotFound);
                tracing::info!(target: "it", share = 0.5, below = -1, yes = true, word = "a\"b", ?path, error = %refused, r#type = 1u8);
            });
        }
        let text = String::from_utf8(memory.lock().unwrap().clone()).unwrap();
        let (json, plain) = text.split_once('\n').unwrap();
        let line: serde_json::Value = serde_json::from_str(json).unwrap();
        let fields = serde_json::json!({
            "share": 0.5, "below": -1, "yes": true, "word": "a\"b", "path": "\"a b\"", "error": "entity not found", "type": 1
        });
        assert_eq!(line["fields"], fields);
        let wanted = r#" INFO it: share=0.5 below=-1 yes=true word="a\"b" path="a b" error=entity not found type=1"#;
        assert_eq!(plain.trim_end_matches('\n'), wanted);
    }

    #[test]
    fn text_from_outside_does_not_command_the_terminal() {
        let memory = Arc::default();
        let logger = logger(Style::Plain, Filter::parse("info").unwrap(), write_to(Arc::clone(&memory)));
        let sent = "\u{1b}[2J\u{9b}1A\u{7}ä\n\t.";
        tracing::dispatcher::with_default(&logger, || tracing::info!(reason = %sent, "they say {sent}"));
        let text = String::from_utf8(memory.lock().unwrap().clone()).unwrap();
        assert_eq!(text.matches(r"\u{1b}[2J\u{9b}1A\u{7}ä").count(), 2, "{text}");
        assert!(!text.contains(|it: char| it.is_control() && !"\n\t".contains(it)), "{text:?}");
    }

    #[test]
    fn the_filter_decides_by_target() {
        assert_eq!(written(Style::Json, "agent=debug, warn").lines().count(), 2);
        assert_eq!(written(Style::Json, "agent::link=info,trace").lines().count(), 1);
        assert_eq!(written(Style::Json, "agent=off,trace"), "");
        assert_eq!(written(Style::Json, "other=trace"), "");
    }

    #[test]
    fn a_bad_filter_says_which_part_and_what_is_allowed() {
        for (filter, part) in [
            ("inof", "inof"),
            ("", ""),
            ("info,", ""),
            ("device_agent=loud,info", "device_agent=loud"),
            ("a=b=info", "a=b=info"),
            ("=info", "=info"),
            ("x=", "x="),
            ("a[{b}]=info", "a[{b}]=info"),
        ] {
            let error = check_filter(filter).unwrap_err();
            assert_eq!(error, LogError::Filter { filter: filter.to_owned(), part: part.to_owned() });
            assert!(error.to_string().contains("allowed: off, error, warn, info, debug or trace"), "{error}");
        }
        assert_eq!(check_filter("device_agent=debug,INFO"), Ok(()));
    }

    #[test]
    fn auto_follows_standard_error() {
        use {Color::*, Format::*, Output::*};
        for (format, output, color, style) in [
            (Auto, Terminal, Allowed, Style::Colored),
            (Auto, Terminal, Unwanted, Style::Plain),
            (Auto, Journal, Allowed, Style::PlainWithoutTime),
            (Auto, Other, Allowed, Style::Json),
            (Human, Terminal, Allowed, Style::Colored),
            (Human, Journal, Allowed, Style::PlainWithoutTime),
            (Human, Other, Allowed, Style::Plain),
            (Format::Json, Terminal, Allowed, Style::Json),
            (Format::Json, Journal, Allowed, Style::Json),
        ] {
            assert_eq!(Style::choose(format, output, color), style, "{format:?} {output:?} {color:?}");
        }
    }

    #[test]
    fn the_journal_is_known_by_device_and_inode() {
        assert!(is_journal("9:1234", (9, 1234)));
        assert!(!is_journal("9:1234", (9, 1235)));
        assert!(!is_journal("", (0, 0)));
    }

    #[test]
    fn a_second_set_up_is_refused() {
        let bad = init(Format::Json, "loud");
        assert!(matches!(bad, Err(LogError::Filter { .. })));
        // Another test of this process may have been first.
        let _first = init(Format::Json, "off");
        assert_eq!(init(Format::Json, "off").unwrap_err(), LogError::AlreadySet);
    }

    #[test]
    fn formats_are_lower_case_words() {
        assert_eq!(serde_json::from_str::<Format>("\"human\"").unwrap(), Format::Human);
        let error = serde_json::from_str::<Format>("\"Human\"").unwrap_err().to_string();
        assert!(error.contains("expected one of `auto`, `human`, `json`"), "{error}");
    }
}
