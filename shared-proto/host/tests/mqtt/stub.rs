//! A broker by hand: tests say byte by byte what it answers.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::within;

pub(crate) const ACCEPTED: [u8; 4] = [0x20, 2, 0, 0];
pub(crate) const ACCEPTED_WITH_SESSION: [u8; 4] = [0x20, 2, 1, 0];
pub(crate) const NOT_AUTHORIZED: [u8; 4] = [0x20, 2, 0, 5];
pub(crate) const DISCONNECT: [u8; 2] = [0xE0, 0];

const PUBLISH: u8 = 3;
const SUBSCRIBE: u8 = 8;

pub(crate) struct Stub(TcpListener);

impl Stub {
    pub(crate) async fn listen() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    /// The next connection and its CONNECT packet; no answer yet.
    pub(crate) async fn accept(&self) -> (Peer, Vec<u8>) {
        let (stream, _) = within("a connection", self.0.accept()).await.unwrap();
        let mut peer = Peer(stream);
        let connect = peer.packet().await.expect("the client left before CONNECT");
        (peer, connect)
    }

    /// The next connection, accepted.
    pub(crate) async fn connect(&self) -> Peer {
        let (mut peer, _) = self.accept().await;
        peer.send(&ACCEPTED).await;
        peer
    }
}

pub(crate) struct Peer(TcpStream);

impl Peer {
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// Reads one packet; `None` when the client hung up.
    pub(crate) async fn packet(&mut self) -> Option<Vec<u8>> {
        within("a packet", async {
            let mut packet = vec![self.0.read_u8().await.ok()?];
            let (mut length, mut shift) = (0, 0);
            loop {
                let byte = self.0.read_u8().await.ok()?;
                packet.push(byte);
                length |= usize::from(byte & 0x7F) << shift;
                shift += 7;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            let body = packet.len();
            packet.resize(body + length, 0);
            self.0.read_exact(packet.get_mut(body..).unwrap()).await.ok()?;
            Some(packet)
        })
        .await
    }

    /// Reads a QoS 1 publish with a short topic: its packet identifier and payload.
    pub(crate) async fn publish(&mut self) -> ([u8; 2], Vec<u8>) {
        let packet = self.packet().await.expect("the client hung up");
        let [kind, _, 0, topic, ref rest @ ..] = packet[..] else { panic!("not a short packet: {packet:?}") };
        assert_eq!(kind >> 4, PUBLISH, "{packet:?}");
        let (id, payload) = rest.split_at(usize::from(topic)).1.split_at(2);
        (id.try_into().unwrap(), payload.to_vec())
    }

    pub(crate) async fn acknowledge(&mut self, [high, low]: [u8; 2]) {
        self.send(&[0x40, 2, high, low]).await;
    }

    /// Reads SUBSCRIBE and gives the answer to it with this return code.
    pub(crate) async fn subscription(&mut self, code: u8) -> [u8; 5] {
        let packet = self.packet().await.expect("the client hung up");
        let [kind, _, high, low, ..] = packet[..] else { panic!("not a SUBSCRIBE: {packet:?}") };
        assert_eq!(kind >> 4, SUBSCRIBE, "{packet:?}");
        [0x90, 3, high, low, code]
    }
}

/// A QoS 0 publish on topic `t`.
pub(crate) fn to_client(payload: &str) -> Vec<u8> {
    let mut packet = vec![0x30];
    let mut rest = payload.len() + 3;
    while rest > 127 {
        packet.push(u8::try_from(rest % 128).unwrap() | 0x80);
        rest /= 128;
    }
    packet.push(u8::try_from(rest).unwrap());
    packet.extend([0, 1, b't']);
    packet.extend(payload.as_bytes());
    packet
}
