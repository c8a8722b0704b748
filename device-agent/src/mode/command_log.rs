//! The latest commands and what became of them, so that a repeated one is answered again and applied once.

use std::collections::VecDeque;

use shared_proto::ids::CommandId;
use shared_proto::wire::Ack;

/// Commands remembered. A sender has one or two under way; more than this many later, a repeat is a new command.
const REMEMBERED: usize = 32;

/// The latest commands.
#[derive(Debug, Default)]
pub struct CommandLog {
    entries: VecDeque<(CommandId, Option<Ack>)>,
}

/// What is known of a command id.
#[derive(Debug, PartialEq)]
pub enum Known {
    /// Never seen, or forgotten.
    New,
    /// Taken, and on its way to the next release: the answer will come by itself.
    UnderWay,
    /// Answered like this.
    Answered(Box<Ack>),
}

impl CommandLog {
    /// What is known of `id`.
    #[must_use]
    pub fn look_up(&self, id: &CommandId) -> Known {
        match self.entries.iter().find(|(known, _)| known == id) {
            None => Known::New,
            Some((_, None)) => Known::UnderWay,
            Some((_, Some(ack))) => Known::Answered(Box::new(ack.clone())),
        }
    }

    /// Commands remembered, at most 32.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no command was taken yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Remembers a command that is taken but not yet answered.
    pub fn taken(&mut self, id: CommandId) {
        if self.entries.len() >= REMEMBERED {
            // Those under way stay: they are fewer than these.
            let oldest = self.entries.iter().position(|(_, answer)| answer.is_some());
            self.entries.remove(oldest.unwrap_or(0));
        }
        self.entries.push_back((id, None));
    }

    /// Remembers the answer to a command that was taken.
    pub fn answered(&mut self, ack: &Ack) {
        if let Some((_, answer)) = self.entries.iter_mut().find(|(id, _)| *id == ack.id) {
            *answer = Some(ack.clone());
        }
    }
}
