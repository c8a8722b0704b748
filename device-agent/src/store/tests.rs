use std::collections::BTreeMap;

use proptest::prelude::*;

use super::format::{Header, encode};
use super::recovery::segment_name;
use super::*;

const ROOM: u64 = 16 * 1024 * 1024;

fn key(number: u64) -> Key {
    Key::new(Kind::Report, 7, number)
}

fn put(serial: u64, number: u64, bytes: usize) -> Change {
    // The content tells which change it is of.
    let value: Vec<u8> = serial.to_le_bytes().into_iter().cycle().take(bytes.max(8)).collect();
    Change { serial, key: key(number), value: Some(value) }
}

fn remove(serial: u64, number: u64) -> Change {
    Change { serial, key: key(number), value: None }
}

fn batch(changes: Vec<Change>) -> Batch {
    Batch { changes, others: Others::Stay }
}

fn open(files: &MemoryFiles, safety: Safety) -> (Journal<MemoryFiles>, Recovered) {
    Journal::open(files.clone(), ROOM, safety).unwrap()
}

fn kept(files: &MemoryFiles) -> Vec<u64> {
    open(files, Safety::Process).1.kept.iter().map(|change| change.key.number).collect()
}

#[test]
fn what_was_written_is_there_again_oldest_first() {
    let files = MemoryFiles::new();
    let (mut journal, recovered) = open(&files, Safety::PowerCut);
    assert_eq!(recovered, Recovered::default());
    journal.write(&batch(vec![put(1, 1, 100), put(2, 2, 100), put(3, 3, 100)])).unwrap();
    journal.write(&batch(vec![remove(4, 2), put(5, 1, 200)])).unwrap();
    drop(journal);
    let (_, recovered) = open(&files, Safety::PowerCut);
    assert_eq!(recovered.kept, [put(3, 3, 100), put(5, 1, 200)]);
    assert_eq!((recovered.last_serial, recovered.damage), (5, Vec::new()));
}

#[test]
fn a_batch_that_holds_everything_replaces_everything() {
    let files = MemoryFiles::new();
    let (mut journal, _) = open(&files, Safety::PowerCut);
    journal.write(&batch(vec![put(1, 1, 100), put(2, 2, 100)])).unwrap();
    journal.write(&Batch { changes: vec![put(3, 3, 100)], others: Others::Go }).unwrap();
    assert_eq!(kept(&files), [3]);
}

#[test]
fn space_is_bounded_and_writes_are_amplified_less_than_twice() {
    let files = MemoryFiles::new();
    let max = 4 * 1024 * 1024;
    let (mut journal, _) = Journal::open(files.clone(), max, Safety::PowerCut).unwrap();
    let (mut asked, mut written, mut serial) = (0, 0, 0);
    // A ring of 500 reports.
    for round in 0..20_000 {
        let changes = vec![put(serial + 1, round, 1_000), remove(serial + 2, round.wrapping_sub(500))];
        serial += 2;
        asked += changes.iter().map(|change| format::size(change) as u64).sum::<u64>();
        written += journal.write(&batch(changes)).unwrap().bytes;
        assert!(files.bytes() <= max, "{} bytes", files.bytes());
    }
    assert!(written < 2 * asked, "{written} of {asked}");
    assert_eq!(kept(&files), (19_500..20_000).collect::<Vec<_>>());
}

#[test]
fn when_all_is_delivered_one_small_write_says_so() {
    let files = MemoryFiles::new();
    let (mut journal, _) = open(&files, Safety::PowerCut);
    journal.write(&batch((1..=500).map(|number| put(number, number, 1_000)).collect())).unwrap();
    let cost = journal.write(&batch((1..=500).map(|number| remove(number + 500, number)).collect())).unwrap();
    assert_eq!((cost, files.bytes()), (Cost { bytes: HEADER as u64, syncs: 2 }, HEADER as u64));
}

#[test]
fn what_does_not_fit_is_refused_with_the_figures() {
    let files = MemoryFiles::new();
    let (mut journal, _) = Journal::open(files.clone(), 100_000, Safety::PowerCut).unwrap();
    let much = (1..=60).map(|number| put(number, number, 1_000)).collect();
    let error = journal.write(&batch(much)).unwrap_err();
    let needed = HEADER as u64 + 60 * (RECORD as u64 + 1_000);
    assert!(matches!(error, WriteError::Full { needed: told, allowed: 50_000 } if told == needed), "{error}");
    assert_eq!(files.bytes(), 0);
    journal.write(&batch(vec![put(61, 61, 1_000)])).unwrap();
    assert_eq!(kept(&files), [61]);
}

#[test]
fn after_a_failure_the_journal_is_told_all_anew() {
    for trouble in [Trouble::FullAfter(1_500), Trouble::ReadOnly, Trouble::SyncFails] {
        let files = MemoryFiles::new();
        let (mut journal, _) = open(&files, Safety::PowerCut);
        journal.write(&batch(vec![put(1, 1, 1_000)])).unwrap();
        files.set_trouble(trouble);
        let more = batch(vec![put(2, 2, 1_000), put(3, 3, 1_000)]);
        journal.write(&more).unwrap_err();
        let all = Batch { changes: vec![put(1, 1, 1_000), put(3, 3, 1_000)], others: Others::Go };
        journal.write(&all).unwrap_err();
        files.set_trouble(Trouble::None);
        journal.write(&all).unwrap();
        assert_eq!(files.clone().list().unwrap().len(), 1, "nothing is left behind");
        files.crash(Crash::PowerCut { seed: 1 });
        assert_eq!(kept(&files), [1, 3], "{trouble:?}");
    }
}

#[test]
fn files_of_others_are_told_and_left_alone() {
    let files = MemoryFiles::new();
    let (mut journal, _) = open(&files, Safety::PowerCut);
    journal.write(&batch(vec![put(1, 1, 100)])).unwrap();
    let mut of_later = Header { number: 9, base: 9 }.encode().to_vec();
    of_later[8] = 2;
    let crc = crc::Crc::new().with(&of_later[..28]).value();
    of_later[28..].copy_from_slice(&crc.to_le_bytes());
    files.plant(&segment_name(9), &of_later);
    files.plant(&segment_name(8), b"");
    files.plant("notes.txt", b"mine");
    files.plant("draft", &[1; 100]);
    let (mut journal, recovered) = open(&files, Safety::PowerCut);
    assert_eq!(recovered.kept, [put(1, 1, 100)]);
    let told: Vec<_> = recovered.damage.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "0000000000000008.journal: 0 bytes are damaged, at least 0 records are lost; the others were read",
            "0000000000000009.journal: of version 2, which this program does not know; left alone",
            "notes.txt: not a file of the journal; left alone",
        ]
    );
    journal.write(&batch(vec![put(2, 2, 100)])).unwrap();
    let names: Vec<_> = files.clone().list().unwrap().into_iter().map(|file| file.name).collect();
    assert_eq!(names, [segment_name(9), segment_name(10), "notes.txt".to_owned()]);
    assert_eq!(kept(&files), [1, 2]);
}

#[test]
fn a_segment_under_another_name_tells_nothing() {
    let mut bytes = Header { number: 3, base: 3 }.encode().to_vec();
    encode(&put(1, 1, 100), 3, &mut bytes);
    let files = MemoryFiles::new();
    files.plant(&segment_name(4), &bytes);
    assert_eq!(kept(&files), [0; 0], "its checksums are those of segment 3");
    files.plant(&segment_name(3), &bytes);
    assert_eq!(kept(&files), [1]);
}

#[test]
fn two_processes_never_share_a_directory() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("a/spool");
    let first = Directory::open(&path).unwrap();
    assert!(Directory::open(&path).unwrap_err().to_string().contains("another process"));
    drop(first);
    Directory::open(&path).unwrap();
}

#[test]
fn a_real_directory_keeps_what_is_written() {
    let home = tempfile::tempdir().unwrap();
    let open = || Journal::open(Directory::open(home.path()).unwrap(), 1 << 20, Safety::PowerCut).unwrap();
    let (mut journal, _) = open();
    for serial in 1..=2_000 {
        journal.write(&Batch { changes: vec![put(serial, serial % 7, 1_000)], others: Others::Stay }).unwrap();
    }
    drop(journal);
    let (_, recovered) = open();
    assert_eq!(recovered.kept, (1_994..=2_000).map(|serial| put(serial, serial % 7, 1_000)).collect::<Vec<_>>());
    assert_eq!(recovered.damage, []);
    let files = std::fs::read_dir(home.path()).unwrap().count();
    assert_eq!(files, 2, "one segment and the lock");
}

/// What a key may be after a crash: the state when it was last safe, and all later ones.
#[derive(Debug, Clone, Default)]
struct Possible(BTreeMap<u64, Vec<Option<Change>>>);

impl Possible {
    fn attempt(&mut self, changes: &[Change]) {
        for change in changes {
            let states = self.0.entry(change.key.number).or_insert_with(|| vec![None]);
            states.push(change.value.is_some().then(|| change.clone()));
        }
    }

    fn safe(&mut self) {
        self.0.values_mut().for_each(|states| drop(states.drain(..states.len() - 1)));
    }

    fn check(&self, recovered: &Recovered) -> Result<(), TestCaseError> {
        for change in &recovered.kept {
            let states = self.0.get(&change.key.number).map_or(&[][..], Vec::as_slice);
            prop_assert!(states.contains(&Some(change.clone())), "invented or out of date: {:?}", change.serial);
        }
        for (number, states) in &self.0 {
            let found = recovered.kept.iter().any(|change| change.key.number == *number);
            prop_assert!(found || states.contains(&None), "lost: {number}");
        }
        Ok(())
    }
}

fn changes() -> impl Strategy<Value = Vec<(u64, Option<usize>)>> {
    prop::collection::vec((0u64..12, prop::option::weighted(0.7, 0usize..3_000)), 1..6)
}

proptest! {
    /// Random changes, a crash after any number of bytes, and again: all that was safe is there, nothing is invented.
    #[test]
    fn a_crash_at_any_byte_loses_nothing_that_was_safe(
        rounds in prop::collection::vec((prop::collection::vec(changes(), 1..12), 0u64..40_000, any::<u64>()), 1..5),
        safety in prop::sample::select(vec![Safety::PowerCut, Safety::Process]),
    ) {
        let files = MemoryFiles::new();
        let mut possible = Possible::default();
        let mut serial = 0;
        for (batches, bytes, seed) in rounds {
            // Small, so that new segments are often due.
            let (mut journal, recovered) = Journal::open(files.clone(), 120_000, safety).unwrap();
            possible.check(&recovered)?;
            prop_assert!(recovered.last_serial <= serial);
            files.set_trouble(Trouble::CrashAfter(bytes));
            for changes in batches {
                let changes: Vec<_> = changes.into_iter().map(|(number, bytes)| {
                    serial += 1;
                    bytes.map_or_else(|| remove(serial, number), |bytes| put(serial, number, bytes))
                }).collect();
                possible.attempt(&changes);
                if journal.write(&batch(changes)).is_err() {
                    break;
                }
                possible.safe();
            }
            files.crash(if safety == Safety::PowerCut { Crash::PowerCut { seed } } else { Crash::Process });
            // From here on this is what there is.
            let (_, recovered) = Journal::open(files.clone(), 120_000, safety).unwrap();
            possible.check(&recovered)?;
            let found = |number| recovered.kept.iter().find(|change| change.key.number == number).cloned();
            possible = Possible(possible.0.keys().map(|number| (*number, vec![found(*number)])).collect());
        }
    }

    /// Whatever is done to the bytes of a segment: no panic, no invention, and what was not touched is there.
    #[test]
    fn flipped_bits_and_cuts_cost_only_what_they_hit(
        sizes in prop::collection::vec(8usize..600, 1..30),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0u8..8), 0..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let files = MemoryFiles::new();
        let (mut journal, _) = open(&files, Safety::PowerCut);
        let all: Vec<_> = sizes.iter().zip(1..).map(|(bytes, number)| put(number, number, *bytes)).collect();
        journal.write(&batch(all.clone())).unwrap();
        let mut touched = Vec::new();
        files.tamper(&segment_name(1), |bytes| {
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            for (place, bit) in flips {
                if !bytes.is_empty() {
                    let place = place.index(bytes.len());
                    bytes[place] ^= 1 << bit;
                    touched.push(place);
                }
            }
            touched.push(bytes.len());
        });
        let (mut journal, recovered) = open(&files, Safety::PowerCut);
        let (mut at, mut expected) = (HEADER, Vec::new());
        let end = *touched.last().unwrap();
        // A cut between two records looks like a journal that never had more.
        let mut between = end == HEADER;
        for change in &all {
            let next = at + format::size(change);
            if next <= end && !touched[..touched.len() - 1].iter().any(|place| (at..next).contains(place)) {
                expected.push(change.clone());
            }
            at = next;
            between |= at == end;
        }
        for change in &recovered.kept {
            prop_assert!(all.contains(change));
        }
        for change in &expected {
            prop_assert!(recovered.kept.contains(change), "untouched, and not there: {}", change.serial);
        }
        prop_assert!(recovered.kept.len() == all.len() || between || !recovered.damage.is_empty());
        // And it goes on.
        journal.write(&batch(vec![put(100, 100, 50)])).unwrap();
        let (_, healed) = open(&files, Safety::PowerCut);
        prop_assert_eq!(healed.kept.len(), recovered.kept.len() + 1);
        prop_assert_eq!(healed.damage, []);
    }

    /// Any bytes at all, under any name.
    #[test]
    fn rubbish_is_no_news(bytes in prop::collection::vec(any::<u8>(), 0..3_000), number in 0u64..3) {
        let files = MemoryFiles::new();
        files.plant(&segment_name(number), &bytes);
        prop_assert_eq!(open(&files, Safety::Process).1.kept, []);
    }
}
