//! Merging neighbouring windows of a site: exact, in any grouping, and all or nothing.

use proptest::prelude::*;
use proptest::sample::Index;
use shared_proto::histogram::{Histogram, Latency};
use shared_proto::ids::BootId;
use shared_proto::limits::MAX_OCCURRENCES;
use shared_proto::wire::{CannotMergeSites, Occurrence, Site, SiteCounts};

use crate::arbitrary::site::history;
use crate::counting;

/// Merges from the left, one window after the other.
fn merged(windows: &[Site]) -> Site {
    let (first, others) = windows.split_first().expect("a window");
    let mut sum = first.clone();
    for next in others {
        sum.absorb(next).expect("neighbours");
    }
    sum
}

/// Merges two neighbours at a time, in the order that `picks` says.
fn merged_in_order(mut windows: Vec<Site>, picks: &[Index]) -> Site {
    let mut picks = picks.iter().cycle();
    while windows.len() > 1 {
        let earlier = picks.next().expect("a pick").index(windows.len() - 1);
        let next = windows.remove(earlier + 1);
        windows.get_mut(earlier).expect("the earlier one").absorb(&next).expect("neighbours");
    }
    windows.remove(0)
}

/// All values of these windows, bucket by bucket.
fn all_values<'a>(latencies: impl Iterator<Item = &'a Latency>) -> Histogram {
    let mut all = Histogram::default();
    for (bucket, count) in latencies.flat_map(|latency| latency.histogram().iter()) {
        assert!(all.add(bucket, count), "bucket {bucket} overflows");
    }
    all
}

fn counts_of(counts: &SiteCounts) -> [u64; 8] {
    let SiteCounts { reports, jobs, misses, skipped, lost_records, mode_changes, alarms, heard_bytes } = *counts;
    [reports, jobs, misses, skipped, lost_records, mode_changes, alarms, heard_bytes]
}

proptest! {
    #[test]
    fn any_grouping_gives_the_same(
        windows in history(),
        picks in proptest::collection::vec(any::<Index>(), 8),
    ) {
        let from_the_left = merged(&windows);
        prop_assert_eq!(merged_in_order(windows, &picks), from_the_left);
    }

    #[test]
    fn no_count_is_lost(windows in history()) {
        let sum = merged(&windows);
        let total = |count: &dyn Fn(&Site) -> u64| windows.iter().map(count).sum::<u64>();
        for (place, count) in counts_of(&sum.counts).into_iter().enumerate() {
            prop_assert_eq!(count, total(&|w| counts_of(&w.counts)[place]), "count {} of SiteCounts", place);
        }
        prop_assert_eq!(sum.span_ms, total(&|w| w.span_ms));
        prop_assert_eq!(u64::from(sum.merged), total(&|w| w.merged.into()));
        prop_assert_eq!(Some(sum.after()), windows.first().map(Site::after));
    }

    #[test]
    fn quantiles_are_those_of_all_values(windows in history()) {
        let sum = merged(&windows);
        for latency in [(|w| &w.wakeup_us) as fn(&Site) -> &Latency, |w| &w.response_us] {
            let all = all_values(windows.iter().map(latency));
            prop_assert_eq!(latency(&sum).histogram(), &all);
            let min_ns = windows.iter().filter_map(|w| latency(w).min_ns()).min();
            let max_ns = windows.iter().filter_map(|w| latency(w).max_ns()).max();
            prop_assert_eq!((latency(&sum).min_ns(), latency(&sum).max_ns()), (min_ns, max_ns));
            for q in [0.0, 0.5, 0.99, 1.0] {
                let within = min_ns.zip(max_ns).zip(all.quantile_ns(q)).map(|((min, max), value)| value.clamp(min, max));
                prop_assert_eq!(latency(&sum).quantile_ns(q), within);
            }
        }
    }

    #[test]
    fn occurrences_are_the_earliest_and_the_others_are_counted(windows in history()) {
        let sum = merged(&windows);
        let told: Vec<&Occurrence> = windows.iter().flat_map(|w| &w.occurrences).collect();
        let kept = told.len().min(MAX_OCCURRENCES);
        prop_assert_eq!(sum.occurrences.iter().collect::<Vec<_>>(), &told[..kept]);
        let left_out = windows.iter().map(|w| w.occurrences_left_out).sum::<u64>();
        prop_assert_eq!(sum.occurrences_left_out, left_out + (told.len() - kept) as u64);
    }

    #[test]
    fn the_worst_of_all_windows_stays_and_the_earliest_of_equals(windows in history()) {
        let worst = windows.iter().filter_map(|w| w.worst.as_ref());
        let worst = worst.reduce(|earlier, later| if later.miss_rate > earlier.miss_rate { later } else { earlier });
        prop_assert_eq!(merged(&windows).worst, worst.cloned());
    }

    #[test]
    fn states_are_those_of_the_newest(windows in history()) {
        let (sum, newest) = (merged(&windows), windows.last().expect("a window"));
        prop_assert_eq!((sum.seq, sum.t_ms, sum.up_ms), (newest.seq, newest.t_ms, newest.up_ms));
        prop_assert_eq!((sum.devices, sum.total, sum.missing_jobs), (newest.devices, newest.total, newest.missing_jobs));
    }

    #[test]
    fn valid_neighbours_make_a_valid_window(windows in history()) {
        for window in &windows {
            prop_assert_eq!(window.validate(), Ok(()));
        }
        prop_assert_eq!(merged(&windows).validate(), Ok(()));
    }

    /// Totals that a sender made up: what merges is valid all the same.
    #[test]
    fn whatever_merges_is_valid(windows in history(), lies in proptest::collection::vec(any::<Index>(), 8)) {
        let Some((first, [next, ..])) = windows.split_first() else { return Ok(()) };
        let mut next = next.clone();
        let totals = [
            &mut next.total.reports, &mut next.total.jobs, &mut next.total.misses, &mut next.total.skipped,
            &mut next.total.lost_records, &mut next.total.mode_changes, &mut next.total.alarms, &mut next.total.heard_bytes,
        ];
        for (total, (own, lie)) in totals.into_iter().zip(counts_of(&next.counts).into_iter().zip(&lies)) {
            // Mostly as it is, sometimes no more than the window's own count.
            if lie.index(8) == 0 { *total = own; }
        }
        prop_assume!(next.validate().is_ok());
        let mut sum = first.clone();
        match sum.absorb(&next) {
            Ok(()) => prop_assert_eq!(sum.validate(), Ok(())),
            Err(error) => {
                prop_assert_eq!(error, CannotMergeSites::TotalsDiffer);
                prop_assert_eq!(&sum, first);
            }
        }
    }

    #[test]
    fn what_cannot_merge_changes_nothing(windows in history(), gap in 1..1_000u64) {
        let sum = merged(&windows);
        let next = Site { seq: sum.seq + 1, merged: 1, total: sum.total.plus(&sum.counts), ..sum.clone() };
        prop_assert_eq!(sum.clone().absorb(&next), Ok(()));

        let one_more = SiteCounts { jobs: next.counts.jobs + 1, ..next.counts };
        let one_less = SiteCounts { heard_bytes: sum.total.heard_bytes.saturating_sub(1), ..sum.total };
        let ahead = Site { total: SiteCounts { heard_bytes: u64::MAX, ..sum.total }, ..sum.clone() };
        let long_bucket = Site { wakeup_us: counting(1), response_us: counting(u32::MAX), ..next.clone() };
        let full = Site { wakeup_us: counting(1), response_us: counting(1), ..sum.clone() };
        for (mine, next, error) in [
            (&sum, Site { boot: BootId(!sum.boot.0), ..next.clone() }, CannotMergeSites::NotNeighbours),
            (&sum, Site { site: "another.site".parse().expect("a name"), ..next.clone() }, CannotMergeSites::NotNeighbours),
            (&sum, Site { seq: next.seq + gap, ..next.clone() }, CannotMergeSites::NotNeighbours),
            (&sum, Site { seq: next.seq - 1, ..next.clone() }, CannotMergeSites::NotNeighbours),
            (&sum, Site { seq: 0, ..next.clone() }, CannotMergeSites::NotNeighbours),
            (&sum, Site { merged: 2, ..next.clone() }, CannotMergeSites::NotNeighbours),
            (&sum, Site { counts: one_more, ..next.clone() }, CannotMergeSites::TotalsDiffer),
            (&ahead, Site { total: one_less, counts: SiteCounts::default(), ..next.clone() }, CannotMergeSites::TotalsDiffer),
            (
                &sum,
                Site { merged: u32::MAX, seq: sum.seq + u64::from(u32::MAX), ..next.clone() },
                CannotMergeSites::Overflow,
            ),
            (&full, long_bucket, CannotMergeSites::Overflow),
        ] {
            let mut unchanged = mine.clone();
            prop_assert_eq!(unchanged.absorb(&next), Err(error));
            prop_assert_eq!(&unchanged, mine);
        }
    }
}
