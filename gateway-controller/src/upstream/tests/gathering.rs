use shared_proto::ids::BootId;
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::text::Reason;
use shared_proto::wire::{Census, Departure, Report, Site, SiteCounts, Totals, What};

use super::super::gather::{Close, Gather};
use crate::event::{CountedBefore, DeviceMode, Event, Freshness, Link, LinkState, Offline, Online};
use crate::fleet::Moment;

fn gather() -> Gather {
    Gather::new("north".parse().unwrap(), BootId(9), Moment::from_millis(1_000))
}

fn close(gather: &mut Gather, ms: u64) -> Site {
    let devices = Census { known: 2, online: 1, offline: 1, degraded: 1 };
    let site = gather.close(&Close { now: Moment::from_millis(ms), t_ms: 77, devices, missing_jobs: 5 });
    assert_eq!(site.validate(), Ok(()), "{site:?}");
    site
}

fn report() -> Report {
    let text = include_str!("../../../../shared-proto/vectors/native/report-full.json");
    serde_json::from_str(text).unwrap()
}

fn online(device: &str) -> Event {
    let device = device.parse().unwrap();
    Event::Online(Online { device, boot: None, conn: None, version: None, news: Freshness::Live })
}

fn offline(device: &str, departure: Departure) -> Event {
    Event::Offline(Offline {
        device: device.parse().unwrap(),
        boot: BootId(1),
        conn: 1,
        departure: Some(departure),
        news: Freshness::Live,
    })
}

fn turned(to: Mode) -> Event {
    let device = "pi-1".parse().unwrap();
    let source = Some(ModeSource::Local);
    Event::DeviceMode(DeviceMode { device, from: Mode::Normal, to, source, reason: Reason::of("because") })
}

#[test]
fn a_window_is_the_sum_of_its_reports() {
    let mut gather = gather();
    let report = report();
    gather.heard(1_000);
    gather.heard(34);
    (0..3).for_each(|_| gather.take(0, &Event::Report(Box::new(report.clone()))));
    let first = close(&mut gather, 6_000);
    assert_eq!((first.seq, first.merged, first.span_ms, first.up_ms, first.t_ms), (1, 1, 5_000, 5_000, 77));
    assert_eq!((first.counts.reports, first.counts.jobs), (3, 3 * report.jobs));
    assert_eq!((first.counts.misses, first.counts.skipped), (3 * report.misses, 3 * report.skipped));
    assert_eq!((first.counts.lost_records, first.counts.heard_bytes), (3 * report.lost.records, 1_034));
    assert_eq!(
        (first.wakeup_us.count(), first.wakeup_us.max_ns()),
        (3 * report.wakeup_us.count(), report.wakeup_us.max_ns())
    );
    assert_eq!(first.total, first.counts);
    assert_eq!(first.worst.as_ref().map(|worst| worst.miss_rate), Some(report.miss_rate));

    gather.take(0, &Event::Report(Box::new(report.clone())));
    let second = close(&mut gather, 7_000);
    assert_eq!(
        (second.seq, second.span_ms, second.counts.jobs, second.total.jobs),
        (2, 1_000, report.jobs, 4 * report.jobs)
    );
    let third = close(&mut gather, 8_000);
    assert_eq!((third.counts, third.total), (SiteCounts::default(), second.total));
    assert_eq!((third.worst, third.devices.known, third.missing_jobs), (None, 2, 5));
}

#[test]
fn what_came_before_is_counted_once() {
    let mut gather = gather();
    let report = report();
    let counts = Totals { jobs: report.jobs - 1, misses: report.misses, skipped: report.skipped };
    gather.take(0, &Event::CountedBefore(CountedBefore { device: report.device.clone(), counts }));
    gather.take(0, &Event::Report(Box::new(report.clone())));
    let site = close(&mut gather, 2_000);
    assert_eq!((site.counts.jobs, site.counts.misses, site.counts.lost_records), (1, 0, 1));
    assert_eq!(site.wakeup_us.count(), 0, "nobody can tell which of the times are new");
    gather.take(0, &Event::Report(Box::new(report.clone())));
    assert_eq!(close(&mut gather, 3_000).counts.jobs, report.jobs, "it was of that report alone");
}

#[test]
fn what_the_broker_kept_of_a_device_is_no_alarm() {
    let mut gather = gather();
    let device = "pi-9".parse().unwrap();
    let departure = Some(Departure::Lost);
    gather.take(0, &Event::Offline(Offline { device, boot: BootId(1), conn: 1, departure, news: Freshness::Retained }));
    assert_eq!(close(&mut gather, 2_000).counts.alarms, 0);
}

/// Whatever a device says of itself, valid as a report, the windows of its site stay valid and can be merged.
#[test]
fn no_device_spoils_the_windows_of_its_site() {
    let huge = |jobs: u64| {
        let mut report = report();
        (report.wakeup_us, report.response_us) = Default::default();
        (report.jobs, report.misses, report.skipped, report.lost.records) = (jobs, jobs, jobs, 0);
        report.total = Totals { jobs: u64::MAX, misses: u64::MAX, skipped: u64::MAX };
        assert_eq!(report.validate(), Ok(()));
        Event::Report(Box::new(report))
    };
    let mut gather = gather();
    let honest = Event::Report(Box::new(report()));
    let gained = |jobs, misses, skipped| {
        let all = Totals { jobs: 1 << 60, misses: 1 << 60, skipped: 1 << 60 };
        let counts = all.since(&Totals { jobs, misses, skipped });
        Event::CountedBefore(CountedBefore { device: report().device, counts })
    };
    let mut windows = Vec::new();
    for events in [
        [honest.clone(), huge(u64::MAX), honest.clone()],
        [gained(1, 1 << 60, 1 << 60), huge(1 << 60), honest.clone()],
        [gained(5, 0, 3), huge(1 << 60), honest.clone()],
        [huge((1 << 63) - 1), huge(1 << 62), honest.clone()],
    ] {
        events.iter().for_each(|event| gather.take(0, event));
        windows.push(close(&mut gather, 2_000));
    }
    let jobs = report().jobs;
    assert_eq!(windows[0].counts.jobs, 2 * jobs, "what there cannot be is not forwarded");
    assert_eq!((windows[1].counts.jobs, windows[1].counts.misses), (1 + jobs, 1 + report().misses));
    let (first, others) = windows.split_first_mut().unwrap();
    for next in others {
        first.absorb(next).unwrap();
        assert_eq!(first.validate(), Ok(()));
    }
}

#[test]
fn no_report_can_overflow_a_histogram() {
    let mut gather = gather();
    let mut huge = report();
    let jobs = u64::from(u32::MAX) - 1;
    let text = format!(r#"{{"min":5.0,"max":6.0,"hist":[[20,{jobs}]]}}"#);
    huge.wakeup_us = serde_json::from_str(&text).unwrap();
    huge.response_us = huge.wakeup_us.clone();
    (huge.jobs, huge.misses, huge.skipped, huge.lost.records, huge.total.jobs) = (jobs, 0, 0, 0, jobs);
    (0..3).for_each(|_| gather.take(0, &Event::Report(Box::new(huge.clone()))));
    let site = close(&mut gather, 2_000);
    assert_eq!((site.counts.jobs, site.counts.lost_records, site.wakeup_us.count()), (3 * jobs, 2 * jobs, jobs));
}

#[test]
fn changes_and_alarms_are_told_and_counted() {
    let mut gather = gather();
    let link = |state| Event::Link(Link { state, conn: 1, reason: Some("no route".to_owned()) });
    for (t_ms, event) in [
        link(LinkState::Up),
        online("pi-1"),
        turned(Mode::Degraded),
        offline("pi-1", Departure::Lost),
        offline("pi-2", Departure::Stopped),
        online("pi-2"),
        online("pi-1"),
        link(LinkState::Down),
        link(LinkState::Down),
        link(LinkState::Up),
    ]
    .into_iter()
    .enumerate()
    {
        gather.take(t_ms as u64, &event);
    }
    let site = close(&mut gather, 2_000);
    let told: Vec<_> = site.occurrences.iter().map(|it| (it.t_ms, it.what)).collect();
    let expected = [(2, What::Mode), (3, What::Lost), (6, What::Back), (7, What::LinkLost), (9, What::LinkBack)];
    assert_eq!(told, expected, "a good-bye is no alarm");
    assert_eq!((site.counts.mode_changes, site.counts.alarms), (1, 4));
    assert_eq!(site.occurrences[0].mode, Some(Mode::Degraded));
    assert_eq!((site.occurrences[3].device.as_ref(), site.occurrences[3].reason.as_str()), (None, "no route"));

    (0..100).for_each(|_| gather.take(0, &turned(Mode::Normal)));
    let site = close(&mut gather, 3_000);
    assert_eq!((site.occurrences.len(), site.occurrences_left_out, site.counts.mode_changes), (32, 68, 100));
}
