//! Answers on their way: each waits until the broker has it.

use std::collections::VecDeque;

use shared_proto::wire::Ack;

/// Answers that may wait for the link; beyond it the oldest is dropped: its sender asks again.
const WAITING: usize = 64;

/// Answers, oldest first. `T` names a publish under way.
#[derive(Debug)]
pub(super) struct Answers<T> {
    waiting: VecDeque<Ack>,
    /// Published, but not acknowledged. The transport bounds how many.
    under_way: VecDeque<(T, Ack)>,
}

impl<T> Default for Answers<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), under_way: VecDeque::new() }
    }
}

impl<T: Copy + PartialEq> Answers<T> {
    pub(super) fn push(&mut self, ack: Ack) {
        // What is repeated within one wait needs to be said once.
        if self.waiting.contains(&ack) {
            return;
        }
        if self.waiting.len() == WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back(ack);
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.under_way.len()
    }

    pub(super) fn next(&self) -> Option<&Ack> {
        self.waiting.front()
    }

    pub(super) fn sent(&mut self, token: T) {
        self.under_way.extend(self.waiting.pop_front().map(|ack| (token, ack)));
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
        for (token, ack) in std::mem::take(&mut self.under_way).into_iter().rev() {
            if !was_on_it(token) {
                self.under_way.push_front((token, ack));
            } else if self.waiting.len() < WAITING {
                self.waiting.push_front(ack);
            }
        }
    }
}
