//! One direction of a connection: bytes are read, kept for as long as the link takes, and written.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::{Counts, Direction, Faults, Flow, Orders};

/// Read at one time; small, so that a trickle is one.
const CHUNK: usize = 512;
/// Chunks on their way; the rest waits in the buffers of the sender.
const ON_THE_WAY: usize = 64;

/// Which direction of the faults this is.
pub(super) type Pick = fn(&Faults) -> Direction;

pub(super) struct Pipe<'a> {
    pub(super) orders: watch::Receiver<Orders>,
    pub(super) pick: Pick,
    pub(super) random: fastrand::Rng,
    pub(super) counts: &'a Counts,
}

/// Bytes, and when they arrive at the earliest.
struct Chunk {
    due: Instant,
    bytes: Vec<u8>,
}

/// Whether a stream can still be whole at its other end.
#[derive(PartialEq, Eq)]
enum Stream {
    Whole,
    Broken,
}

impl Pipe<'_> {
    /// Until the sender closes; then the receiver is told, unless something was swallowed.
    pub(super) async fn carry(mut self, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) {
        let (send, mut receive) = mpsc::channel::<Chunk>(ON_THE_WAY);
        let mut random = self.random.fork();
        let (orders, pick) = (self.orders.clone(), self.pick);
        let read = async move {
            let mut chunk = [0; CHUNK];
            let mut latest = Instant::now();
            // A reset counts as an end.
            while let Ok(length @ 1..) = from.read(&mut chunk).await {
                let direction = pick(&orders.borrow().faults);
                // Later bytes never overtake earlier ones.
                latest = latest.max(Instant::now() + lateness(&direction, &mut random));
                let bytes = chunk.get(..length).unwrap_or_default().to_vec();
                if send.send(Chunk { due: latest, bytes }).await.is_err() {
                    return;
                }
            }
        };
        let write = async {
            let mut stream = Stream::Whole;
            while let Some(Chunk { due, mut bytes }) = receive.recv().await {
                sleep_until(due).await;
                let direction = self.when_not_held().await;
                if direction.flow == Flow::Swallowed || stream == Stream::Broken {
                    stream = Stream::Broken;
                    self.counts.swallowed.fetch_add(length(&bytes), Relaxed);
                    continue;
                }
                self.flip(&mut bytes, &direction);
                if to.write_all(&bytes).await.is_err() {
                    return;
                }
                self.counts.forwarded.fetch_add(length(&bytes), Relaxed);
                if let Some(rate) = direction.bytes_per_s {
                    sleep(Duration::from_secs(length(&bytes)) / rate.get()).await;
                }
            }
            // The end of a stream goes the way of its bytes.
            if stream == Stream::Whole && self.when_not_held().await.flow == Flow::Through {
                // Fails if the other end is gone.
                let _ = to.shutdown().await;
            }
        };
        tokio::join!(read, write);
    }

    async fn when_not_held(&mut self) -> Direction {
        let pick = self.pick;
        let held = |orders: &Orders| pick(&orders.faults).flow == Flow::Held;
        // Fails when the proxy is gone: the connection ends with it.
        let _ = self.orders.wait_for(|orders| !held(orders)).await;
        pick(&self.orders.borrow().faults)
    }

    fn flip(&mut self, bytes: &mut [u8], direction: &Direction) {
        let Some(one_in) = direction.flip_one_in else { return };
        for byte in bytes {
            if self.random.u32(0..one_in.get()) == 0 {
                *byte ^= 1 << self.random.u8(0..8);
                self.counts.flipped.fetch_add(1, Relaxed);
            }
        }
    }
}

fn lateness(direction: &Direction, random: &mut fastrand::Rng) -> Duration {
    let range = direction.jitter.saturating_mul(2);
    (direction.delay + range.mul_f64(random.f64())).saturating_sub(direction.jitter)
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
