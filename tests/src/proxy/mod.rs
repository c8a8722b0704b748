//! A TCP proxy in front of a broker that does to the link what networks do: delay, loss of the other end, half-open
//! connections, a trickle instead of a stream, flipped bits. All of it can be changed while it runs.

mod connection;
mod direction;
mod door;
mod faults;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;

use tokio::sync::watch;

pub use faults::{Cut, Direction, Door, Faults, Flow};

/// Forwards connections to a broker; gone with all its connections when dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    orders: watch::Sender<Orders>,
    counts: Arc<Counts>,
    thread: Option<JoinHandle<()>>,
    /// The door as it stands, which follows the orders a moment later.
    door: std::sync::mpsc::Receiver<Door>,
}

/// What connections and door go by.
#[derive(Debug, Clone, Copy, Default)]
struct Orders {
    faults: Faults,
    /// Grows with every cut, so that each connection knows of those that it has lived to see.
    cuts: u64,
    cut: Cut,
    state: State,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Running,
    Ended,
}

/// What went through and what did not.
#[derive(Debug, Default)]
pub struct Counts {
    connections: AtomicU64,
    forwarded: AtomicU64,
    swallowed: AtomicU64,
    flipped: AtomicU64,
}

impl Counts {
    /// Connections that were taken, answered or not.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.load(Relaxed)
    }

    /// Bytes that reached the other end, of both directions.
    #[must_use]
    pub fn forwarded(&self) -> u64 {
        self.forwarded.load(Relaxed)
    }

    /// Bytes that reached nobody, of both directions.
    #[must_use]
    pub fn swallowed(&self) -> u64 {
        self.swallowed.load(Relaxed)
    }

    /// Bits that were flipped.
    #[must_use]
    pub fn flipped(&self) -> u64 {
        self.flipped.load(Relaxed)
    }
}

impl Proxy {
    /// Opens a proxy to `broker` on a free port of this machine. `seed` decides jitter and flipped bits.
    ///
    /// # Errors
    /// No port is free, or the system gives no thread.
    pub fn to(broker: SocketAddr, seed: u64) -> io::Result<Self> {
        // Not one that the system hands out to others while nobody listens on it.
        let port = demo::broker::free_port()?;
        Self::at((Ipv4Addr::LOCALHOST, port).into(), broker, seed)
    }

    /// Opens a proxy to `broker` at this address: see [`Self::to`].
    ///
    /// # Errors
    /// The address cannot be listened on, or the system gives no thread.
    pub fn at(address: SocketAddr, broker: SocketAddr, seed: u64) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _in_it = runtime.enter();
            door::listen(address)?
        };
        let (orders, seen) = watch::channel(Orders::default());
        let (tell, door) = std::sync::mpsc::channel();
        let counts = Arc::new(Counts::default());
        let link = connection::Link { broker, seed, counts: Arc::clone(&counts) };
        let thread = std::thread::Builder::new().name("proxy".to_owned()).spawn(move || {
            runtime.block_on(door::keep(address, listener, link, seen, tell));
            // Connections end with the runtime.
        })?;
        Ok(Self { address, orders, counts, thread: Some(thread), door })
    }

    /// Where to connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as configurations want it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("mqtt://{}", self.address)
    }

    /// From now on the link is like this. Returns when the door is: what comes afterwards finds it so.
    pub fn set(&self, faults: Faults) {
        let before = self.orders.borrow().faults.door;
        self.orders.send_modify(|orders| orders.faults = faults);
        if before != faults.door {
            // Ends at once if the thread is gone, which only a panic of its own can do.
            while self.door.recv().is_ok_and(|door| door != faults.door) {}
        }
    }

    /// From now on nothing is wrong with the link. What was swallowed stays lost, and with it its connection.
    pub fn heal(&self) {
        self.set(Faults::default());
    }

    /// Breaks every connection that there is.
    pub fn cut(&self, how: Cut) {
        self.orders.send_modify(|orders| {
            orders.cuts += 1;
            orders.cut = how;
        });
    }

    /// What went through so far.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.orders.send_modify(|orders| orders.state = State::Ended);
        // Fails after a panic of the thread, which has been told.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
