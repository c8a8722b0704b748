//! A segment of the agent's journal, after whatever happened to its disk: what is read is written again as it was, and
//! reads as the same again; what it holds makes no agent panic.

use device_agent::store::{Batch, Change, Files, Journal, Key, Kind, MemoryFiles, Others, Recovered, Safety, restore};

const MAX_BYTES: u64 = 64 << 20;
const SEGMENT: &str = "0000000000000001.journal";

/// A segment.
pub fn journal(bytes: &[u8]) {
    let files = MemoryFiles::new();
    files.plant(SEGMENT, bytes);
    let open = || Journal::open(files.clone(), MAX_BYTES, Safety::PowerCut).expect("a directory in memory");
    let (mut journal, found) = open();
    let restored = restore(&Recovered::default(), &found);
    assert!(restored.reports.len() <= found.kept.len());
    assert!(restored.reports.iter().all(|report| report.kept.report.validate().is_ok()));

    let new = Change { serial: u64::MAX, key: Key::new(Kind::Value, u64::MAX, u64::MAX), value: Some(b"new".to_vec()) };
    let whole = journal.write(&Batch { changes: vec![new.clone()], others: Others::Stay });
    whole.expect("it fits");
    let (_, again) = open();
    let mut expected: Vec<_> = found.kept.into_iter().filter(|change| change.key != new.key).collect();
    expected.push(new);
    assert_eq!(again.kept, expected);
    let left = files.clone().list().expect("a directory in memory").len();
    let foreign = again.damage.len();
    assert_eq!(left, 1 + foreign, "what could not be read is gone, but for files of another version");
}
