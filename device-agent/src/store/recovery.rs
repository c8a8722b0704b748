//! What a directory of segments still tells after whatever happened to it.

use std::collections::BTreeMap;
use std::fmt;
use std::io;

use shared_host::order::{SortKey, sort_by_key};
use shared_host::tree;

use super::files::Files;
use super::format::{Change, Header, in_order};
use super::journal::{DRAFT, Slot};
use super::key::Key;
use super::scan::{Bad, scan};

const SUFFIX: &str = ".journal";
/// Larger than any configuration lets a segment be.
const LARGEST: u64 = 1 << 30;

/// What a journal held.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovered {
    /// What is kept, the latest change of each key, oldest first. Only changes with a value.
    pub kept: Vec<Change>,
    /// The highest serial number of all intact changes; 0 if there was none.
    pub last_serial: u64,
    /// What could not be read.
    pub damage: Vec<Damage>,
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub file: String,
    /// What is wrong.
    pub what: Wrong,
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// Parts of it cannot be read; everything intact was taken.
    Unreadable {
        /// Bytes passed over.
        bytes: u64,
        /// Records that were there, at least.
        records: u64,
    },
    /// Another version of the program wrote it; it is left alone.
    Version(u32),
    /// Intact records of a kind that this program does not know.
    UnknownRecords(u64),
    /// It is not one of the journal's; it is left alone.
    Foreign,
    /// It is larger than a segment can be; it is left alone.
    TooLarge(u64),
    /// The system cannot read it.
    Refused(String),
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file)?;
        match &self.what {
            Wrong::Unreadable { bytes, records } => {
                write!(f, "{bytes} bytes are damaged, at least {records} records are lost; the others were read")
            }
            Wrong::Version(version) => write!(f, "of version {version}, which this program does not know; left alone"),
            Wrong::UnknownRecords(records) => write!(f, "{records} records of an unknown kind were passed over"),
            Wrong::Foreign => f.write_str("not a file of the journal; left alone"),
            Wrong::TooLarge(bytes) => write!(f, "{bytes} bytes, more than a segment can have; left alone"),
            Wrong::Refused(why) => write!(f, "cannot be read: {why}"),
        }
    }
}

/// A segment that may be in use.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) name: String,
    pub(super) number: u64,
    pub(super) bytes: u64,
    pub(super) is_whole: bool,
}

/// Everything that was read.
#[derive(Debug, Default)]
pub(super) struct Readings {
    pub(super) recovered: Recovered,
    pub(super) slots: BTreeMap<Key, Slot>,
    pub(super) segments: Vec<Segment>,
    pub(super) last_number: u64,
    /// Whether the draft of a segment was left behind.
    pub(super) drafts: bool,
}

pub(super) fn segment_name(number: u64) -> String {
    format!("{number:016x}{SUFFIX}")
}

fn segment_number(name: &str) -> Option<u64> {
    let number = u64::from_str_radix(name.strip_suffix(SUFFIX)?, 16).ok()?;
    (segment_name(number) == name).then_some(number)
}

/// Sorts names as far as segments differ: by their first 24 bytes.
fn by_name(name: &str) -> SortKey {
    let mut bytes = name.bytes();
    [(); 3].map(|()| (0..8).fold(0, |number, _| number << 8 | u64::from(bytes.next().unwrap_or(0))))
}

/// The latest change of each key seen so far, and where it is.
type Latest = BTreeMap<Key, (Change, Slot)>;

pub(super) fn read_segments(files: &mut impl Files) -> io::Result<Readings> {
    let mut readings = Readings::default();
    let mut entries = files.list()?;
    sort_by_key(&mut entries, |entry| by_name(&entry.name));
    let mut latest: BTreeMap<u64, (Option<Header>, Latest)> = BTreeMap::new();
    let mut damaged: Vec<(u64, Damage)> = Vec::new();
    for entry in entries {
        let number = segment_number(&entry.name);
        let mut tell = |what| damaged.push((number.unwrap_or(u64::MAX), Damage { file: entry.name.clone(), what }));
        let Some(number) = number else {
            if entry.name == DRAFT {
                readings.drafts = true;
            } else {
                tell(Wrong::Foreign);
            }
            continue;
        };
        // A number that is taken, by whatever, is not used again.
        readings.last_number = readings.last_number.max(number);
        if entry.bytes > LARGEST {
            tell(Wrong::TooLarge(entry.bytes));
            continue;
        }
        let bytes = match files.read(&entry.name) {
            Ok(bytes) => bytes,
            Err(error) => {
                tell(Wrong::Refused(error.to_string()));
                continue;
            }
        };
        let scan = scan(&bytes, number);
        if let Some(version) = scan.version {
            tell(Wrong::Version(version));
            continue;
        }
        let Bad { bytes: bad, records, unknown } = scan.bad;
        if bad > 0 || bytes.is_empty() {
            tell(Wrong::Unreadable { bytes: bad, records });
        }
        if unknown > 0 {
            tell(Wrong::UnknownRecords(unknown));
        }
        let is_whole = scan.header.is_some() && scan.bad.is_nothing();
        readings.segments.push(Segment { name: entry.name, number, bytes: bytes.len() as u64, is_whole });
        let mut of_segment = Latest::new();
        for found in scan.found {
            let slot = Slot { segment: number, at: found.at as u64, length: found.length };
            take(&mut of_segment, found.change, slot);
        }
        latest.insert(number, (scan.header, of_segment));
    }
    let base = latest.values().filter_map(|(header, _)| header.map(|header| header.base)).max().unwrap_or(0);
    // Those below are void: nothing in them is missed.
    readings.recovered.damage = damaged.into_iter().filter(|(number, _)| *number >= base).map(|(_, it)| it).collect();
    combine(&mut readings, latest, base);
    Ok(readings)
}

fn combine(readings: &mut Readings, segments: BTreeMap<u64, (Option<Header>, Latest)>, base: u64) {
    let mut all = Latest::new();
    for (number, (_, latest)) in segments {
        let last = latest.values().map(|(change, _)| change.serial).max().unwrap_or(0);
        readings.recovered.last_serial = readings.recovered.last_serial.max(last);
        if number >= base {
            latest.into_values().for_each(|(change, slot)| take(&mut all, change, slot));
        }
    }
    all.retain(|_, (change, _)| change.value.is_some());
    readings.slots = tree::map(all.iter().map(|(key, (_, slot))| (*key, *slot)));
    readings.recovered.kept = all.into_values().map(|(change, _)| change).collect();
    in_order(&mut readings.recovered.kept);
}

fn take(latest: &mut Latest, change: Change, slot: Slot) {
    let is_newer = latest.get(&change.key).is_none_or(|(known, _)| known.serial <= change.serial);
    if is_newer {
        latest.insert(change.key, (change, slot));
    }
}
