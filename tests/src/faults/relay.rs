//! A bad cable of our own, for kernels without `netem`: packets come as datagrams and go as datagrams, some of them late, out of
//! order, twice or never.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// What the bad cable does to each packet, the same in both directions.
pub(super) const LOST: f64 = 0.2;
pub(super) const DOUBLED: f64 = 0.05;
/// These overtake the others.
pub(super) const AT_ONCE: f64 = 0.25;
const DELAY_US: std::ops::Range<u64> = 30_000..70_000;
/// Longer than any packet of Ethernet.
const LONGEST: usize = 2_048;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cable {
    /// Nothing gets through.
    Absent,
    Good,
    Bad,
}

/// The cable, as long as it is not dropped.
#[derive(Debug)]
pub(super) struct Relay {
    ports: [u16; 2],
    /// Closed when dropped, which ends the thread.
    cable: Option<watch::Sender<Cable>>,
    counts: Arc<Counts>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Counts {
    packets: AtomicU64,
    lost: AtomicU64,
    doubled: AtomicU64,
}

impl Relay {
    /// Between two ports of this machine, from which the packets of either end come; `seed` decides what becomes of them.
    pub(super) fn between(ends: [u16; 2], seed: u64) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let sockets = ends.map(|end| {
            let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            socket.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, end)))?;
            socket.set_nonblocking(true)?;
            let port = socket.local_addr()?.port();
            let _in_it = runtime.enter();
            Ok::<_, io::Error>((UdpSocket::from_std(socket)?, port))
        });
        let [first, second] = sockets;
        let ((first, one), (second, other)) = (first?, second?);
        let (cable, seen) = watch::channel(Cable::Absent);
        let counts = Arc::new(Counts::default());
        let work = Work {
            sockets: [first, second],
            random: fastrand::Rng::with_seed(seed),
            under_way: BTreeMap::new(),
            number: 0,
            counts: Arc::clone(&counts),
        };
        let thread = std::thread::Builder::new().name("relay".to_owned());
        let thread = thread.spawn(move || runtime.block_on(work.run(seen)))?;
        Ok(Self { ports: [one, other], cable: Some(cable), counts, thread: Some(thread) })
    }

    /// Where either end sends its packets to.
    pub(super) fn ports(&self) -> [u16; 2] {
        self.ports
    }

    /// From now on the cable is like this.
    pub(super) fn set(&self, quality: Cable) {
        if let Some(cable) = &self.cable {
            cable.send_replace(quality);
        }
    }

    /// Packets that came while the cable was bad, and those of them that were lost on purpose.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.counts.packets.load(Relaxed), self.counts.lost.load(Relaxed))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.cable = None;
        // Fails after a panic of the thread, which has been told.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

#[derive(Debug, Clone, Copy)]
enum Side {
    First,
    Second,
}

/// What the thread does.
struct Work {
    sockets: [UdpSocket; 2],
    random: fastrand::Rng,
    /// By the time when they arrive, and a number that tells those of one time apart.
    under_way: BTreeMap<(Instant, u64), (Side, Vec<u8>)>,
    number: u64,
    counts: Arc<Counts>,
}

impl Work {
    async fn run(mut self, mut cable: watch::Receiver<Cable>) {
        let (mut left, mut right) = ([0; LONGEST], [0; LONGEST]);
        loop {
            let due = self.under_way.first_key_value().map(|((due, _), _)| *due);
            let [first, second] = &self.sockets;
            // An error is that the other end is not there yet.
            tokio::select! {
                changed = cable.changed() => if changed.is_err() { return },
                Ok(length) = first.recv(&mut left) => {
                    self.take(*cable.borrow(), Side::Second, left.get(..length).unwrap_or_default());
                }
                Ok(length) = second.recv(&mut right) => {
                    self.take(*cable.borrow(), Side::First, right.get(..length).unwrap_or_default());
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => self.deliver(),
            }
        }
    }

    fn take(&mut self, cable: Cable, to: Side, packet: &[u8]) {
        match cable {
            Cable::Absent => return,
            Cable::Good => return self.put(to, packet, Duration::ZERO),
            Cable::Bad => {}
        }
        self.counts.packets.fetch_add(1, Relaxed);
        if self.random.f64() < LOST {
            self.counts.lost.fetch_add(1, Relaxed);
            return;
        }
        self.send_late(to, packet);
        if self.random.f64() < DOUBLED {
            self.counts.doubled.fetch_add(1, Relaxed);
            self.send_late(to, packet);
        }
    }

    fn send_late(&mut self, to: Side, packet: &[u8]) {
        let at_once = self.random.f64() < AT_ONCE;
        let delay = if at_once { 0 } else { self.random.u64(DELAY_US) };
        self.put(to, packet, Duration::from_micros(delay));
    }

    fn put(&mut self, to: Side, packet: &[u8], delay: Duration) {
        self.number += 1;
        self.under_way.insert((Instant::now() + delay, self.number), (to, packet.to_vec()));
    }

    fn deliver(&mut self) {
        let [first, second] = &self.sockets;
        if let Some((_, (to, packet))) = self.under_way.pop_first() {
            // What finds no room is lost, as on any cable.
            let _ = match to {
                Side::First => first.try_send(&packet),
                Side::Second => second.try_send(&packet),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_came(relay: &Relay, cable: Cable, count: u16, came: usize) -> bool {
        let Counts { packets, lost, doubled } = &*relay.counts;
        let (packets, lost, doubled) = (packets.load(Relaxed), lost.load(Relaxed), doubled.load(Relaxed));
        // The last packet has come in, or been lost, before it is known how many go out.
        let seen = cable == Cable::Good || packets == u64::from(count);
        seen && came as u64 == u64::from(count) - lost + doubled
    }

    /// Sends `count` packets over a cable of this quality; the numbers of those that come out, in their order.
    fn through(cable: Cable, count: u16) -> Vec<u16> {
        let socket = || std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (here, there) = (socket(), socket());
        let port = |socket: &std::net::UdpSocket| socket.local_addr().unwrap().port();
        let relay = Relay::between([port(&here), port(&there)], 7).unwrap();
        relay.set(cable);
        let [entrance, _] = relay.ports();
        let mut came = Vec::new();
        let mut bytes = [0; 2];
        for number in 0..count {
            here.send_to(&number.to_be_bytes(), (Ipv4Addr::LOCALHOST, entrance)).unwrap();
        }
        // Ends what hangs.
        there.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        while !all_came(&relay, cable, count, came.len()) {
            there.recv(&mut bytes).unwrap();
            came.push(u16::from_be_bytes(bytes));
        }
        came
    }

    #[test]
    fn a_good_cable_brings_every_packet_in_order() {
        assert_eq!(through(Cable::Good, 100), (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn a_bad_cable_loses_some_brings_some_twice_and_some_out_of_order() {
        let came = through(Cable::Bad, 200);
        let mut each = came.clone();
        each.sort_unstable();
        let sorted = each.clone();
        each.dedup();
        assert!((140..180).contains(&each.len()), "{} of 200", each.len());
        assert!(came.len() > each.len(), "some twice");
        assert_ne!(came, sorted, "some out of order");
    }
}
