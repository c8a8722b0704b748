//! MQTT 3.1.1 over one socket with small buffers: no task, no queue, no client of its own for a device.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rumqttc::{
    Connect, ConnectReturnCode, Disconnect, Error, LastWill, Packet, PubAck, Publish, QoS, Subscribe, SubscribeFilter,
};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long connecting may take, from the first packet to the granted subscription.
const OPEN_LIMIT: Duration = Duration::from_secs(20);
/// How long the broker may take to close a connection that has said good-bye.
const GOODBYE_LIMIT: Duration = Duration::from_secs(2);
/// Seconds without a packet after which the broker gives a client up. Reports come more often.
const KEEP_ALIVE_S: u16 = 60;
/// Longest packet that is taken, in bytes.
const LONGEST: usize = 16 * 1024;
/// Bytes read at one time.
pub(super) const SCRATCH: usize = 16 * 1024;

/// How to connect.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) broker: SocketAddr,
    pub(super) client_id: String,
    /// Topic and payload of the will, which the broker retains.
    pub(super) will: Option<(String, Vec<u8>)>,
    /// Topics to subscribe to.
    pub(super) filters: Vec<String>,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    /// The beginning of a packet whose rest has not come yet.
    inbound: BytesMut,
    /// What the socket did not take yet.
    outbound: BytesMut,
    packet: u16,
}

/// Whether the broker keeps a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    Yes,
    No,
}

impl Opening {
    /// Connects and subscribes.
    pub(super) async fn open(self) -> io::Result<Wire> {
        timeout(OPEN_LIMIT, self.attempt()).await.map_err(|_| io::Error::from(ErrorKind::TimedOut))?
    }

    async fn attempt(self) -> io::Result<Wire> {
        let stream = TcpStream::connect(self.broker).await?;
        stream.set_nodelay(true)?;
        let mut wire = Wire { stream, inbound: BytesMut::new(), outbound: BytesMut::new(), packet: 0 };
        let mut connect = Connect::new(self.client_id);
        connect.keep_alive = KEEP_ALIVE_S;
        connect.last_will = self.will.map(|(topic, payload)| LastWill::new(topic, payload, QoS::AtLeastOnce, true));
        connect.write(&mut wire.outbound).map_err(odd)?;
        match wire.expect().await? {
            Packet::ConnAck(answer) if answer.code == ConnectReturnCode::Success => {}
            Packet::ConnAck(answer) => return Err(io::Error::other(format!("the broker says {:?}", answer.code))),
            other => return Err(unexpected(&other)),
        }
        let filters = self.filters.into_iter().map(|path| SubscribeFilter { path, qos: QoS::AtLeastOnce });
        let subscribe = Subscribe { pkid: wire.next_packet(), filters: filters.collect() };
        subscribe.write(&mut wire.outbound).map_err(odd)?;
        match wire.expect().await? {
            Packet::SubAck(_) => Ok(wire),
            other => Err(unexpected(&other)),
        }
    }
}

impl Wire {
    /// Sends what waits, then reads one packet.
    async fn expect(&mut self) -> io::Result<Packet> {
        let mut scratch = [0; 256];
        loop {
            self.flush()?;
            if let Some(packet) = self.next()? {
                return Ok(packet);
            }
            self.ready().await?;
            self.fill(&mut scratch)?;
        }
    }

    /// Number for the next packet that wants an acknowledgement.
    pub(super) fn next_packet(&mut self) -> u16 {
        self.packet = self.packet.checked_add(1).unwrap_or(1);
        self.packet
    }

    /// Writes a publish with QoS 1; [`Self::flush`] sends it.
    pub(super) fn publish(&mut self, topic: &str, payload: &[u8], packet: u16, kept: Kept) -> io::Result<()> {
        let mut publish = Publish::from_bytes(topic, QoS::AtLeastOnce, Bytes::copy_from_slice(payload));
        publish.pkid = packet;
        publish.retain = kept == Kept::Yes;
        publish.write(&mut self.outbound).map(drop).map_err(odd)
    }

    /// Acknowledges what was received.
    pub(super) fn acknowledge(&mut self, packet: u16) -> io::Result<()> {
        PubAck::new(packet).write(&mut self.outbound).map(drop).map_err(odd)
    }

    /// Says good-bye, so that the broker drops the will, and waits until it has closed the connection: closed with something unread, a socket
    /// takes back what was sent last.
    pub(super) async fn say_goodbye(&mut self) -> io::Result<()> {
        Disconnect.write(&mut self.outbound).map(drop).map_err(odd)?;
        let mut scratch = [0; 256];
        let last = async {
            loop {
                self.flush()?;
                self.ready().await?;
                self.inbound.clear();
                if let Err(error) = self.fill(&mut scratch) {
                    return if error.kind() == ErrorKind::UnexpectedEof { Ok(()) } else { Err(error) };
                }
            }
        };
        timeout(GOODBYE_LIMIT, last).await.unwrap_or(Ok(()))
    }

    /// Until there is something to read, or room for what waits to be sent.
    pub(super) async fn ready(&self) -> io::Result<()> {
        let interest =
            if self.outbound.is_empty() { Interest::READABLE } else { Interest::READABLE | Interest::WRITABLE };
        self.stream.ready(interest).await.map(drop)
    }

    /// Sends as much as the socket takes.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        while !self.outbound.is_empty() {
            match self.stream.try_write(&self.outbound) {
                Ok(length) => drop(self.outbound.split_to(length)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        // Thousands of these are idle at any moment.
        self.outbound = BytesMut::new();
        Ok(())
    }

    /// Reads what is there.
    pub(super) fn fill(&mut self, scratch: &mut [u8]) -> io::Result<()> {
        match self.stream.try_read(scratch) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(length) => {
                self.inbound.extend_from_slice(scratch.get(..length).unwrap_or_default());
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The next packet that is there whole.
    pub(super) fn next(&mut self) -> io::Result<Option<Packet>> {
        if self.inbound.is_empty() {
            self.inbound = BytesMut::new();
            return Ok(None);
        }
        match Packet::read(&mut self.inbound, LONGEST) {
            Ok(packet) => Ok(Some(packet)),
            Err(Error::InsufficientBytes(_)) => Ok(None),
            Err(error) => Err(odd(error)),
        }
    }
}

fn odd(error: Error) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error.to_string())
}

fn unexpected(packet: &Packet) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("the broker sent {packet:?}"))
}
