use proptest::prelude::*;
use shared_proto::mode::Mode;

use super::*;
use crate::rt::Effect;
use crate::time::MonoTime;

const MS: u64 = 1_000_000;
const PERIOD: u64 = 20 * MS;

fn window() -> Window {
    Window::new(WindowConfig { miss_window: 250, burst_jobs: 10 }, PERIOD)
}

/// Makes consistent records, as the real-time thread would.
#[derive(Default)]
struct Maker {
    total: Totals,
}

impl Maker {
    fn job(&mut self, missed: bool, skipped: u64) -> JobRecord {
        let job = self.total.jobs;
        self.total.jobs += 1 + skipped;
        self.total.skipped += skipped;
        self.total.misses += skipped + u64::from(missed);
        let release = MonoTime::from_nanos(job * PERIOD);
        JobRecord {
            job,
            epoch: 0,
            period_ns: PERIOD,
            epoch_base: Totals::default(),
            release,
            start: release.plus_nanos(50_000),
            end: release.plus_nanos(5 * MS),
            missed,
            skipped,
            total: self.total,
            effect: Effect { mode: Mode::Normal, change: 0, job: 0, at: MonoTime::default() },
        }
    }
}

#[test]
fn counts_and_times_add_up() {
    let (mut window, mut maker) = (window(), Maker::default());
    window.push(&maker.job(false, 0));
    window.push(&maker.job(true, 2));
    let closed = window.close();
    assert_eq!(closed.counts, Totals { jobs: 4, misses: 3, skipped: 2 });
    assert_eq!((closed.wakeup.count(), closed.wakeup.max_ns()), (2, Some(50_000)));
    assert_eq!(closed.response.max_ns(), Some(5 * MS));
    assert_eq!(closed.longest_miss_run, 3);
    assert_eq!(closed.worst_burst, MissBurst { misses: 3, jobs: 10 });
    assert_eq!(window.close().counts, Totals::default());
}

#[test]
fn the_miss_window_slides_over_windows_and_forgets_after_its_length() {
    let (mut window, mut maker) = (window(), Maker::default());
    window.push(&maker.job(true, 0));
    for _ in 0..249 {
        window.push(&maker.job(false, 0));
    }
    assert_eq!(window.close().miss_window, MissWindow { jobs: 250, misses: 1 });
    window.push(&maker.job(false, 0));
    assert_eq!(window.close().miss_window, MissWindow { jobs: 250, misses: 0 });
}

#[test]
fn a_run_of_misses_goes_on_across_the_close_but_only_if_it_goes_on() {
    let (mut window, mut maker) = (window(), Maker::default());
    window.push(&maker.job(true, 3));
    assert_eq!(window.close().longest_miss_run, 4);
    window.push(&maker.job(true, 0));
    assert_eq!(window.close().longest_miss_run, 5);
    window.push(&maker.job(false, 0));
    assert_eq!(window.close().longest_miss_run, 0);
}

#[test]
fn lost_records_lose_times_but_no_count() {
    let (mut window, mut maker) = (window(), Maker::default());
    window.push(&maker.job(false, 0));
    for missed in [false, true, false] {
        maker.job(missed, u64::from(missed));
    }
    window.push(&maker.job(false, 0));
    let closed = window.close();
    assert_eq!(closed.counts, Totals { jobs: 6, misses: 2, skipped: 1 });
    assert_eq!((closed.lost_records, closed.wakeup.count()), (3, 2));
    assert_eq!(closed.counts.run(), closed.wakeup.count() + closed.lost_records);
}

#[test]
fn records_lost_at_the_very_end_are_accounted_by_the_final_counts() {
    let (mut window, mut maker) = (window(), Maker::default());
    window.push(&maker.job(false, 0));
    maker.job(true, 0);
    window.account_lost(maker.total);
    let closed = window.close();
    assert_eq!((closed.counts.jobs, closed.counts.misses, closed.lost_records), (2, 1, 1));
}

#[test]
fn a_new_epoch_closes_the_window_before_it() {
    let (mut window, mut maker) = (window(), Maker::default());
    assert_eq!(window.push(&maker.job(false, 0)), None);
    let epoch_base = maker.total;
    let slow = JobRecord { epoch: 1, period_ns: 2 * PERIOD, epoch_base, ..maker.job(false, 0) };
    let closed = window.push(&slow).unwrap();
    assert_eq!((closed.epoch, closed.period_ns, closed.counts.jobs), (0, PERIOD, 1));
    let closed = window.close();
    assert_eq!((closed.epoch, closed.period_ns, closed.counts.jobs), (1, 2 * PERIOD, 1));
}

#[test]
fn what_was_lost_before_a_new_epoch_counts_in_the_old_one() {
    let (mut window, mut maker) = (window(), Maker::default());
    window.push(&maker.job(false, 0));
    maker.job(true, 2);
    let epoch_base = maker.total;
    maker.job(false, 0);
    let slow = JobRecord { epoch: 1, period_ns: 2 * PERIOD, epoch_base, ..maker.job(false, 0) };
    let old = window.push(&slow).unwrap();
    assert_eq!((old.counts, old.lost_records), (Totals { jobs: 4, misses: 3, skipped: 2 }, 1));
    let new = window.close();
    assert_eq!((new.counts, new.lost_records), (Totals { jobs: 2, misses: 0, skipped: 0 }, 1));
}

#[test]
fn jitter_is_the_distance_of_ends_from_the_period() {
    let (mut window, mut maker) = (window(), Maker::default());
    window.push(&maker.job(false, 0));
    let mut late = maker.job(false, 0);
    late.end = late.end.plus_nanos(3 * MS);
    window.push(&late);
    window.push(&maker.job(false, 0));
    let jitter = window.close().jitter;
    assert_eq!((jitter.mean_ms(), jitter.max_ms()), (3.0, 3.0));
}

#[test]
fn hours_of_skipped_releases_cost_no_time() {
    let (mut window, mut maker) = (window(), Maker::default());
    window.push(&maker.job(true, u64::MAX / 4));
    assert_eq!(window.close().miss_window, MissWindow { jobs: 250, misses: 250 });
}

proptest! {
    #[test]
    fn windows_add_up_to_the_totals_whatever_is_lost(
        jobs in prop::collection::vec((any::<bool>(), 0u64..4, any::<bool>(), any::<bool>()), 0..400),
    ) {
        let (mut window, mut maker) = (window(), Maker::default());
        let (mut sum, mut times, mut lost) = (Totals::default(), 0, 0);
        let (mut outcomes, mut whole) = (Vec::new(), true);
        let mut add = |closed: Closed| {
            sum.jobs += closed.counts.jobs;
            sum.misses += closed.counts.misses;
            sum.skipped += closed.counts.skipped;
            times += closed.wakeup.count();
            lost += closed.lost_records;
        };
        for (missed, skipped, is_lost, closes) in jobs {
            let record = maker.job(missed, skipped);
            outcomes.push(missed);
            outcomes.extend((0..skipped).map(|_| true));
            if is_lost {
                whole = false;
            } else {
                window.push(&record);
            }
            if closes {
                add(window.close());
            }
        }
        window.account_lost(maker.total);
        let last = window.close();
        // The sliding window against a plain count; with records lost only its size is known.
        let recent = outcomes.iter().rev().take(250);
        prop_assert_eq!(last.miss_window.jobs as usize, recent.len());
        if whole {
            prop_assert_eq!(last.miss_window.misses as usize, recent.filter(|missed| **missed).count());
        }
        add(last);
        prop_assert_eq!(sum, maker.total);
        prop_assert_eq!(times + lost, maker.total.run());
    }
}
