//! Where events go.

use std::io::Write;
use std::time::Duration;

use shared_host::lines::{Flushed, Lines, Offered, OnError};

use crate::event::Record;

/// Lines that wait for a reader that is slow.
const MAX_WAITING: usize = 10_000;
/// How long the last lines may take when the program ends.
const LAST_LINES: Duration = Duration::from_millis(500);

/// Takes every event. Must not block: the controller waits for it.
pub trait EventSink {
    /// Takes an event.
    fn take(&mut self, record: Record);
}

impl<F: FnMut(Record)> EventSink for F {
    fn take(&mut self, record: Record) {
        self(record);
    }
}

/// Two sinks: the second takes what was shown to the first.
#[derive(Debug)]
pub struct Tee<A, B> {
    /// Shown each event but those for watchers, which it would not take.
    pub lines: A,
    /// Takes every event.
    pub watcher: B,
}

impl<A: EventSink, B: EventSink> EventSink for Tee<A, B> {
    fn take(&mut self, record: Record) {
        // Reports are large, and the most.
        if !record.event.is_for_watchers() {
            self.lines.take(record.clone());
        }
        self.watcher.take(record);
    }
}

/// Writes each event but those for watchers as a line of JSON, flushed line by line, in a thread of its own: neither a reader that is
/// slow nor one that has gone holds up the controller.
#[derive(Debug)]
pub struct JsonLines {
    lines: Lines,
    dropped: u64,
    reader: Reader,
}

/// Whether anybody reads standard output, as far as was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    There,
    Gone,
}

impl JsonLines {
    /// Starts to write to `output`.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn new(output: impl Write + Send + 'static) -> std::io::Result<Self> {
        // What is lost is told in the log: the output holds events only.
        let lines = Lines::start("decisions", MAX_WAITING, OnError::End, output, |_| Vec::new())?;
        Ok(Self { lines, dropped: 0, reader: Reader::There })
    }
}

impl EventSink for JsonLines {
    fn take(&mut self, record: Record) {
        if record.event.is_for_watchers() {
            return;
        }
        let Ok(mut line) = serde_json::to_vec(&record) else { return };
        line.push(b'\n');
        match self.lines.offer(line) {
            Offered::Lost => {
                if self.dropped == 0 {
                    tracing::warn!("the reader of standard output is too slow: decisions go unwritten");
                }
                self.dropped = self.dropped.saturating_add(1);
            }
            Offered::Ended if self.reader == Reader::There => {
                tracing::warn!("standard output is closed: decisions go unwritten from now on");
                self.reader = Reader::Gone;
            }
            Offered::Taken if self.dropped > 0 => {
                tracing::warn!(dropped = self.dropped, "standard output is read again");
                self.dropped = 0;
            }
            Offered::Taken | Offered::Ended => {}
        }
    }
}

impl Drop for JsonLines {
    /// Lets the last lines out, but does not wait for ever on a reader that sleeps.
    fn drop(&mut self) {
        if self.lines.flush(LAST_LINES) == Flushed::Not {
            tracing::warn!("nobody reads standard output: the last decisions go unwritten");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::event::{Decision, DecisionSource, Event, Link, LinkState};
    use shared_proto::ids::BootId;
    use shared_proto::mode::Mode;

    fn link(conn: u64) -> Record {
        Record { t_ms: 5, event: Event::Link(Link { state: LinkState::Up, conn, reason: None }) }
    }

    #[test]
    fn a_decision_is_one_line_with_the_documented_keys() {
        let (mut reader, writer) = UnixStream::pair().unwrap();
        let mut sink = JsonLines::new(writer).unwrap();
        sink.take(Record {
            t_ms: 1_700_000_000_000,
            event: Event::Decision(Decision {
                device: "pi-1".parse().unwrap(),
                from: Some(Mode::Normal),
                to: Some(Mode::Degraded),
                source: DecisionSource::Policy,
                reason: "miss rate 0.200 > 0.05".into(),
                boot: Some(BootId(1)),
                seq: Some(3),
                command_id: "00000abc-7".parse().ok(),
            }),
        });
        drop(sink);
        let mut written = String::new();
        reader.read_to_string(&mut written).unwrap();
        assert_eq!(
            written,
            concat!(
                r#"{"t_ms":1700000000000,"event":"decision","device":"pi-1","from":"NORMAL","to":"DEGRADED","source":"policy","#,
                r#""reason":"miss rate 0.200 > 0.05","boot":"0000000000000001","seq":3,"command_id":"00000abc-7"}"#,
                "\n"
            )
        );
    }

    #[test]
    fn a_reader_that_has_gone_is_survived() {
        let (reader, writer) = UnixStream::pair().unwrap();
        drop(reader);
        let mut sink = JsonLines::new(writer).unwrap();
        (0..1_000).for_each(|conn| sink.take(link(conn)));
    }

    #[test]
    fn a_reader_that_sleeps_costs_lines_and_no_time() {
        let (reader, writer) = UnixStream::pair().unwrap();
        let mut sink = JsonLines::new(writer).unwrap();
        for conn in 0..u64::try_from(MAX_WAITING).unwrap() * 3 {
            sink.take(link(conn));
        }
        assert!(sink.dropped > 0);
        drop(reader);
    }
}
