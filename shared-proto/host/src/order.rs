//! Sorting by numbers. The standard library brings a sorting algorithm for each type: each time some 4 kB of a program for the
//! Pi. Here all types share one.

/// Three numbers to sort by, the first one first.
pub type SortKey = [u64; 3];

/// Sorts by `key`; what has the same key keeps its order.
pub fn sort_by_key<T>(items: &mut [T], key: impl Fn(&T) -> SortKey) {
    let order = order(items.iter().map(key).collect());
    for at in 0..items.len() {
        // Where the item is now: those before `at` have been swapped out of their places.
        let mut from = at;
        loop {
            from = order.get(from).copied().unwrap_or(from);
            if from >= at {
                break;
            }
        }
        items.swap(at, from);
    }
}

/// The places of the items in order: first where the least one is.
#[inline(never)]
fn order(keys: Vec<SortKey>) -> Vec<usize> {
    let mut keyed: Vec<(SortKey, usize)> = Vec::with_capacity(keys.len());
    keyed.extend(keys.into_iter().enumerate().map(|(at, key)| (key, at)));
    // All differ, by their place at least.
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, at)| at).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_stable_sort(keys in prop::collection::vec((0_u64..4, 0_u64..3, 0_u64..3), 0..200)) {
            let mut items: Vec<_> = keys.into_iter().enumerate().collect();
            let mut wanted = items.clone();
            wanted.sort_by_key(|(_, key)| *key);
            sort_by_key(&mut items, |(_, (a, b, c))| [*a, *b, *c]);
            prop_assert_eq!(items, wanted);
        }
    }

    #[test]
    fn the_backward_order_is_turned_round() {
        let mut items: Vec<u64> = (0..5_000).rev().collect();
        sort_by_key(&mut items, |item| [*item, 0, 0]);
        assert!(items.is_sorted());
    }
}
