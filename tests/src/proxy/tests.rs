//! The proxy against plain sockets.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use super::{Cut, Direction, Door, Faults, Flow, Proxy};

/// Ends a test that hangs.
const PATIENCE: Duration = Duration::from_secs(60);

struct Broker(TcpListener);

impl Broker {
    fn listen() -> Self {
        Self(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap())
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    fn accept(&self) -> TcpStream {
        ready(self.0.accept().unwrap().0)
    }
}

fn ready(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

fn connect(proxy: &Proxy) -> TcpStream {
    ready(TcpStream::connect(proxy.address()).unwrap())
}

fn pair(broker: &Broker, proxy: &Proxy) -> (TcpStream, TcpStream) {
    let client = connect(proxy);
    (client, broker.accept())
}

fn read(stream: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).unwrap();
    bytes
}

/// Bytes that are none of the proxy's own making.
fn text(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "never came: {what}");
        std::thread::yield_now();
    }
}

#[test]
fn without_a_fault_every_byte_arrives_in_both_directions_and_so_does_the_end() {
    let broker = Broker::listen();
    let proxy = Proxy::to(broker.address(), 1).unwrap();
    let (mut client, mut server) = pair(&broker, &proxy);
    let sent = text(100_000);
    client.write_all(&sent).unwrap();
    assert_eq!(read(&mut server, sent.len()), sent);
    server.write_all(b"down").unwrap();
    assert_eq!(read(&mut client, 4), b"down");
    drop(client);
    assert_eq!(server.read(&mut [0]).unwrap(), 0);
    assert_eq!((proxy.counts().forwarded(), proxy.counts().swallowed()), (100_004, 0));
}

#[test]
fn a_cut_is_seen_by_both_ends_as_what_it_is() {
    let broker = Broker::listen();
    let proxy = Proxy::to(broker.address(), 1).unwrap();
    for how in [Cut::Close, Cut::Reset] {
        let (mut client, mut server) = pair(&broker, &proxy);
        client.write_all(b"x").unwrap();
        read(&mut server, 1);
        proxy.cut(how);
        for end in [&mut client, &mut server] {
            match (how, end.read(&mut [0])) {
                (Cut::Close, Ok(0)) => {}
                (Cut::Reset, Err(error)) if error.kind() == ErrorKind::ConnectionReset => {}
                other => panic!("{other:?}"),
            }
        }
    }
    let (mut client, mut server) = pair(&broker, &proxy);
    client.write_all(b"after").unwrap();
    assert_eq!(read(&mut server, 5), b"after");
}

#[test]
fn a_half_open_link_swallows_one_direction_and_carries_the_other() {
    let broker = Broker::listen();
    let proxy = Proxy::to(broker.address(), 1).unwrap();
    let (mut client, mut server) = pair(&broker, &proxy);
    proxy.set(Faults::half_open_up());
    client.write_all(b"lost").unwrap();
    server.write_all(b"heard").unwrap();
    assert_eq!(read(&mut client, 5), b"heard");
    until("the loss", || proxy.counts().swallowed() == 4);

    // A stream with a hole stays lost, also afterwards; a new one is whole. Its end does not arrive either.
    proxy.heal();
    client.write_all(b"more").unwrap();
    until("the loss", || proxy.counts().swallowed() == 8);
    drop(client);
    let (mut second, mut second_server) = pair(&broker, &proxy);
    second.write_all(b"new").unwrap();
    assert_eq!(read(&mut second_server, 3), b"new");
    server.set_nonblocking(true).unwrap();
    assert_eq!(server.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn a_black_hole_takes_connections_and_answers_none() {
    let broker = Broker::listen();
    let proxy = Proxy::to(broker.address(), 1).unwrap();
    proxy.set(Faults::black_hole());
    let mut client = connect(&proxy);
    client.write_all(b"hello").unwrap();
    until("the loss", || proxy.counts().swallowed() == 5);
    broker.0.set_nonblocking(true).unwrap();
    assert_eq!(broker.0.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    client.set_nonblocking(true).unwrap();
    assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn a_refused_door_refuses_and_opens_again_at_the_same_address() {
    let broker = Broker::listen();
    let proxy = Proxy::to(broker.address(), 1).unwrap();
    let (mut before, mut before_server) = pair(&broker, &proxy);
    proxy.set(Faults { door: Door::Refused, ..Faults::default() });
    assert_eq!(TcpStream::connect(proxy.address()).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    before.write_all(b"still").unwrap();
    assert_eq!(read(&mut before_server, 5), b"still");
    proxy.heal();
    let (mut after, mut after_server) = pair(&broker, &proxy);
    after.write_all(b"again").unwrap();
    assert_eq!(read(&mut after_server, 5), b"again");
}

#[test]
fn what_is_held_waits_and_arrives_whole() {
    let broker = Broker::listen();
    let proxy = Proxy::to(broker.address(), 1).unwrap();
    let (mut client, mut server) = pair(&broker, &proxy);
    proxy.set(Faults::held_back());
    client.write_all(b"wait").unwrap();
    server.write_all(b"down").unwrap();
    assert_eq!(read(&mut client, 4), b"down");
    server.set_nonblocking(true).unwrap();
    assert_eq!(server.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    server.set_nonblocking(false).unwrap();
    proxy.heal();
    assert_eq!(read(&mut server, 4), b"wait");
}

#[test]
fn delay_and_throttle_take_at_least_their_time() {
    let broker = Broker::listen();
    let proxy = Proxy::to(broker.address(), 1).unwrap();
    let (mut client, mut server) = pair(&broker, &proxy);
    let (delay, jitter) = (Duration::from_millis(100), Duration::from_millis(50));
    proxy.set(Faults { up: Direction::delayed(delay, jitter), ..Faults::default() });
    let start = Instant::now();
    for number in 0..10 {
        client.write_all(&[number]).unwrap();
    }
    assert_eq!(read(&mut server, 10), (0..10).collect::<Vec<_>>());
    assert!(start.elapsed() >= delay - jitter, "{:?}", start.elapsed());

    let up = Direction { bytes_per_s: NonZeroU32::new(10_000), ..Direction::default() };
    proxy.set(Faults { up, ..Faults::default() });
    let start = Instant::now();
    let sent = text(3_000);
    client.write_all(&sent).unwrap();
    assert_eq!(read(&mut server, sent.len()), sent);
    // The last chunk need not be waited for.
    assert!(start.elapsed() >= Duration::from_millis(240), "{:?}", start.elapsed());
}

#[test]
fn a_slow_link_is_felt_by_the_sender() {
    let broker = Broker::listen();
    let proxy = Proxy::to(broker.address(), 1).unwrap();
    let (mut client, _server) = pair(&broker, &proxy);
    let up = Direction { flow: Flow::Held, ..Direction::default() };
    proxy.set(Faults { up, ..Faults::default() });
    client.set_nonblocking(true).unwrap();
    let chunk = [0; 64 * 1024];
    let (mut sent, mut idle) = (0, Instant::now());
    // The sender's own buffer takes some megabytes at most.
    while idle.elapsed() < Duration::from_millis(200) {
        match client.write(&chunk) {
            Ok(length) => {
                sent += length;
                idle = Instant::now();
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        assert!(sent < 64 * 1024 * 1024, "the proxy took {sent} bytes");
    }
}

#[test]
fn flipped_bits_are_counted_and_the_same_with_the_same_seed() {
    let sent = text(20_000);
    let damaged = |seed| {
        let broker = Broker::listen();
        let proxy = Proxy::to(broker.address(), seed).unwrap();
        let up = Direction { flip_one_in: NonZeroU32::new(500), ..Direction::default() };
        proxy.set(Faults { up, ..Faults::default() });
        let (mut client, mut server) = pair(&broker, &proxy);
        client.write_all(&sent).unwrap();
        let arrived = read(&mut server, sent.len());
        let bits: u32 = arrived.iter().zip(&sent).map(|(a, b)| (a ^ b).count_ones()).sum();
        assert_eq!(u64::from(bits), proxy.counts().flipped());
        assert!((10..120).contains(&bits), "{bits} of 40 expected");
        arrived
    };
    let first = damaged(7);
    assert_eq!(damaged(7), first);
    assert_ne!(damaged(8), first);
}
