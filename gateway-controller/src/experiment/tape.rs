//! The thread that reads messages and writes the file. It may wait for the disk; nobody waits for it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use analysis::experiment::{Begin, Command, End, Existing, Heard, Kept, Line, Lost, WriteError, Writer};
use shared_host::json;
use shared_host::mqtt::{Received, Retained};
use shared_proto::dialect::native::{self, Kind};
use shared_proto::ids::TopicRoot;

use super::queue::{Item, Waiting};
use super::tally::Tally;
use crate::keyring::Keyring;

/// How often it looks for what was lost when nothing else happens.
const LOOK: Duration = Duration::from_millis(500);

/// What the tape writes, and by what it believes messages.
pub(super) struct Tape {
    pub(super) file: PathBuf,
    pub(super) existing: Existing,
    pub(super) begin: Begin,
    pub(super) start: Instant,
    pub(super) root: TopicRoot,
    pub(super) keyring: Keyring,
    pub(super) shared: Shared,
}

/// The counts, between the tape and who shows them.
#[derive(Debug, Clone)]
pub(super) struct Shared(Arc<Mutex<Tally>>);

impl Shared {
    pub(super) fn new(tally: Tally) -> Self {
        Self(Arc::new(Mutex::new(tally)))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Tally> {
        // No code of others runs under the lock, so a poisoned state is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Messages that are no lines of the file.
#[derive(Default)]
struct Refused {
    by_kind: BTreeMap<&'static str, (u64, String)>,
    since: Option<Instant>,
}

impl Tape {
    /// Writes until the end comes.
    ///
    /// # Errors
    /// The file cannot be written; what was kept can be read.
    pub(super) fn write(self, waiting: &Waiting) -> Result<Kept, WriteError> {
        let mut writer = Writer::create(&self.file, self.begin.clone(), self.existing)?;
        let mut refused = Refused::default();
        loop {
            let limit = writer.due().unwrap_or(LOOK).min(LOOK);
            let item = waiting.next(limit);
            self.tell_losses(&mut writer, waiting.take_lost(), &mut refused)?;
            match item {
                Ok(Item::Message { at_ms, received }) => match self.read(at_ms, &received) {
                    Ok(Some(line)) => self.append(&mut writer, &line)?,
                    Ok(None) => {}
                    Err((kind, why)) => refused.note(kind, why),
                },
                Ok(Item::Line(line)) => self.append(&mut writer, &line)?,
                Ok(Item::End { at_ms, reason }) => {
                    refused.since = None;
                    self.tell_losses(&mut writer, waiting.take_lost(), &mut refused)?;
                    let reports = self.shared.lock().reports;
                    let kept = writer.finish(End { at_ms, reason, reports })?;
                    self.shared.lock().kept = kept;
                    return Ok(kept);
                }
                Err(RecvTimeoutError::Timeout) => {
                    if writer.due().is_some_and(|due| due.is_zero()) {
                        writer.keep()?;
                    }
                }
                // Whoever recorded has gone without a word.
                Err(RecvTimeoutError::Disconnected) => {
                    writer.keep()?;
                    return Ok(writer.kept());
                }
            }
            self.shared.lock().kept = writer.kept();
        }
    }

    fn append(&self, writer: &mut Writer, line: &Line) -> Result<(), WriteError> {
        writer.append(line)?;
        self.shared.lock().take(line);
        Ok(())
    }

    fn tell_losses(&self, writer: &mut Writer, lost: u64, refused: &mut Refused) -> Result<(), WriteError> {
        let at_ms = self.start.elapsed().as_secs_f64() * 1000.0;
        if lost > 0 {
            let what = "messages: they came faster than the disk took them".to_owned();
            self.append(writer, &Line::Lost(Lost { at_ms, what, count: lost }))?;
        }
        for (what, count) in refused.due() {
            self.append(writer, &Line::Lost(Lost { at_ms, what, count }))?;
        }
        Ok(())
    }

    /// The line that a message makes; `None` if it tells nothing of a device.
    fn read(&self, at_ms: f64, received: &Received) -> Result<Option<Line>, (&'static str, String)> {
        let Received { topic, payload, retained } = received;
        let Some((device, kind)) = native::parse(&self.root, topic) else {
            return Err(("topic", "its device name is not allowed".to_owned()));
        };
        // An empty status clears what the broker keeps; other empty messages ask the broker whether one may publish.
        if payload.is_empty() {
            return Ok(None);
        }
        let word = match kind {
            Kind::Report => "report",
            Kind::Status => "status",
            Kind::Command => "command",
            Kind::Ack => "ack",
        };
        let refuse = |why: String| (word, why);
        if kind != Kind::Status && *retained == Retained::Retained {
            return Err(refuse("it was retained, so nobody knows how old it is".to_owned()));
        }
        // What devices are told is believed by them, not here.
        if kind != Kind::Command {
            self.keyring.believe(&device, topic, payload).map_err(refuse)?;
        }
        let bad = |error: json::DecodeError| refuse(error.to_string());
        let (speaker, line) = match kind {
            Kind::Report => {
                let message = Box::new(json::decode_report(payload).map_err(bad)?);
                (Some(message.device.clone()), Line::Report(Heard { at_ms, message }))
            }
            Kind::Status => {
                let message = Box::new(json::decode_status(payload).map_err(bad)?);
                (Some(message.device.clone()), Line::Status(Heard { at_ms, message }))
            }
            Kind::Ack => {
                let message = Box::new(json::decode_ack(payload).map_err(bad)?);
                (Some(message.device.clone()), Line::Ack(Heard { at_ms, message }))
            }
            Kind::Command => {
                let message = json::decode_command(payload).map_err(|error| bad(error.error))?;
                (None, Line::Command(Command { at_ms, device: device.clone(), message: Box::new(message) }))
            }
        };
        match speaker {
            Some(speaker) if speaker != device => Err(refuse(format!("it speaks for another device, {speaker}"))),
            _ => Ok(Some(line)),
        }
    }
}

impl Refused {
    fn note(&mut self, kind: &'static str, why: String) {
        self.since.get_or_insert_with(Instant::now);
        self.by_kind.entry(kind).or_insert((0, why)).0 += 1;
    }

    /// What is to be told now: one line a kind and second at most, with the first reason.
    fn due(&mut self) -> Vec<(String, u64)> {
        if self.since.is_some_and(|since| since.elapsed() < Duration::from_secs(1)) {
            return Vec::new();
        }
        self.since = None;
        let told = std::mem::take(&mut self.by_kind).into_iter();
        told.map(|(kind, (count, why))| (format!("{kind}: {why}"), count)).collect()
    }
}

#[cfg(test)]
mod tests {
    use analysis::experiment::{Ending, Recording};

    use super::super::queue::{Sent, queue};
    use super::*;

    fn begin() -> Begin {
        Begin {
            format: analysis::experiment::Format::FleetExperiment,
            version: analysis::experiment::FORMAT_VERSION,
            tool: "test".into(),
            label: "x".into(),
            run: 1,
            started_unix_ms: 0,
            duration_ms: None,
            machine: analysis::run::Machine::default(),
            setup: analysis::experiment::Setup::default(),
        }
    }

    fn message(topic: &str, payload: &str, retained: Retained) -> Item {
        let received = Received { topic: topic.to_owned(), payload: payload.as_bytes().to_vec(), retained };
        Item::Message { at_ms: 1.0, received }
    }

    /// All lines after the first and before the last of a tape that was given these.
    fn tape(items: Vec<Item>) -> Vec<Line> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("x");
        let tape = Tape {
            file: file.clone(),
            existing: Existing::Refuse,
            begin: begin(),
            start: Instant::now(),
            root: "edge".parse().unwrap(),
            keyring: Keyring::default(),
            shared: Shared::new(Tally::new(0.05)),
        };
        let (sender, waiting) = queue();
        for item in items {
            assert_eq!(sender.send(item), Sent::Taken);
        }
        sender.send(Item::End { at_ms: 9.0, reason: Ending::Complete });
        tape.write(&waiting).unwrap();
        let mut lines: Vec<_> = Recording::read(&file).unwrap().map(Result::unwrap).collect();
        assert!(matches!(lines.pop(), Some(Line::End(_))));
        lines
    }

    #[test]
    fn what_cannot_be_used_is_counted_by_kind_with_its_first_reason() {
        let ack = r#"{"v":1,"id":"c-1","device":"pi-1","boot":"0000000000000007","result":"applied","mode":"DEGRADED","mode_source":"gateway"}"#;
        let command = r#"{"v":1,"id":"c-1","mode":"DEGRADED","lease_ms":4000}"#;
        let lines = tape(vec![
            message("edge/pi-1/report", "{}", Retained::Live),
            message("edge/pi-1/report", "nonsense", Retained::Live),
            message("edge/pi-1/status", "", Retained::Live),
            message("edge/pi-1/ack", ack, Retained::Live),
            message("edge/pi-2/ack", ack, Retained::Live),
            message("edge/pi-1/ack", ack, Retained::Retained),
            message("edge/pi-1/command", command, Retained::Live),
            message("edge/p i/command", command, Retained::Live),
        ]);
        let kinds: Vec<_> = lines
            .iter()
            .map(|line| match line {
                Line::Ack(_) => "an ack".to_owned(),
                Line::Command(_) => "a command".to_owned(),
                Line::Lost(lost) => format!("{} {}", lost.count, lost.what.split(": ").next().unwrap()),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(kinds, ["an ack", "a command", "2 ack", "2 report", "1 topic"]);
    }

    #[test]
    fn a_recorder_that_vanishes_leaves_what_was_recorded() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("x");
        let shared = Shared::new(Tally::new(0.05));
        let tape = Tape {
            file: file.clone(),
            existing: Existing::Refuse,
            begin: begin(),
            start: Instant::now(),
            root: "edge".parse().unwrap(),
            keyring: Keyring::default(),
            shared: shared.clone(),
        };
        let (sender, waiting) = queue();
        sender.lost(3);
        sender.send(Item::Line(Line::Up(analysis::experiment::Beginning { at_ms: 2.0 })));
        drop(sender);
        tape.write(&waiting).unwrap();
        let mut recording = Recording::read(&file).unwrap();
        let lines: Vec<_> = recording.by_ref().map(Result::unwrap).collect();
        assert!(matches!(&lines[..], [Line::Lost(Lost { count: 3, .. }), Line::Up(_)]), "{lines:?}");
        assert!(recording.end().is_none());
        assert_eq!(shared.lock().lost, 3);
    }
}
