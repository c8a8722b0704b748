//! Messages that could not be used: counted by kind, logged at most once a minute, so that a flood of them cannot flood the
//! log.

use shared_proto::text::Text;

use std::fmt;

use shared_proto::dialect::native::Kind;

use crate::fleet::Moment;

/// Least time between two log lines on one subject, in milliseconds.
const PAUSE_MS: u64 = 60_000;

/// What a refused message was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A report.
    Report,
    /// A status.
    Status,
    /// An acknowledgement.
    Ack,
    /// A command.
    Command,
    /// A classroom client's metrics.
    Metrics,
    /// An event on EdgeX' message bus.
    Event,
    /// A device that is one too many.
    Device,
    /// A topic that is not one of the wire's.
    Topic,
    /// The controller was too slow for it.
    Overflow,
    /// What KubeEdge was told.
    Twin,
    /// A wish that the controllers of a group share.
    Wish,
    /// What a site below told.
    Site,
}

impl From<Kind> for Subject {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Report => Self::Report,
            Kind::Status => Self::Status,
            Kind::Ack => Self::Ack,
            Kind::Command => Self::Command,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Report => "report",
            Self::Status => "status",
            Self::Ack => "ack",
            Self::Command => "command",
            Self::Metrics => "metrics",
            Self::Event => "event of EdgeX",
            Self::Device => "message of a device too many",
            Self::Topic => "message",
            Self::Overflow => "message in a flood of them",
            Self::Twin => "twin",
            Self::Wish => "wish of the group",
            Self::Site => "message of a site",
        })
    }
}

/// The counts.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    /// One entry a subject that occurred.
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    subject: Subject,
    logged: Moment,
    unlogged: u64,
    last: Option<Last>,
}

#[derive(Debug)]
struct Last {
    topic: String,
    reason: String,
}

/// A line for the log.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    subject: Subject,
    count: u64,
    topic: String,
    reason: String,
}

impl Refusals {
    /// Counts a refused message, and logs if it is time.
    pub(crate) fn note(&mut self, now: Moment, subject: Subject, topic: &str, reason: String) {
        if let Some(line) = self.count(now, subject, topic, reason) {
            line.log();
        }
    }

    /// Logs what has waited long enough.
    pub(crate) fn tick(&mut self, now: Moment) {
        self.entries.iter_mut().filter_map(|entry| entry.line(now)).for_each(|line| line.log());
    }

    /// When [`Refusals::tick`] has something to log next.
    pub(crate) fn next_wake(&self) -> Option<Moment> {
        let waiting = self.entries.iter().filter(|entry| entry.unlogged > 0);
        waiting.map(|entry| entry.logged.plus_millis(PAUSE_MS)).min()
    }

    fn count(&mut self, now: Moment, subject: Subject, topic: &str, reason: String) -> Option<Line> {
        let last = Last { topic: topic.to_owned(), reason };
        match self.entries.iter_mut().find(|entry| entry.subject == subject) {
            Some(entry) => {
                entry.unlogged = entry.unlogged.saturating_add(1);
                entry.last = Some(last);
                entry.line(now)
            }
            None => {
                self.entries.push(Entry { subject, logged: now, unlogged: 0, last: None });
                Some(Line { subject, count: 1, topic: last.topic, reason: last.reason })
            }
        }
    }
}

impl Entry {
    fn line(&mut self, now: Moment) -> Option<Line> {
        if self.unlogged == 0 || now < self.logged.plus_millis(PAUSE_MS) {
            return None;
        }
        let Last { topic, reason } = self.last.take()?;
        self.logged = now;
        Some(Line { subject: self.subject, count: std::mem::take(&mut self.unlogged), topic, reason })
    }
}

impl Line {
    fn log(self) {
        let Self { subject, count, topic, reason } = self;
        // Cut and without control characters: the words may be an attacker's.
        tracing::warn!(count, last_topic = %Text::<160>::from(topic.as_str()), last_reason = %Text::<160>::from(reason.as_str()), "{subject} refused");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(refusals: &mut Refusals, ms: u64, subject: Subject, reason: &str) -> Option<(u64, String)> {
        let line = refusals.count(Moment::from_millis(ms), subject, "edge/x/report", reason.to_owned());
        line.map(|line| (line.count, line.reason))
    }

    #[test]
    fn the_first_is_logged_at_once_and_the_rest_once_a_minute_with_their_number() {
        let mut refusals = Refusals::default();
        assert_eq!(note(&mut refusals, 10, Subject::Report, "first"), Some((1, "first".to_owned())));
        assert_eq!(refusals.next_wake(), None);
        assert_eq!(note(&mut refusals, 20, Subject::Report, "second"), None);
        assert_eq!(note(&mut refusals, 20, Subject::Ack, "other"), Some((1, "other".to_owned())));
        assert_eq!(note(&mut refusals, 60_009, Subject::Report, "third"), None);
        assert_eq!(refusals.next_wake(), Some(Moment::from_millis(60_010)));
        assert_eq!(note(&mut refusals, 60_010, Subject::Report, "fourth"), Some((3, "fourth".to_owned())));
        assert_eq!(refusals.next_wake(), None);
    }

    #[test]
    fn what_waits_is_logged_without_another_one() {
        let mut refusals = Refusals::default();
        note(&mut refusals, 0, Subject::Status, "first");
        note(&mut refusals, 1, Subject::Status, "second");
        refusals.tick(Moment::from_millis(60_000));
        assert_eq!(refusals.next_wake(), None);
    }
}
