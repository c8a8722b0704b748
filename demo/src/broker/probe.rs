//! Whether a broker answers: an open port alone may belong to anybody.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// CONNECT of MQTT 3.1.1 with a clean session, a keep-alive of 10 s and no client identifier (section 3.1 of the standard).
const CONNECT: [u8; 14] = [0x10, 12, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 10, 0, 0];
const CONNACK: u8 = 0x20;

/// Whether an MQTT broker answers at this address; also if it refuses the nameless client.
#[must_use]
pub fn answers(broker: SocketAddr) -> bool {
    let limit = Duration::from_secs(1);
    let Ok(mut stream) = TcpStream::connect_timeout(&broker, limit) else { return false };
    let mut answer = [0u8; 4];
    stream.set_read_timeout(Some(limit)).is_ok()
        && stream.write_all(&CONNECT).is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && answer.first() == Some(&CONNACK)
}
