//! A call to a mapper, as grpc-go 1.67 in EdgeCore makes it: a fresh connection, and the socket's address as `:authority`, with
//! every `/` escaped. Rust's HTTP/2 clients cannot be made to send that, so the frames are put together here (RFC 9113, 7541).

use std::io::{self, Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::time::Duration;

/// EdgeCore's limit for a call.
const LIMIT: Duration = Duration::from_secs(10);

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const ACK_OR_END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// What came of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// There is no mapper, or nobody listens at its address.
    Nobody,
    /// The mapper answered with a message.
    Taken,
    /// The mapper answered without one: an error.
    Refused,
    /// The mapper's HTTP/2 did not even look at it; 1 is PROTOCOL_ERROR.
    Reset(u32),
}

/// Calls a method of the mapper's service at an address.
pub fn call(address: &str, method: &str, request: &impl prost::Message) -> Answer {
    attempt(address, method, &request.encode_to_vec()).unwrap_or(Answer::Nobody)
}

/// As grpc-go escapes the address: in a host a slash is not allowed, `@` and `:` are.
fn authority(address: &str) -> String {
    address.replace('%', "%25").replace('/', "%2F")
}

fn connect(address: &str) -> io::Result<UnixStream> {
    match address.strip_prefix('@') {
        Some(name) => UnixStream::connect_addr(&SocketAddr::from_abstract_name(name)?),
        None => UnixStream::connect(address),
    }
}

fn attempt(address: &str, method: &str, message: &[u8]) -> io::Result<Answer> {
    let mut stream = connect(address)?;
    stream.set_read_timeout(Some(LIMIT))?;
    let mut headers = Vec::new();
    for (name, value) in [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", &format!("/v1beta1.DeviceMapperService/{method}")),
        (":authority", &authority(address)),
        ("content-type", "application/grpc"),
        ("user-agent", "grpc-go/1.67.1"),
        ("te", "trailers"),
        ("grpc-timeout", "9999m"),
    ] {
        // Literal, not indexed, not compressed.
        headers.push(0);
        for text in [name, value] {
            headers.push(length(text.len())?);
            headers.extend_from_slice(text.as_bytes());
        }
    }
    let size = u32::try_from(message.len()).map_err(io::Error::other)?;
    let body = [&[0][..], &size.to_be_bytes(), message].concat();
    let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    sent.extend(frame(SETTINGS, 0, 0, &[])?);
    sent.extend(frame(HEADERS, END_HEADERS, 1, &headers)?);
    sent.extend(frame(DATA, ACK_OR_END_STREAM, 1, &body)?);
    stream.write_all(&sent)?;
    answer(&mut stream)
}

/// Reads until the stream ends.
fn answer(stream: &mut UnixStream) -> io::Result<Answer> {
    let mut answer = Answer::Refused;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head)?;
        let [a, b, c, kind, flags, ..] = head;
        let mut payload = vec![0; usize::try_from(u32::from_be_bytes([0, a, b, c])).map_err(io::Error::other)?];
        stream.read_exact(&mut payload)?;
        let last_four = || payload.last_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
        match kind {
            SETTINGS if flags & ACK_OR_END_STREAM == 0 => {
                stream.write_all(&frame(SETTINGS, ACK_OR_END_STREAM, 0, &[])?)?;
            }
            RST_STREAM => return Ok(Answer::Reset(last_four())),
            GOAWAY => return Err(io::ErrorKind::ConnectionAborted.into()),
            DATA => answer = Answer::Taken,
            HEADERS if flags & ACK_OR_END_STREAM != 0 => return Ok(answer),
            _ => {}
        }
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<Vec<u8>> {
    let [_, a, b, c] = u32::try_from(payload.len()).map_err(io::Error::other)?.to_be_bytes();
    let mut frame = vec![a, b, c, kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend_from_slice(payload);
    Ok(frame)
}

/// A length that fits HPACK's first seven bits.
fn length(length: usize) -> io::Result<u8> {
    u8::try_from(length).ok().filter(|length| *length < 127).ok_or_else(|| io::ErrorKind::InvalidInput.into())
}
