//! The last decisions, commands and acknowledgements, as the page is told of them.

use std::collections::VecDeque;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use shared_proto::wire::Ack;

use crate::event::Record;

/// Lines, newest last, numbered from 1.
#[derive(Debug)]
pub(crate) struct Log {
    keep: usize,
    last: u64,
    lines: VecDeque<(u64, Box<RawValue>)>,
}

#[derive(Serialize)]
struct AckLine<'a> {
    t_ms: u64,
    event: &'static str,
    #[serde(flatten)]
    ack: &'a Ack,
}

impl Log {
    pub(super) fn new(keep: usize) -> Self {
        Self { keep, last: 0, lines: VecDeque::new() }
    }

    /// Adds an event that has a line.
    pub(super) fn add(&mut self, record: &Record) {
        self.push(to_raw_value(record).ok());
    }

    /// Adds an acknowledgement.
    pub(super) fn add_ack(&mut self, t_ms: u64, ack: &Ack) {
        self.push(to_raw_value(&AckLine { t_ms, event: "ack", ack }).ok());
    }

    fn push(&mut self, line: Option<Box<RawValue>>) {
        let Some(line) = line else { return };
        self.last = self.last.saturating_add(1);
        self.lines.push_back((self.last, line));
        while self.lines.len() > self.keep {
            self.lines.pop_front();
        }
    }

    /// Number of the newest line; 0 before the first.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// The lines after this number that are still there, oldest first.
    pub(crate) fn after(&self, number: u64) -> Vec<Box<RawValue>> {
        self.lines.iter().filter(|(at, _)| *at > number).map(|(_, line)| line.clone()).collect()
    }
}
