//! The few packets of MQTT that a diagnosis needs (3.1.1 and 5, OASIS), written and read by hand.

use std::io::{self, ErrorKind};

/// Kinds of packets, with the flags that the standard wants.
pub(super) const CONNECT: u8 = 0x10;
pub(super) const CONNACK: u8 = 0x20;
pub(super) const PUBLISH: u8 = 0x30;
pub(super) const PUBACK: u8 = 0x40;
pub(super) const SUBSCRIBE: u8 = 0x82;
pub(super) const SUBACK: u8 = 0x90;
pub(super) const DISCONNECT: u8 = 0xE0;

/// Largest packet that is read, in bytes.
const LARGEST: usize = 256 * 1024;

/// Version of MQTT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// 3.1.1, which the agent speaks: the broker does not tell that a publish was forbidden.
    V311,
    /// 5: it tells.
    V5,
}

/// What packets go over. `Read` and `Write` have so many methods that a table of them for each kind of connection is 5 kB.
pub(super) trait Wire {
    /// Reads at least one byte; 0 at the end.
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize>;
    /// Writes them all.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
}

/// Reads exactly so many bytes.
fn fill(from: &mut dyn Wire, mut bytes: &mut [u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let length = from.read(bytes)?;
        if length == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        bytes = bytes.get_mut(length..).unwrap_or_default();
    }
    Ok(())
}

/// The variable part of a packet that is being written. Texts are at most 65535 bytes long.
pub(super) struct Body {
    version: Version,
    bytes: Vec<u8>,
}

impl Body {
    pub(super) fn new(version: Version) -> Self {
        Self { version, bytes: Vec::new() }
    }

    pub(super) fn byte(mut self, byte: u8) -> Self {
        self.bytes.push(byte);
        self
    }

    pub(super) fn number(mut self, number: u16) -> Self {
        self.bytes.extend(number.to_be_bytes());
        self
    }

    pub(super) fn text(self, text: &[u8]) -> Self {
        let mut body = self.number(u16::try_from(text.len()).unwrap_or(u16::MAX));
        body.bytes.extend(text);
        body
    }

    /// No properties, where the version has any.
    pub(super) fn properties(self) -> Self {
        match self.version {
            Version::V311 => self,
            Version::V5 => self.byte(0),
        }
    }

    /// Writes the whole packet.
    pub(super) fn send(self, kind: u8, to: &mut dyn Wire) -> io::Result<()> {
        let mut packet = vec![kind];
        let mut rest = self.bytes.len();
        loop {
            let low = rest.to_le_bytes()[0] & 0x7F;
            rest >>= 7;
            packet.push(if rest > 0 { low | 0x80 } else { low });
            if rest == 0 {
                break;
            }
        }
        packet.extend(self.bytes);
        to.write(&packet)
    }
}

/// Reads packets until one of this kind comes; its variable part.
pub(super) fn expect(kind: u8, from: &mut dyn Wire) -> io::Result<Vec<u8>> {
    loop {
        let mut first = [0];
        fill(from, &mut first)?;
        let (mut length, mut shift) = (0, 0);
        loop {
            let mut byte = [0];
            fill(from, &mut byte)?;
            length |= usize::from(byte[0] & 0x7F) << shift;
            shift += 7;
            if byte[0] & 0x80 == 0 {
                break;
            }
            if shift > 21 {
                return Err(ErrorKind::InvalidData.into());
            }
        }
        if length > LARGEST {
            return Err(ErrorKind::InvalidData.into());
        }
        let mut body = vec![0; length];
        fill(from, &mut body)?;
        match first[0] & 0xF0 {
            found if found == kind => return Ok(body),
            // Kept or live messages, of which nothing is wanted here.
            PUBLISH => {}
            // MQTT 5 has the broker say good-bye, as it ends the connection.
            DISCONNECT => return Err(ErrorKind::UnexpectedEof.into()),
            _ => return Err(ErrorKind::InvalidData.into()),
        }
    }
}

/// The last reason code of an acknowledgement.
///
/// # Errors
/// It has none where it must have one.
pub(super) fn reason(kind: u8, body: &[u8]) -> io::Result<u8> {
    let code = match kind {
        // Flags, then the code.
        CONNACK => body.get(1),
        // Identifier, then the code, which is left out with MQTT 3.1.1 and where all is well.
        PUBACK => Some(body.get(2).unwrap_or(&0)),
        // Identifier, perhaps properties, then the code of the one subscription.
        _ => body.get(2..).and_then(<[u8]>::last),
    };
    code.copied().ok_or_else(|| ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    impl Wire for &[u8] {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            Read::read(self, bytes)
        }

        fn write(&mut self, _: &[u8]) -> io::Result<()> {
            Err(ErrorKind::Unsupported.into())
        }
    }

    impl Wire for Vec<u8> {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Ok(0)
        }

        fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
            self.write_all(bytes)
        }
    }

    #[test]
    fn a_packet_is_written_as_the_standard_has_it() {
        let mut written = Vec::new();
        Body::new(Version::V311).number(7).properties().text(b"a/b").byte(1).send(SUBSCRIBE, &mut written).unwrap();
        assert_eq!(written, [0x82, 8, 0, 7, 0, 3, b'a', b'/', b'b', 1]);
        written.clear();
        Body::new(Version::V5).number(7).properties().text(&[b'x'; 200]).send(PUBLISH, &mut written).unwrap();
        assert_eq!(written[..7], [0x30, 0xCD, 1, 0, 7, 0, 0]);
        assert_eq!(written.len(), 3 + 205);
    }

    #[test]
    fn the_packet_that_is_waited_for_is_found_behind_messages() {
        let mut wire: &[u8] = &[0x30, 3, 0, 1, b't', 0x90, 4, 0, 1, 0, 0x87, 0xFF];
        let body = expect(SUBACK, &mut wire).unwrap();
        assert_eq!(reason(SUBACK, &body).unwrap(), 0x87);
        assert_eq!(wire, [0xFF]);
        for (mut wrong, kind) in [
            (&[][..], ErrorKind::UnexpectedEof),
            (&[0x90], ErrorKind::UnexpectedEof),
            (&[0x90, 2, 0], ErrorKind::UnexpectedEof),
            (&[0xE0, 0], ErrorKind::UnexpectedEof),
            (&[0xC0, 0], ErrorKind::InvalidData),
            (&[0x90, 0xFF, 0xFF, 0xFF, 0x7F], ErrorKind::InvalidData),
            (&[0x90, 0x80, 0x80, 0x80, 0x80, 1], ErrorKind::InvalidData),
        ] {
            assert_eq!(expect(SUBACK, &mut wrong).unwrap_err().kind(), kind, "{wrong:?}");
        }
    }

    #[test]
    fn reasons_are_where_each_answer_has_them() {
        for (kind, body, code) in
            [(CONNACK, &[0, 5][..], 5), (PUBACK, &[0, 1], 0), (PUBACK, &[0, 1, 0x87, 0], 0x87), (SUBACK, &[0, 1, 2], 2)]
        {
            assert_eq!(reason(kind, body).unwrap(), code, "{kind} {body:?}");
        }
        for (kind, body) in [(CONNACK, &[][..]), (CONNACK, &[0]), (SUBACK, &[]), (SUBACK, &[0, 1])] {
            assert_eq!(reason(kind, body).unwrap_err().kind(), ErrorKind::InvalidData, "{kind} {body:?}");
        }
    }
}
