//! What those see who watch the fleet: a picture that follows the controller's events, on a thread of its own.
//!
//! The controller never waits for a watcher: what finds no room in the queue is counted and gone.

pub(crate) mod picture;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::event::Record;
use crate::sink::EventSink;

/// Events that wait for the watchers. A report has some 3 kB.
const MAX_WAITING: usize = 20_000;
/// Events taken at one time, between which readers get their turn.
const MAX_BATCH: usize = 256;

/// Takes every event.
pub trait Watcher {
    /// Takes an event.
    fn take(&mut self, record: &Record);
}

/// The controller's end: an [`EventSink`] that never blocks.
#[derive(Debug)]
pub struct Feed {
    records: Sender<Record>,
    lost: Arc<AtomicU64>,
}

/// The watchers' end.
#[derive(Debug)]
pub struct Seen {
    records: Receiver<Record>,
    lost: Arc<AtomicU64>,
}

/// Both ends.
#[must_use]
pub fn feed() -> (Feed, Seen) {
    let (sender, records) = mpsc::channel(MAX_WAITING);
    let lost = Arc::new(AtomicU64::new(0));
    (Feed { records: sender, lost: Arc::clone(&lost) }, Seen { records, lost })
}

impl EventSink for Feed {
    fn take(&mut self, record: Record) {
        if self.records.try_send(record).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Seen {
    /// The next events, one at least, in `batch`, which was empty; `false` when the controller has ended and nothing is left.
    pub async fn next(&mut self, batch: &mut Vec<Record>) -> bool {
        self.records.recv_many(batch, MAX_BATCH).await > 0
    }

    /// Counts the events that found no room.
    #[must_use]
    pub fn lost(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Link, LinkState};

    #[tokio::test]
    async fn what_finds_no_room_is_counted() {
        let (mut feed, mut seen) = feed();
        let link = |conn| Record { t_ms: 0, event: Event::Link(Link { state: LinkState::Up, conn, reason: None }) };
        let more = u64::try_from(MAX_WAITING).unwrap() + 3;
        (0..more).for_each(|conn| feed.take(link(conn)));
        drop(feed);
        let (mut batch, mut count) = (Vec::new(), 0);
        while seen.next(&mut batch).await {
            count += batch.drain(..).count();
        }
        assert_eq!((count, seen.lost().load(Ordering::Relaxed)), (MAX_WAITING, 3));
    }
}
