//! Merging neighbouring reports: exact, in any grouping, and all or nothing.

#![expect(clippy::expect_used, reason = "helpers of tests fail by panicking")]

mod arbitrary;
#[path = "merge/sites.rs"]
mod sites;

use proptest::prelude::*;
use proptest::sample::Index;
use shared_proto::histogram::Latency;
use shared_proto::units::Ratio;
use shared_proto::wire::{CannotMerge, Host, Lost, Report};

use arbitrary::history;

/// Merges from the left, one report after the other.
fn merged(reports: &[Report]) -> Report {
    let (first, others) = reports.split_first().expect("a report");
    let mut sum = first.clone();
    for next in others {
        sum.absorb(next).expect("neighbours");
    }
    sum
}

/// Merges two neighbours at a time, in the order that `picks` says.
fn merged_in_order(mut reports: Vec<Report>, picks: &[Index]) -> Report {
    let mut picks = picks.iter().cycle();
    while reports.len() > 1 {
        let earlier = picks.next().expect("a pick").index(reports.len() - 1);
        let next = reports.remove(earlier + 1);
        reports.get_mut(earlier).expect("the earlier one").absorb(&next).expect("neighbours");
    }
    reports.remove(0)
}

/// Averages depend on the grouping, in the last place and where a window has no value; all else must not.
fn without_averages(report: &Report) -> Report {
    Report { host: Host { cpu: None, steal: None, ..report.host.clone() }, ..report.clone() }
}

fn counting(count: u32) -> Latency {
    let json = format!(r#"{{"min":5.0,"max":6.0,"hist":[[20,{count}]]}}"#);
    serde_json::from_str(&json).expect("a latency")
}

proptest! {
    #[test]
    fn any_grouping_gives_the_same(
        reports in history(),
        picks in proptest::collection::vec(any::<Index>(), 8),
    ) {
        let from_the_left = merged(&reports);
        let in_any_order = merged_in_order(reports, &picks);
        prop_assert_eq!(without_averages(&in_any_order), without_averages(&from_the_left));
    }

    #[test]
    fn no_count_is_lost(reports in history()) {
        let sum = merged(&reports);
        let total = |count: fn(&Report) -> u64| reports.iter().map(count).sum::<u64>();
        prop_assert_eq!(sum.jobs, total(|r| r.jobs));
        prop_assert_eq!(sum.misses, total(|r| r.misses));
        prop_assert_eq!(sum.skipped, total(|r| r.skipped));
        prop_assert_eq!(sum.lost.records, total(|r| r.lost.records));
        prop_assert_eq!(sum.span_ms, total(|r| r.span_ms));
        prop_assert_eq!(sum.rt.preemptions, total(|r| r.rt.preemptions));
        prop_assert_eq!(sum.rt.faults, total(|r| r.rt.faults));
        prop_assert_eq!(u64::from(sum.merged), total(|r| r.merged.into()));
        prop_assert_eq!(sum.wakeup_us.count(), total(|r| r.wakeup_us.count()));
        prop_assert_eq!(sum.response_us.count(), total(|r| r.response_us.count()));
        let min_ns = |latency: fn(&Report) -> &Latency| reports.iter().filter_map(|r| latency(r).min_ns()).min();
        let max_ns = |latency: fn(&Report) -> &Latency| reports.iter().filter_map(|r| latency(r).max_ns()).max();
        prop_assert_eq!(sum.wakeup_us.min_ns(), min_ns(|r| &r.wakeup_us));
        prop_assert_eq!(sum.response_us.max_ns(), max_ns(|r| &r.response_us));
    }

    #[test]
    fn the_worst_of_all_windows_stays_visible(reports in history()) {
        let sum = merged(&reports);
        let worst = |value: fn(&Report) -> u64| reports.iter().map(value).max();
        prop_assert_eq!(Some(sum.longest_miss_run), worst(|r| r.longest_miss_run));
        prop_assert_eq!(Some(u64::from(sum.worst_burst.misses)), worst(|r| r.worst_burst.misses.into()));
        let flags = reports.iter().filter_map(|r| r.host.throttled).reduce(|all, flags| all | flags);
        prop_assert_eq!(sum.host.throttled, flags);
    }

    #[test]
    fn states_are_those_of_the_newest(reports in history()) {
        let (sum, newest) = (merged(&reports), reports.last().expect("a report"));
        prop_assert_eq!(sum.seq, newest.seq);
        prop_assert_eq!(sum.t_ms, newest.t_ms);
        prop_assert_eq!((sum.mode, sum.mode_source, sum.mode_age_ms), (newest.mode, newest.mode_source, newest.mode_age_ms));
        prop_assert_eq!((sum.miss_rate, sum.miss_window), (newest.miss_rate, newest.miss_window));
        prop_assert_eq!((sum.total, sum.policy), (newest.total, newest.policy));
        prop_assert_eq!(sum.lost.reports, newest.lost.reports);
    }

    #[test]
    fn averages_stay_between_the_least_and_the_greatest(reports in history()) {
        let known = |value: fn(&Report) -> Option<Ratio>| reports.iter().filter_map(value).map(Ratio::get);
        for value in [(|r| r.host.cpu) as fn(&Report) -> Option<Ratio>, |r| r.host.steal] {
            let (least, greatest) = (known(value).reduce(f64::min), known(value).reduce(f64::max));
            let average = value(&merged(&reports)).map(Ratio::get);
            prop_assert_eq!(average.is_some(), least.is_some());
            if let (Some(least), Some(average), Some(greatest)) = (least, average, greatest) {
                prop_assert!(least - 1e-12 <= average && average <= greatest + 1e-12, "{least} {average} {greatest}");
            }
        }
    }

    #[test]
    fn valid_neighbours_make_a_valid_report(reports in history()) {
        for report in &reports {
            prop_assert_eq!(report.validate(), Ok(()));
        }
        prop_assert_eq!(merged(&reports).validate(), Ok(()));
    }

    #[test]
    fn what_cannot_merge_changes_nothing(reports in history(), gap in 1..1_000u64) {
        let sum = merged(&reports);
        let next = Report { seq: sum.seq + 1, merged: 1, ..sum.clone() };
        prop_assert_eq!(sum.clone().absorb(&next), Ok(()));

        let long_bucket = Report { merged: 1, lost: Lost::default(), wakeup_us: counting(1), response_us: counting(u32::MAX), ..next.clone() };
        let full = Report { wakeup_us: counting(1), response_us: counting(1), ..sum.clone() };
        let other_boot = shared_proto::ids::BootId(!sum.boot.0);
        for (mine, next, error) in [
            (&sum, Report { boot: other_boot, ..next.clone() }, CannotMerge::NotNeighbours),
            (&sum, Report { device: "another.device".parse().expect("a name"), ..next.clone() }, CannotMerge::NotNeighbours),
            (&sum, Report { seq: next.seq + gap, ..next.clone() }, CannotMerge::NotNeighbours),
            (&sum, Report { seq: next.seq - 1, ..next.clone() }, CannotMerge::NotNeighbours),
            (&sum, Report { seq: 0, ..next.clone() }, CannotMerge::NotNeighbours),
            (&sum, Report { merged: 2, ..next.clone() }, CannotMerge::NotNeighbours),
            (&sum, Report { epoch: !sum.epoch, ..next.clone() }, CannotMerge::EpochChanged),
            (&sum, Report { merged: u32::MAX, seq: sum.seq + u64::from(u32::MAX), ..next.clone() }, CannotMerge::Overflow),
            (&full, long_bucket, CannotMerge::Overflow),
        ] {
            let mut unchanged = mine.clone();
            prop_assert_eq!(unchanged.absorb(&next), Err(error));
            prop_assert_eq!(&unchanged, mine);
        }
    }
}
