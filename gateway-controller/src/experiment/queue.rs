//! Between those who have something to record and the tape: bounded, and nobody waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use analysis::experiment::{Ending, Line};
use shared_host::mqtt::Received;

/// Things that may wait: ten seconds of 5,000 reports a second.
const MAX_WAITING: usize = 50_000;
/// Bytes of messages that may wait.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Something to record.
#[derive(Debug)]
pub(super) enum Item {
    /// A message arrived.
    Message {
        /// When, in milliseconds since the start of the run.
        at_ms: f64,
        received: Received,
    },
    /// A line of another kind.
    Line(Line),
    /// The end.
    End { at_ms: f64, reason: Ending },
}

/// What became of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sent {
    Taken,
    /// There was no room; it is counted.
    Lost,
    /// The tape has ended.
    Gone,
}

#[derive(Debug, Clone)]
pub(super) struct Sender {
    queue: SyncSender<Item>,
    load: Arc<Load>,
}

#[derive(Debug)]
pub(super) struct Waiting {
    queue: Receiver<Item>,
    load: Arc<Load>,
}

#[derive(Debug, Default)]
struct Load {
    bytes: AtomicUsize,
    lost: AtomicU64,
}

pub(super) fn queue() -> (Sender, Waiting) {
    let (sender, receiver) = sync_channel(MAX_WAITING);
    let load = Arc::new(Load::default());
    (Sender { queue: sender, load: Arc::clone(&load) }, Waiting { queue: receiver, load })
}

impl Item {
    fn bytes(&self) -> usize {
        match self {
            Self::Message { received, .. } => received.topic.len() + received.payload.len(),
            Self::Line(_) | Self::End { .. } => 0,
        }
    }
}

impl Sender {
    /// Hands something over, without waiting. What is lost is counted, unless it is the end.
    pub(super) fn send(&self, item: Item) -> Sent {
        let (bytes, is_end) = (item.bytes(), matches!(item, Item::End { .. }));
        if self.load.bytes.fetch_add(bytes, Relaxed).saturating_add(bytes) > MAX_BYTES {
            self.load.bytes.fetch_sub(bytes, Relaxed);
            self.lost(1);
            return Sent::Lost;
        }
        match self.queue.try_send(item) {
            Ok(()) => Sent::Taken,
            Err(refused) => {
                self.load.bytes.fetch_sub(bytes, Relaxed);
                match refused {
                    TrySendError::Full(_) => {
                        self.lost(u64::from(!is_end));
                        Sent::Lost
                    }
                    TrySendError::Disconnected(_) => Sent::Gone,
                }
            }
        }
    }

    /// So many were lost before they came here.
    pub(super) fn lost(&self, count: u64) {
        self.load.lost.fetch_add(count, Relaxed);
    }
}

impl Waiting {
    /// The next one, at most after `limit`.
    pub(super) fn next(&self, limit: Duration) -> Result<Item, RecvTimeoutError> {
        let item = self.queue.recv_timeout(limit)?;
        self.load.bytes.fetch_sub(item.bytes(), Relaxed);
        Ok(item)
    }

    /// How many were lost since this was asked last.
    pub(super) fn take_lost(&self) -> u64 {
        self.load.lost.swap(0, Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use shared_host::mqtt::Retained;

    use super::*;

    fn message(bytes: usize) -> Item {
        let received = Received { topic: String::new(), payload: vec![0; bytes], retained: Retained::Live };
        Item::Message { at_ms: 0.0, received }
    }

    #[test]
    fn what_finds_no_room_is_counted() {
        let (sender, waiting) = queue();
        for _ in 0..MAX_WAITING {
            assert_eq!(sender.send(message(1)), Sent::Taken);
        }
        assert_eq!((sender.send(message(1)), sender.send(message(1))), (Sent::Lost, Sent::Lost));
        assert_eq!(sender.send(Item::End { at_ms: 0.0, reason: Ending::Complete }), Sent::Lost);
        assert_eq!((waiting.take_lost(), waiting.take_lost()), (2, 0));
        waiting.next(Duration::ZERO).unwrap();
        assert_eq!(sender.send(message(1)), Sent::Taken);
    }

    #[test]
    fn bytes_are_bounded_too() {
        let (sender, waiting) = queue();
        assert_eq!(sender.send(message(MAX_BYTES)), Sent::Taken);
        assert_eq!(sender.send(message(1)), Sent::Lost);
        waiting.next(Duration::ZERO).unwrap();
        assert_eq!(sender.send(message(1)), Sent::Taken);
        drop(waiting);
        assert_eq!(sender.send(message(1)), Sent::Gone);
    }
}
