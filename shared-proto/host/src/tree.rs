//! Trees filled one by one.
//!
//! `collect()` sorts first, and brings a sorting algorithm for each type: each time some 4 kB of a program for the Pi, for a few
//! dozen entries.

use std::collections::{BTreeMap, BTreeSet};

/// A map of these; of two values of one key the later one stays.
pub fn map<K: Ord, V>(entries: impl IntoIterator<Item = (K, V)>) -> BTreeMap<K, V> {
    let mut map = BTreeMap::new();
    map.extend(entries);
    map
}

/// A set of these.
pub fn set<K: Ord>(items: impl IntoIterator<Item = K>) -> BTreeSet<K> {
    let mut set = BTreeSet::new();
    set.extend(items);
    set
}
