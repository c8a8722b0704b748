//! What can be read of a segment, whatever has happened to it. Pure.

use super::format::{BadHeader, Change, HEADER, Header, RECORD_MAGIC, decode};

/// All that a segment still tells.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// `None` if the header is damaged.
    pub(super) header: Option<Header>,
    /// Set if another version wrote it; then nothing else is known.
    pub(super) version: Option<u32>,
    pub(super) found: Vec<Found>,
    pub(super) bad: Bad,
}

/// An intact change and where it is.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) change: Change,
    pub(super) at: usize,
    pub(super) length: usize,
}

/// What could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Bad {
    /// Bytes passed over.
    pub(super) bytes: u64,
    /// Places where that happened: at least one record was in each of them.
    pub(super) records: u64,
    /// Intact records of a kind that is not known.
    pub(super) unknown: u64,
}

impl Bad {
    pub(super) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// Reads the bytes of segment `number`. After bytes that are no record it goes on with the next magic number.
pub(super) fn scan(bytes: &[u8], number: u64) -> Scan {
    let mut scan = Scan::default();
    let mut at = match Header::decode(bytes) {
        Ok(header) if header.number == number => {
            scan.header = Some(header);
            HEADER
        }
        Err(BadHeader::Version(version)) => return Scan { version: Some(version), ..scan },
        // Renamed, or the header is damaged. The checksums of the records know which segment they belong to.
        Ok(_) | Err(BadHeader::Damaged) => 0,
    };
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        if let Some(read) = decode(rest, number) {
            match read.change {
                Some(change) => scan.found.push(Found { change, at, length: read.length }),
                None => scan.bad.unknown += 1,
            }
            at += read.length;
            continue;
        }
        let skipped = next_intact(rest, number);
        scan.bad.bytes += skipped as u64;
        scan.bad.records += 1;
        at += skipped;
    }
    scan
}

/// Bytes up to the next intact record, at least one; all of them if there is none.
fn next_intact(rest: &[u8], number: u64) -> usize {
    let (first, length) = (RECORD_MAGIC[0], rest.len());
    let mut places = rest.iter().enumerate().skip(1).filter(|(_, byte)| **byte == first).map(|(place, _)| place);
    places.find(|place| rest.get(*place..).is_some_and(|rest| decode(rest, number).is_some())).unwrap_or(length)
}
