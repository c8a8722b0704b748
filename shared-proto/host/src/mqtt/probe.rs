//! One conversation with the broker, step by step, for a diagnosis: it blocks, and says at which step what went wrong. Beside
//! the connection of the agent, which does the same at one go.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rumqttc::ConnectReturnCode;
use rustls::ClientConnection;
use rustls::pki_types::ServerName;

use super::packet::{self, Body, Wire};
use super::{CONNECT_TIMEOUT, Options, Scheme, fresh, reason, tls};

pub use super::packet::Version;

/// Seconds without a word after which the broker gives the client up; a diagnosis is over long before.
const KEEP_ALIVE_S: u16 = 60;
const PACKET_ID: u16 = 1;
/// The flag of a PUBLISH that wants an acknowledgement.
const QOS_1: u8 = 0x02;

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Of which kind.
    pub kind: TroubleKind,
    /// In words.
    pub why: String,
}

/// Kinds of trouble that are mended in different ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TroubleKind {
    /// Nobody listens at the address.
    NobodyListens,
    /// No answer in time, or the connection broke.
    Silent,
    /// A file of the configuration cannot be used.
    File,
    /// TLS: one of both does not believe the other.
    Tls,
    /// The broker speaks another version of MQTT.
    Version,
    /// The broker does not take this client, its name or its password.
    NotAuthorized,
    /// Anything else.
    Other,
}

/// What became of a publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// The broker took it.
    Taken,
    /// It took it, and nobody has subscribed.
    NobodyListens,
    /// It is forbidden.
    Forbidden,
}

/// Whether a subscription is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granted {
    /// It is.
    Yes,
    /// It is not.
    No,
}

/// The addresses of the broker's host.
///
/// # Errors
/// It has none, or nobody tells within 5 s.
pub fn resolve(options: &Options) -> Result<Vec<SocketAddr>, Trouble> {
    let (host, port) = (options.url.host(), options.url.port());
    let trouble =
        |error: io::Error| Trouble { kind: TroubleKind::Other, why: format!("{}: {error}", options.url.host()) };
    // The system's resolver takes as long as it likes.
    let resolver = std::thread::Builder::new().name("resolve".to_owned());
    let resolver = resolver.spawn(move || (host.as_str(), port).to_socket_addrs()).map_err(trouble)?;
    let until = Instant::now() + CONNECT_TIMEOUT;
    while !resolver.is_finished() {
        if Instant::now() >= until {
            return Err(trouble(ErrorKind::TimedOut.into()));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let resolved = resolver.join().unwrap_or_else(|_| Err(ErrorKind::Other.into()));
    resolved.map(Vec::from_iter).map_err(trouble)
}

/// Connects to the first address that answers.
///
/// # Errors
/// None does; the last one's trouble.
pub fn reach(addresses: &[SocketAddr]) -> Result<(SocketAddr, TcpStream), Trouble> {
    let mut last = Trouble { kind: TroubleKind::Other, why: "no address".to_owned() };
    for address in addresses {
        match TcpStream::connect_timeout(address, CONNECT_TIMEOUT) {
            Ok(stream) => return Ok((*address, stream)),
            Err(error) => {
                let kind = match error.kind() {
                    ErrorKind::ConnectionRefused => TroubleKind::NobodyListens,
                    ErrorKind::TimedOut => TroubleKind::Silent,
                    _ => TroubleKind::Other,
                };
                last = Trouble { kind, why: format!("{}, port {}: {error}", address.ip(), address.port()) };
            }
        }
    }
    Err(last)
}

/// A conversation over an open connection. Says DISCONNECT at its end.
pub struct Conversation<'a> {
    options: &'a Options,
    version: Version,
    wire: Box<dyn Wire>,
    /// Who has not said CONNECT has no DISCONNECT to say.
    said: Said,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Nothing,
    Connect,
}

impl Wire for Timed {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        Read::read(self, bytes)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }
}

/// A session of TLS on a socket.
struct Encrypted {
    session: ClientConnection,
    stream: Timed,
}

impl Wire for Encrypted {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.session.reader().read(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.session.complete_io(&mut self.stream)?,
                read => return read,
            };
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.session.writer().write_all(bytes)?;
        while self.session.wants_write() {
            self.session.complete_io(&mut self.stream)?;
        }
        Ok(())
    }
}

impl<'a> Conversation<'a> {
    /// Does the TLS handshake, if the URL asks for one. The whole conversation may take 5 s from now on.
    ///
    /// # Errors
    /// A file cannot be used, or one of both does not believe the other.
    pub fn open(options: &'a Options, stream: TcpStream, version: Version) -> Result<Self, Trouble> {
        let mut stream = Timed { stream, until: Instant::now() + CONNECT_TIMEOUT };
        let wire: Box<dyn Wire> = match options.url.scheme() {
            Scheme::Plain => Box::new(stream),
            Scheme::Tls => {
                let file = |error: tls::TlsFileError| Trouble { kind: TroubleKind::File, why: error.to_string() };
                let config = options.tls.client_config().map_err(file)?;
                let other = |why: String| Trouble { kind: TroubleKind::Other, why };
                let name = ServerName::try_from(options.url.host()).map_err(|error| other(error.to_string()))?;
                let mut session =
                    ClientConnection::new(Arc::new(config), name).map_err(|error| other(error.to_string()))?;
                while session.is_handshaking() {
                    session.complete_io(&mut stream).map_err(|error| trouble(&error, options, In::Handshake))?;
                }
                Box::new(Encrypted { session, stream })
            }
        };
        Ok(Self { options, version, wire, said: Said::Nothing })
    }

    /// Says who this is, under another client identifier.
    ///
    /// # Errors
    /// The password cannot be read, or the broker does not take this client.
    pub fn connect(&mut self, client_id: &str) -> Result<(), Trouble> {
        let file = |why| Trouble { kind: TroubleKind::File, why };
        let password = fresh::password(self.options).map_err(file)?;
        let credentials = self.options.credentials.as_ref();
        let level = match self.version {
            Version::V311 => 4,
            Version::V5 => 5,
        };
        // A clean session; with user name and password.
        let flags = if credentials.is_some() { 0xC2 } else { 0x02 };
        let mut body = Body::new(self.version).text(b"MQTT").byte(level).byte(flags).number(KEEP_ALIVE_S).properties();
        body = body.text(client_id.as_bytes());
        if let Some(credentials) = credentials {
            body = body.text(credentials.username.as_bytes()).text(password.bytes());
        }
        self.said = Said::Connect;
        let code = self.ask(packet::CONNECT, body, packet::CONNACK)?;
        // MQTT 3.1.1 counts from 1, MQTT 5 from 0x84.
        let (kind, code) = match code {
            0 => return Ok(()),
            1 | 0x84 => (TroubleKind::Version, ConnectReturnCode::RefusedProtocolVersion),
            2 | 0x85 => (TroubleKind::NotAuthorized, ConnectReturnCode::BadClientId),
            4 | 0x86 => (TroubleKind::NotAuthorized, ConnectReturnCode::BadUserNamePassword),
            5 | 0x87 => (TroubleKind::NotAuthorized, ConnectReturnCode::NotAuthorized),
            _ => (TroubleKind::Other, ConnectReturnCode::ServiceUnavailable),
        };
        Err(Trouble { kind, why: format!("the broker refused the connection: {}", reason::refusal(code)) })
    }

    /// Subscribes to a topic, at QoS 1.
    ///
    /// # Errors
    /// The connection broke.
    pub fn subscribe(&mut self, topic: &str) -> Result<Granted, Trouble> {
        let body = Body::new(self.version).number(PACKET_ID).properties().text(topic.as_bytes()).byte(1);
        let code = self.ask(packet::SUBSCRIBE, body, packet::SUBACK)?;
        Ok(if code < 0x80 { Granted::Yes } else { Granted::No })
    }

    /// Publishes a message without content, not retained, at QoS 1. By MQTT 3.1.1 the broker has no word for what is
    /// forbidden: it takes everything.
    ///
    /// # Errors
    /// The connection broke, or the broker refused it for another reason than rights.
    pub fn publish_nothing(&mut self, topic: &str) -> Result<Published, Trouble> {
        let body = Body::new(self.version).text(topic.as_bytes()).number(PACKET_ID).properties();
        let code = self.ask(packet::PUBLISH | QOS_1, body, packet::PUBACK)?;
        Ok(match code {
            0 => Published::Taken,
            0x10 => Published::NobodyListens,
            0x87 => Published::Forbidden,
            code => {
                let why =
                    format!("the broker did not take a message (reason code {code:#04x} of MQTT 5, section 3.4.2.1)");
                return Err(Trouble { kind: TroubleKind::Other, why });
            }
        })
    }

    /// Sends a packet; the reason code of the answer.
    fn ask(&mut self, kind: u8, body: Body, answer: u8) -> Result<u8, Trouble> {
        let asked = body.send(kind, self.wire.as_mut()).and_then(|()| packet::expect(answer, self.wire.as_mut()));
        let stage = if answer == packet::CONNACK { In::Connecting } else { In::Connected };
        asked.and_then(|body| packet::reason(answer, &body)).map_err(|error| trouble(&error, self.options, stage))
    }
}

impl Drop for Conversation<'_> {
    fn drop(&mut self) {
        if self.said == Said::Connect {
            // A connection that is broken already needs no good-bye.
            let _ = Body::new(Version::V311).send(packet::DISCONNECT, self.wire.as_mut());
        }
    }
}

/// Where it went wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum In {
    Handshake,
    Connecting,
    Connected,
}

fn trouble(error: &io::Error, options: &Options, stage: In) -> Trouble {
    if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return Trouble { kind: TroubleKind::Tls, why: tls::describe(error, options) };
    }
    match (error.kind(), stage) {
        (ErrorKind::WouldBlock | ErrorKind::TimedOut, _) => {
            let why = format!("no answer within {} s", CONNECT_TIMEOUT.as_secs());
            Trouble { kind: TroubleKind::Silent, why }
        }
        (kind, In::Handshake | In::Connecting) if reason::is_end(kind) => {
            let step = if stage == In::Handshake { reason::Broken::InHandshake } else { reason::Broken::AfterIt };
            Trouble { kind: TroubleKind::Silent, why: reason::unanswered(options, step).to_owned() }
        }
        (ErrorKind::InvalidData, _) => {
            Trouble { kind: TroubleKind::Other, why: "what answers there does not speak MQTT".to_owned() }
        }
        _ => Trouble { kind: TroubleKind::Silent, why: error.to_string() },
    }
}

/// A socket that gives up in time, however slowly something trickles in.
struct Timed {
    stream: TcpStream,
    until: Instant,
}

impl Timed {
    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(Some(left)) }
    }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(buffer)
    }
}

impl Write for Timed {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
