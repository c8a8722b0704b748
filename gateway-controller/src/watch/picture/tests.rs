//! Made-up events at made-up times.

use proptest::prelude::*;
use shared_proto::histogram::Latency;
use shared_proto::ids::BootId;
use shared_proto::mode::Mode;
use shared_proto::wire::{Departure, Report, Status};

use super::*;
use crate::event::{Forgotten, ForgottenWhy, Freshness, Link as LinkEvent, Observed, Offline, Online};
use crate::sparse::Sparse;
use shared_proto::wire::DialectName;

const SPAN_MS: u64 = 200;
const START: u64 = 7_200_000;

fn report(name: &str, seq: u64, up_ms: u64, values_ns: &[u64]) -> Report {
    let text = include_str!("../../../../shared-proto/vectors/native/report-empty-window.json");
    let mut report: Report = serde_json::from_str(text).unwrap();
    report.device = name.parse().unwrap();
    (report.seq, report.up_ms, report.boot) = (seq, up_ms, BootId(1));
    let mut latency = Latency::default();
    values_ns.iter().for_each(|&value| latency.record(value));
    (report.jobs, report.total.jobs) = (latency.count(), 1_000_000);
    (report.wakeup_us, report.response_us) = (latency.clone(), latency);
    report
}

fn tell(picture: &mut Picture, now_ms: u64, event: Event) {
    picture.take(&Record { t_ms: now_ms, event }, now_ms);
}

fn link(picture: &mut Picture, now_ms: u64, state: LinkState, conn: u64) {
    tell(picture, now_ms, Event::Link(LinkEvent { state, conn, reason: None }));
}

fn online(name: &str, boot: u64) -> Event {
    let (device, boot) = (name.parse().unwrap(), Some(BootId(boot)));
    Event::Online(Online { device, boot, conn: Some(1), version: None, news: Freshness::Live })
}

fn device<'a>(picture: &'a Picture, name: &str) -> &'a Device {
    picture.devices.get(&name.parse().unwrap()).unwrap()
}

/// Connected, with one device that has reported.
fn one() -> Picture {
    let mut picture = Picture::default();
    link(&mut picture, START, LinkState::Up, 1);
    tell(&mut picture, START, online("pi-1", 1));
    tell(&mut picture, START, Event::Report(Box::new(report("pi-1", 1, 400, &[20_000]))));
    picture
}

#[test]
fn a_silent_device_is_stale_after_five_seconds_or_five_windows() {
    let mut picture = one();
    let state = |picture: &Picture, now_ms| device(picture, "pi-1").state(now_ms, picture.conn());
    assert_eq!(state(&picture, START + 5_000), State::Online);
    assert_eq!(state(&picture, START + 5_001), State::Stale);
    let mut slow = report("pi-1", 2, 3_400, &[20_000]);
    slow.span_ms = 3_000;
    tell(&mut picture, START + 3_000, Event::Report(Box::new(slow)));
    assert_eq!(state(&picture, START + 18_000), State::Online);
    assert_eq!(state(&picture, START + 18_001), State::Stale);
    // A report of many windows does not make it more patient.
    let mut merged = report("pi-1", 52, 40_000, &[20_000]);
    (merged.span_ms, merged.merged) = (50 * SPAN_MS, 50);
    tell(&mut picture, START + 40_000, Event::Report(Box::new(merged)));
    assert_eq!(state(&picture, START + 45_001), State::Stale);
}

#[test]
fn without_a_broker_all_is_stale_until_it_is_heard_again() {
    let mut picture = one();
    link(&mut picture, START + 100, LinkState::Down, 1);
    assert_eq!(device(&picture, "pi-1").state(START + 100, picture.conn()), State::Stale);
    link(&mut picture, START + 200, LinkState::Up, 2);
    assert_eq!(device(&picture, "pi-1").state(START + 200, picture.conn()), State::Stale);
    tell(&mut picture, START + 300, Event::Report(Box::new(report("pi-1", 2, 600, &[]))));
    assert_eq!(device(&picture, "pi-1").state(START + 300, picture.conn()), State::Online);
    let offline = Offline {
        device: "pi-1".parse().unwrap(),
        boot: BootId(1),
        conn: 1,
        departure: Some(Departure::Lost),
        news: Freshness::Live,
    };
    tell(&mut picture, START + 400, Event::Offline(offline));
    assert_eq!(device(&picture, "pi-1").state(START + 400, picture.conn()), State::Offline);
}

#[test]
fn a_device_without_reports_is_stale_by_its_own_pace() {
    let mut picture = one();
    let observed = |miss_rate: f64| {
        let (device, mode) = ("lab-1".parse().unwrap(), Mode::Degraded);
        Event::Observed(Observed { device, dialect: DialectName::Lab, miss_rate: miss_rate.try_into().unwrap(), mode })
    };
    tell(&mut picture, START, observed(0.5));
    tell(&mut picture, START + 4_000, observed(0.25));
    let lab = device(&picture, "lab-1");
    assert_eq!((lab.miss_rate(), lab.patience_ms()), (Some(0.25), 20_000));
    assert_eq!(lab.mode.as_ref().map(|now| now.mode), Some(Mode::Degraded));
    let slots = &lab.history.as_ref().unwrap().fine;
    assert_eq!(slots.last(START + 4_000, 60_000).filter_map(Slot::rate).collect::<Vec<_>>(), [0.5, 0.25]);
    // An outage is not its pace.
    tell(&mut picture, START + 304_000, observed(0.25));
    assert_eq!(device(&picture, "lab-1").patience_ms(), 20_000);
    tell(&mut picture, START + 604_000, observed(0.25));
    assert_eq!(device(&picture, "lab-1").patience_ms(), 1_500_000);
}

#[test]
fn what_the_broker_kept_is_not_heard() {
    let mut picture = Picture::default();
    link(&mut picture, START, LinkState::Up, 1);
    let Event::Online(mut kept) = online("pi-1", 1) else { unreachable!() };
    kept.news = Freshness::Retained;
    tell(&mut picture, START, Event::Online(kept));
    let there = device(&picture, "pi-1");
    assert_eq!((there.state(START, picture.conn()), there.age_ms(START + 100)), (State::Stale, 100));
    tell(&mut picture, START + 200, Event::Report(Box::new(report("pi-1", 1, 400, &[]))));
    assert_eq!(device(&picture, "pi-1").state(START + 200, picture.conn()), State::Online);
}

proptest! {
    /// However windows are held up and mixed, a slot holds exactly those that closed in it.
    #[test]
    fn slots_are_exact(delays in proptest::collection::vec(0u64..20_000, 100), values in proptest::collection::vec(1_000u64..9_000_000, 100)) {
        let mut picture = one();
        let mut arrivals: Vec<_> = delays.iter().enumerate().map(|(at, delay)| {
            let up_ms = 600 + at as u64 * SPAN_MS;
            (START + (up_ms - 400) + delay, at as u64 + 2, up_ms)
        }).collect();
        arrivals.sort_unstable();
        for (now_ms, seq, up_ms) in arrivals {
            let value = values[usize::try_from(seq).unwrap() - 2];
            tell(&mut picture, now_ms, Event::Report(Box::new(report("pi-1", seq, up_ms, &[value, value * 2]))));
        }
        let end = START + 60_000;
        let device = device(&picture, "pi-1");
        prop_assert_eq!(device.received.jobs, 201);
        let history = device.history.as_ref().unwrap();
        for track in [&history.fine, &history.coarse] {
            let mut whole = Sparse::default();
            track.last(end, 3_600_000).for_each(|slot| whole.merge(&slot.wakeup));
            let mut all = Latency::default();
            all.record(20_000);
            values.iter().for_each(|&value| { all.record(value); all.record(value * 2); });
            let counts: Vec<_> = all.histogram().iter().map(|(index, count)| (index, u64::from(count))).collect();
            prop_assert_eq!(whole.iter().collect::<Vec<_>>(), counts);
            prop_assert_eq!((whole.min_ns(), whole.max_ns()), (all.min_ns(), all.max_ns()));
        }
        // In the first slot: windows that closed before its end, give or take the creep of the clocks.
        let first = history.fine.last(end, 3_600_000).next().unwrap();
        prop_assert!((18..=20).contains(&(first.jobs + 1)), "{}", first.jobs);
    }
}

#[test]
fn its_memory_is_bounded() {
    let mut picture = one();
    let values: Vec<u64> = (0..200).map(|at| 10_000 + at * 977).collect();
    for seq in 2..=20_000 {
        let now_ms = START + (seq - 1) * SPAN_MS;
        tell(&mut picture, now_ms, Event::Report(Box::new(report("pi-1", seq, 400 + (seq - 1) * SPAN_MS, &values))));
        if seq % 10 == 0 {
            tell(&mut picture, now_ms, online("pi-1", 1));
        }
    }
    let end = START + 19_999 * SPAN_MS;
    let device = device(&picture, "pi-1");
    let history = device.history.as_ref().unwrap();
    let count = |track: &Track| track.last(end, u64::MAX).count() as u64;
    assert_eq!((count(&history.fine), count(&history.coarse)), (150, 120));
    assert_eq!((history.maxima.len(), device.log.after(0).len(), picture.log.after(0).len()), (1_500, 40, 60));
    let slots = [&history.fine, &history.coarse].into_iter().flat_map(|track| track.last(end, u64::MAX));
    let bytes: usize = slots.map(|slot| size_of::<Slot>() + slot.wakeup.heap() + slot.response.heap()).sum();
    let maxima = history.maxima.capacity() * size_of::<Maximum>();
    assert!(bytes + maxima < 175_000, "{bytes} + {maxima}");
}

#[test]
fn beyond_the_limit_only_the_newest_is_kept() {
    let mut picture = Picture::default();
    link(&mut picture, START, LinkState::Up, 1);
    for number in 0..HISTORIES + 2 {
        let name = format!("pi-{number:05}");
        tell(&mut picture, START, Event::Report(Box::new(report(&name, 1, 400, &[20_000]))));
    }
    let with = |picture: &Picture| picture.devices.values().filter(|device| device.history.is_some()).count();
    assert_eq!((picture.devices.len(), with(&picture)), (HISTORIES + 2, HISTORIES));
    assert!(picture.devices.values().all(|device| device.newest.is_some()));
    let forgotten = Forgotten { device: "pi-00000".parse().unwrap(), why: ForgottenWhy::Operator };
    tell(&mut picture, START, Event::Forgotten(forgotten));
    tell(&mut picture, START, Event::Report(Box::new(report("new", 1, 400, &[20_000]))));
    assert_eq!((with(&picture), device(&picture, "new").history.is_some()), (HISTORIES, true));
}

#[test]
fn a_new_run_begins_with_its_first_report_and_an_old_ones_leftovers_count_only() {
    let mut picture = one();
    let mut first = report("pi-1", 1, 200, &[5_000]);
    first.boot = BootId(2);
    // The controller tells of the report first, then that the device is there.
    tell(&mut picture, START + 1_000, Event::Report(Box::new(first)));
    tell(&mut picture, START + 1_000, online("pi-1", 2));
    let newest = device(&picture, "pi-1").newest.as_ref().unwrap();
    assert_eq!((newest.seq, newest.up_ms), (1, 200));
    tell(&mut picture, START + 1_100, Event::Report(Box::new(report("pi-1", 9, 2_000, &[7_000]))));
    let device = device(&picture, "pi-1");
    assert_eq!((device.boot(), device.newest.as_ref().unwrap().up_ms), (Some(BootId(2)), 200));
    assert_eq!(device.received.reports, 3);
}

#[test]
fn a_will_does_not_tell_the_mode_of_now() {
    let mut picture = one();
    let text = include_str!("../../../../shared-proto/vectors/native/status-will.json");
    let mut will: Status = serde_json::from_str(text).unwrap();
    (will.device, will.boot, will.mode) = ("pi-1".parse().unwrap(), BootId(1), Mode::Degraded);
    tell(&mut picture, START + 10, Event::Status(Box::new(will.clone())));
    assert_eq!(device(&picture, "pi-1").mode.as_ref().map(|now| now.mode), Some(Mode::Normal));
    will.up_ms = Some(500);
    tell(&mut picture, START + 20, Event::Status(Box::new(will)));
    assert_eq!(device(&picture, "pi-1").mode.as_ref().map(|now| now.mode), Some(Mode::Degraded));
}
