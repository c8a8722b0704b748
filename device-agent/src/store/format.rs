//! The bytes of a segment: a header, then records. Pure. All numbers are little-endian.
//!
//! Header: magic (8), version (4), number (8), base (8), CRC (4).
//! Record: magic (4), kind (1), action (1), length (2), serial (8), owner (8), number (8), CRC (4), payload.

use shared_host::order::sort_by_key;

use super::crc::Crc;
use super::key::{Key, Kind};

/// Version of the format.
pub const VERSION: u32 = 1;
/// Bytes of a header.
pub const HEADER: usize = 32;
/// Bytes of a record before its payload.
pub const RECORD: usize = 36;
/// Longest payload: what two bytes can tell.
pub const MAX_PAYLOAD: usize = u16::MAX as usize;

const FILE_MAGIC: [u8; 8] = *b"EDGEJRNL";
/// No byte of it is ASCII, and 0xF5 is in no UTF-8: no text holds it.
pub(super) const RECORD_MAGIC: [u8; 4] = [0xF5, 0x9A, 0xC4, 0xE1];

/// What a record does to its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Put = 0,
    Remove = 1,
}

/// A change of what is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Serial number: of two changes of one key the higher one holds.
    pub serial: u64,
    /// What changes.
    pub key: Key,
    /// What it is from now on; `None` if it is gone. At most [`MAX_PAYLOAD`] bytes.
    pub value: Option<Vec<u8>>,
}

/// Puts changes in the order in which they were made.
pub(crate) fn in_order(changes: &mut [Change]) {
    sort_by_key(changes, |change| [change.serial, 0, 0]);
}

/// The beginning of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// Number of the segment.
    pub(super) number: u64,
    /// Segments with a number below this one are void: all that they held and that still matters is in here.
    pub(super) base: u64,
}

/// Why a header cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadHeader {
    Damaged,
    /// Intact, of another version.
    Version(u32),
}

/// A record that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Read {
    /// `None` if the kind is not known: a later program wrote it.
    pub(super) change: Option<Change>,
    /// Bytes of the whole record.
    pub(super) length: usize,
}

impl Header {
    pub(super) fn encode(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        let parts =
            [FILE_MAGIC.as_slice(), &VERSION.to_le_bytes(), &self.number.to_le_bytes(), &self.base.to_le_bytes()];
        let mut place = bytes.iter_mut();
        parts.into_iter().flatten().zip(&mut place).for_each(|(from, to)| *to = *from);
        let crc = Crc::new().with(bytes.get(..HEADER - 4).unwrap_or_default()).value();
        bytes.iter_mut().skip(HEADER - 4).zip(crc.to_le_bytes()).for_each(|(to, from)| *to = from);
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, BadHeader> {
        let mut rest = bytes.get(..HEADER).ok_or(BadHeader::Damaged)?;
        let covered = bytes.get(..HEADER - 4).ok_or(BadHeader::Damaged)?;
        let magic: [u8; 8] = take(&mut rest).ok_or(BadHeader::Damaged)?;
        let version = u32(&mut rest).ok_or(BadHeader::Damaged)?;
        let number = u64(&mut rest).ok_or(BadHeader::Damaged)?;
        let base = u64(&mut rest).ok_or(BadHeader::Damaged)?;
        let crc = u32(&mut rest).ok_or(BadHeader::Damaged)?;
        if magic != FILE_MAGIC || Crc::new().with(covered).value() != crc {
            return Err(BadHeader::Damaged);
        }
        if version != VERSION {
            return Err(BadHeader::Version(version));
        }
        Ok(Self { number, base })
    }
}

/// Bytes that a change takes in a segment.
pub(super) fn size(change: &Change) -> usize {
    RECORD + change.value.as_ref().map_or(0, Vec::len)
}

/// Appends a change to what goes into segment `segment`. The number is part of the checksum, so that bytes of another, older
/// file are never taken for a record of this one. Nothing is written if the payload is too long.
pub(super) fn encode(change: &Change, segment: u64, out: &mut Vec<u8>) {
    let (action, payload) = match &change.value {
        Some(value) => (Action::Put, value.as_slice()),
        None => (Action::Remove, [].as_slice()),
    };
    let Ok(length) = u16::try_from(payload.len()) else { return };
    let Key { kind, owner, number } = change.key;
    out.extend_from_slice(&RECORD_MAGIC);
    let start = out.len();
    out.extend_from_slice(&[kind.code(), action as u8]);
    out.extend_from_slice(&length.to_le_bytes());
    for field in [change.serial, owner, number] {
        out.extend_from_slice(&field.to_le_bytes());
    }
    let crc = checksum(segment, out.get(start..).unwrap_or_default(), payload);
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(payload);
}

/// Reads the record at the beginning of `bytes`, if there is an intact one of segment `segment`.
pub(super) fn decode(bytes: &[u8], segment: u64) -> Option<Read> {
    let covered = bytes.get(RECORD_MAGIC.len()..RECORD - 4)?;
    let mut rest = bytes;
    if take::<4>(&mut rest)? != RECORD_MAGIC {
        return None;
    }
    let [kind, action]: [u8; 2] = take(&mut rest)?;
    let length = usize::from(u16::from_le_bytes(take(&mut rest)?));
    let (serial, owner, number) = (u64(&mut rest)?, u64(&mut rest)?, u64(&mut rest)?);
    let crc = u32(&mut rest)?;
    let payload = rest.get(..length)?;
    if checksum(segment, covered, payload) != crc {
        return None;
    }
    let value = match action {
        0 => Some(Some(payload.to_vec())),
        1 => Some(None),
        _ => None,
    };
    let key = Kind::of_code(kind).map(|kind| Key { kind, owner, number });
    let change = key.zip(value).map(|(key, value)| Change { serial, key, value });
    Some(Read { change, length: RECORD + length })
}

fn checksum(segment: u64, head: &[u8], payload: &[u8]) -> u32 {
    Crc::new().with(&segment.to_le_bytes()).with(head).with(payload).value()
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, others) = rest.split_first_chunk::<N>()?;
    *rest = others;
    Some(*first)
}

fn u32(rest: &mut &[u8]) -> Option<u32> {
    take(rest).map(u32::from_le_bytes)
}

fn u64(rest: &mut &[u8]) -> Option<u64> {
    take(rest).map(u64::from_le_bytes)
}
