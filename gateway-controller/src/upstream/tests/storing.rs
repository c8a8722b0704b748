use std::fs;
use std::path::Path;

use shared_proto::ids::SiteId;
use shared_proto::wire::Site;

use super::super::ledger::Ledger;
use super::super::spool::{Change, History};
use super::super::store::{Found, Store, StoreError};
use super::window;

fn north() -> SiteId {
    "north".parse().unwrap()
}

fn open(directory: &Path) -> (Store, Found) {
    Store::open(directory, &north()).unwrap()
}

fn keep(store: &Store, seq: u64, history: History) {
    store.make(&Change::Keep(Box::new(window(1, seq)), history)).unwrap();
}

fn found(found: &Found) -> Vec<(u64, u64, History)> {
    found.windows.iter().map(|(window, history)| (window.boot.0, window.seq, *history)).collect()
}

#[test]
fn what_is_kept_is_found_again_with_what_happened_to_it() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("made/when/needed");
    let (store, nothing) = open(&place);
    assert_eq!(found(&nothing), []);
    store.make(&Change::Keep(Box::new(window(2, 1)), History::Unsent)).unwrap();
    keep(&store, 7, History::Unsent);
    keep(&store, 8, History::Unsent);
    keep(&store, 7, History::MayHaveBeenSent);
    store.make(&Change::Drop((window(1, 8).boot, 8))).unwrap();
    drop(store);
    let (_store, after) = open(&place);
    assert_eq!(found(&after), [(1, 7, History::MayHaveBeenSent), (2, 1, History::Unsent)]);
    assert_eq!(after.windows[0].0, window(1, 7));
}

#[test]
fn one_process_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = open(directory.path());
    let refused = Store::open(directory.path(), &north()).unwrap_err();
    assert!(matches!(refused, StoreError::InUse { .. }), "{refused}");
    drop(store);
    open(directory.path());
}

/// As whoever is killed between the steps of a merge leaves it.
#[test]
fn a_window_and_the_one_that_it_was_merged_into_are_not_both_sent() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = open(directory.path());
    keep(&store, 1, History::Unsent);
    let mut both = window(1, 1);
    both.absorb(&window(1, 2)).unwrap();
    store.make(&Change::Keep(Box::new(both.clone()), History::Unsent)).unwrap();
    drop(store);
    // And as one is left that was just marked.
    fs::write(directory.path().join(format!("{:016x}-{:020}.sent", 1, 2)), serde_json::to_vec(&both).unwrap()).unwrap();
    for _ in 0..2 {
        let (_store, after) = open(directory.path());
        assert_eq!(found(&after), [(1, 2, History::MayHaveBeenSent)]);
        assert_eq!(after.windows[0].0.merged, 2);
    }
}

/// A machine without a clock of its own starts each run at the same time.
#[test]
fn runs_stay_together_whatever_the_clock_said() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = open(directory.path());
    for (boot, seq, t_ms) in [(5, 1, 100), (5, 2, 200), (5, 3, 50), (3, 1, 110), (3, 2, 190)] {
        let one = Site { t_ms, ..window(boot, seq) };
        store.make(&Change::Keep(Box::new(one), History::Unsent)).unwrap();
    }
    drop(store);
    let (_store, after) = open(directory.path());
    let order: Vec<_> = found(&after).iter().map(|(boot, seq, _)| (*boot, *seq)).collect();
    assert_eq!(order, [(5, 1), (5, 2), (5, 3), (3, 1), (3, 2)]);
}

#[test]
fn what_is_no_window_of_this_site_stays_where_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = open(directory.path());
    keep(&store, 1, History::Unsent);
    drop(store);
    let text = serde_json::to_string(&window(1, 2)).unwrap();
    let half = &text.as_bytes()[..text.len() / 2];
    fs::write(directory.path().join("half.new"), half).unwrap();
    fs::write(directory.path().join("other.sent"), text.replace("north", "south")).unwrap();
    fs::write(directory.path().join("long.new"), vec![b' '; 100_000]).unwrap();
    fs::write(directory.path().join("notes.txt"), "mine").unwrap();
    let (_store, after) = open(directory.path());
    assert_eq!(found(&after), [(1, 1, History::Unsent)]);
    assert_eq!(after.unreadable.len(), 3);
    assert!(after.unreadable.iter().all(|path| path.exists()));
}

#[test]
fn a_directory_that_cannot_be_used_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let refused = Store::open(&file.join("below"), &north()).unwrap_err().to_string();
    assert!(refused.contains("file/below"), "{refused}");
}

#[test]
fn what_is_acknowledged_at_once_is_never_written() {
    let mut ledger = Ledger::default();
    let key = (window(1, 1).boot, 1);
    ledger.note(Change::Keep(Box::new(window(1, 1)), History::Unsent));
    ledger.note(Change::Keep(Box::new(window(1, 1)), History::MayHaveBeenSent));
    ledger.note(Change::Drop(key));
    assert!(ledger.is_empty() && ledger.take().is_empty());
    // What was written is taken away again; and of a merge the sum comes first.
    ledger.found(key);
    ledger.note(Change::Drop(key));
    ledger.note(Change::Keep(Box::new(window(1, 2)), History::Unsent));
    let changes = ledger.take();
    assert!(matches!(changes[..], [Change::Keep(..), Change::Drop(_)]), "{changes:?}");
    changes.iter().for_each(|change| ledger.written(change));
    assert!(!ledger.is_on_disk(key) && ledger.is_on_disk((key.0, 2)));
}
