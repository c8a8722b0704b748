use proptest::prelude::*;

use super::*;

/// The next `windows` windows of a device as one report.
fn merged(device: &mut Sim, windows: u32) -> Report {
    let mut report = device.report(0.0);
    for _ in 1..windows {
        report.absorb(&device.report(0.0)).unwrap();
    }
    report
}

/// One run after another, each with one window.
fn run_again(site: &mut Site, boots: std::ops::Range<u64>) {
    for boot in boots {
        site.device = Sim { boot: BootId(boot), ..Sim::new("pi-1") };
        site.birth();
        site.window(0.0);
    }
}

#[test]
fn a_duplicate_is_counted_once_and_told_once() {
    let mut site = Site::settled();
    let report = site.device.report(0.0);
    assert_eq!(reports(&site.take(report.clone())), 1);
    assert_eq!(reports(&site.take(report)), 0);
    assert_eq!((site.view().jobs, site.view().duplicates), (2 * JOBS, 1));
}

#[test]
fn windows_that_never_came_are_missing_and_late_ones_fill_the_gap() {
    let mut site = Site::settled();
    let lost = site.device.report(0.0);
    let late = merged(&mut site.device, 3);
    site.window(0.0);
    assert_eq!((site.view().jobs, site.view().missing_jobs), (2 * JOBS, 4 * JOBS));
    site.take(late);
    assert_eq!((site.view().jobs, site.view().missing_jobs), (5 * JOBS, JOBS));
    site.take(lost);
    assert_eq!((site.view().jobs, site.view().missing_jobs), (6 * JOBS, 0));
}

#[test]
fn what_came_before_the_first_report_seen_is_not_missing_but_counts_if_it_comes() {
    let mut site = Site::new(settings());
    let before = merged(&mut site.device, 5);
    let lost = site.device.report(0.0);
    site.window(0.0);
    assert_eq!((site.view().jobs, site.view().missing_jobs), (JOBS, 0));
    site.take(before);
    assert_eq!((site.view().jobs, site.view().missing_jobs), (6 * JOBS, JOBS));
    site.take(lost);
    assert_eq!((site.view().jobs, site.view().missing_jobs), (7 * JOBS, 0));
}

#[test]
fn a_window_that_comes_alone_and_merged_counts_once() {
    let mut site = Site::settled();
    let alone = site.device.report(0.0);
    let mut both = alone.clone();
    both.absorb(&site.device.report(0.0)).unwrap();
    site.take(alone);
    site.take(both);
    assert_eq!((site.view().jobs, site.view().missing_jobs), (3 * JOBS, 0));
}

#[test]
fn counts_of_earlier_runs_are_kept() {
    let mut site = Site::settled();
    run_again(&mut site, 2..6);
    assert_eq!(site.view().jobs, 5 * JOBS);
}

#[test]
fn what_comes_twice_of_an_earlier_run_counts_once_though_others_came_between() {
    let mut site = Site::settled();
    let before = site.view().jobs;
    let first = site.device.report(0.0);
    site.take(first.clone());
    run_again(&mut site, 2..9);
    site.take(first);
    assert_eq!((site.view().jobs, site.view().duplicates), (before + 8 * JOBS, 1));
}

#[test]
fn a_device_that_loses_its_power_again_and_again_is_not_counted_twice() {
    let mut site = Site::settled();
    let first = site.device.report(0.0);
    let second = site.device.report(0.0);
    site.take(first.clone());
    run_again(&mut site, 2..60);
    let before = site.view();
    site.take(first);
    assert_eq!((site.view().jobs, site.view().duplicates), (before.jobs, before.duplicates + 1));
    // What it had not sent then is new all the same.
    site.take(second);
    assert_eq!((site.view().jobs, site.view().missing_jobs), (before.jobs + JOBS, 0));
}

#[test]
fn of_many_runs_few_are_remembered_once_the_device_is_calm_and_all_have_counted() {
    let mut site = Site::settled();
    run_again(&mut site, 2..60);
    let text = |site: &Site| format!("{:?}", site.fleet).len();
    let (many, jobs) = (text(&site), site.view().jobs);
    (0..1_000).for_each(|_| drop(site.window(0.0)));
    assert!(text(&site) < many / 2, "{} of {many}", text(&site));
    assert_eq!(site.view().jobs, jobs + 1_000 * JOBS);
}

proptest! {
    /// Whatever comes twice, late or never: received and missing together are what the device counted, and nothing is missing
    /// in the end if everything has come.
    #[test]
    fn received_and_missing_add_up(sizes in prop::collection::vec(1u32..4, 1..12), picks in prop::collection::vec(0usize..12, 0..40)) {
        let mut site = Site::new(settings());
        let reports: Vec<_> = sizes.iter().map(|size| merged(&mut site.device, *size)).collect();
        let mut seen = vec![false; reports.len()];
        for pick in picks.into_iter().map(|pick| pick % reports.len()) {
            site.take(reports[pick].clone());
            seen[pick] = true;
            let expected: u64 = reports.iter().zip(&seen).filter(|(_, seen)| **seen).map(|(report, _)| report.jobs).sum();
            let first = seen.iter().position(|seen| *seen).unwrap();
            let last = seen.iter().rposition(|seen| *seen).unwrap();
            let span: u64 = reports[first..=last].iter().map(|report| report.jobs).sum();
            prop_assert_eq!(site.view().jobs, expected);
            prop_assert_eq!(site.view().missing_jobs, span - expected);
        }
    }

    /// However many gaps there are, memory is bounded and the sum still holds.
    #[test]
    fn many_gaps_are_bounded(skips in prop::collection::vec(0u64..4, 1..100)) {
        let mut site = Site::new(settings());
        site.window(0.0);
        for skip in skips {
            (0..skip).for_each(|_| drop(site.device.report(0.0)));
            site.window(0.0);
            let view = site.view();
            prop_assert_eq!(view.jobs + view.missing_jobs, site.device.total.jobs);
        }
    }
}

#[test]
fn windows_that_never_came_are_asked_for_once_and_at_once() {
    let mut site = Site::settled();
    site.window(0.0);
    let lost: Vec<_> = (0..3).map(|_| site.device.report(0.0)).collect();
    let before = site.device.seq - 3;
    let mut actions = site.window(0.0);
    actions.extend(site.pass(RETRY_MS));
    let asked: Vec<_> = commands(&actions).into_iter().filter_map(|command| command.missing).collect();
    assert_eq!(asked, [Missing { boot: site.device.boot, after: before, up_to: before + 3 }]);
    // What cannot be had is asked for again with each renewal, and causes none.
    let mut later = Vec::new();
    (0..5).for_each(|_| later.extend(site.window(0.0)));
    assert!(commands(&later).is_empty(), "{later:?}");
    // The newest first, as that is what the device still has.
    for report in lost.into_iter().rev() {
        site.take(report);
    }
    let renewal = commands(&site.pass(LEASE_MS)).pop().unwrap();
    assert_eq!(renewal.missing, None);
    assert_eq!(site.view().missing_jobs, 0);
}
