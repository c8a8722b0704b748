//! Answers on their way: each waits until the store has it, and then until the broker has it. Sent before it is kept, it could
//! be followed by another one after a crash.

use std::collections::VecDeque;

use shared_proto::wire::Ack;

use crate::spool::Journalled;

/// Answers that may wait for the link; beyond it the oldest is dropped: its sender asks again.
const WAITING: usize = 64;

/// Answers, oldest first. `T` names a publish under way.
#[derive(Debug)]
pub(super) struct Answers<T> {
    waiting: VecDeque<Answer>,
    /// Published, but not acknowledged. The transport bounds how many.
    under_way: VecDeque<(T, Answer)>,
}

#[derive(Debug)]
struct Answer {
    ack: Ack,
    /// The store has it when it has all changes up to this serial number.
    serial: u64,
}

impl<T> Default for Answers<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), under_way: VecDeque::new() }
    }
}

impl<T: Copy + PartialEq> Answers<T> {
    /// Adds an answer that is kept with the change `serial`.
    pub(super) fn push(&mut self, ack: Ack, serial: u64) {
        // What is repeated within one wait needs to be said once.
        if self.waiting.iter().any(|waiting| waiting.ack == ack) {
            return;
        }
        if self.waiting.len() == WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back(Answer { ack, serial });
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.under_way.len()
    }

    /// The oldest that waits, if it may be sent now.
    pub(super) fn next(&self, journalled: Journalled) -> Option<&Ack> {
        self.waiting.front().filter(|answer| journalled.has(answer.serial)).map(|answer| &answer.ack)
    }

    /// Whether the oldest that waits is not in the store yet.
    pub(super) fn are_held(&self, journalled: Journalled) -> bool {
        self.waiting.front().is_some_and(|answer| !journalled.has(answer.serial))
    }

    pub(super) fn sent(&mut self, token: T) {
        self.under_way.extend(self.waiting.pop_front().map(|answer| (token, answer)));
    }

    pub(super) fn give_up_next(&mut self) {
        self.waiting.pop_front();
    }

    /// The broker has this one. `false` if it was not an answer.
    pub(super) fn acknowledged(&mut self, token: T) -> bool {
        let place = self.under_way.iter().position(|(sent, _)| *sent == token);
        place.and_then(|place| self.under_way.remove(place)).is_some()
    }

    /// A connection is gone: what was under way on it waits again, in its old order.
    pub(super) fn connection_lost(&mut self, was_on_it: impl Fn(T) -> bool) {
        for (token, answer) in std::mem::take(&mut self.under_way).into_iter().rev() {
            if !was_on_it(token) {
                self.under_way.push_front((token, answer));
            } else if self.waiting.len() < WAITING {
                self.waiting.push_front(answer);
            }
        }
    }
}
