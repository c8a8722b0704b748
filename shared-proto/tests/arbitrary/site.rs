//! Valid windows of a site at random.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use shared_proto::histogram::Latency;
use shared_proto::ids::SiteId;
use shared_proto::limits::MAX_OCCURRENCES;
use shared_proto::text::Reason;
use shared_proto::wire::{Census, Occurrence, Site, SiteCounts, Version, What, Worst};

use super::{boot, device, duration_ns, mode, ratio, text};

pub(crate) fn site() -> impl Strategy<Value = SiteId> {
    "[A-Za-z0-9_.-]{1,32}".prop_map(|name| name.parse().expect("a site name"))
}

/// More than a quarter are changes of a mode.
fn what() -> impl Strategy<Value = What> {
    prop_oneof![
        3 => Just(What::Mode),
        1 => Just(What::Lost),
        1 => Just(What::Back),
        1 => Just(What::Held),
        1 => Just(What::Contested),
        1 => Just(What::Rejected),
        1 => Just(What::LinkLost),
        1 => Just(What::LinkBack),
    ]
}

fn occurrence() -> impl Strategy<Value = Occurrence> {
    let reason = prop_oneof![3 => Just(Reason::default()), 1 => text()];
    (any::<u64>(), option::of(device()), what(), option::of(mode()), reason)
        .prop_map(|(t_ms, device, what, mode, reason)| Occurrence { t_ms, device, what, mode, reason })
}

/// Few, as many as there is room for, or any number between.
fn occurrences() -> impl Strategy<Value = Vec<Occurrence>> {
    prop_oneof![
        4 => vec(occurrence(), 0..4),
        1 => vec(occurrence(), 0..=MAX_OCCURRENCES),
        1 => vec(occurrence(), MAX_OCCURRENCES),
    ]
}

fn census() -> impl Strategy<Value = Census> {
    (0..1u64 << 40, 0..1u64 << 40, any::<u32>(), any::<u64>()).prop_map(|(online, offline, unknown, degraded)| {
        let known = online + offline + u64::from(unknown);
        Census { known, online, offline, degraded: degraded % (known + 1) }
    })
}

/// Counts at any time; the histograms decide nothing about them.
fn total() -> impl Strategy<Value = SiteCounts> {
    (vec(0..1u64 << 40, 5), 0..1u64 << 40, 0..=100u64).prop_map(|(counts, jobs, late_percent)| {
        let [reports, lost_records, mode_changes, alarms, heard_bytes] = counts.try_into().expect("five counts");
        let (misses, skipped) = (jobs / 100 * late_percent, jobs / 200 * late_percent);
        let lost_records = lost_records % (jobs - skipped + 1);
        SiteCounts { reports, jobs, misses, skipped, lost_records, mode_changes, alarms, heard_bytes }
    })
}

/// What happened in one window.
#[derive(Debug, Clone)]
struct Window {
    /// Wake-up latency and response time in nanoseconds of each job whose times were kept.
    jobs_ns: Vec<(u64, u64)>,
    lost_records: u64,
    skipped: u64,
    late_percent: u64,
    windows: u32,
    occurrences: Vec<Occurrence>,
    /// Mode changes and alarms without room.
    left_out: (u64, u64),
    heard: (u64, u64),
    span_ms: u64,
    clocks: (u64, u64),
    missing_jobs: u64,
    devices: Census,
    worst: Option<Worst>,
}

fn window() -> impl Strategy<Value = Window> {
    let jobs = (vec((duration_ns(), duration_ns()), 0..12), 0..3u64, 0..4u64, 0..=100u64);
    // A coarse rate, so that two are often alike.
    let worst = option::of((device(), prop_oneof![Just(ratio_of(1)), Just(ratio_of(2)), ratio()]));
    let worst = worst.prop_map(|worst| worst.map(|(device, miss_rate)| Worst { device, miss_rate }));
    let events = (occurrences(), (0..3u64, 0..3u64));
    let numbers = ((0..1_000u64, 0..1u64 << 40), 0..1u64 << 40, any::<(u64, u64)>(), any::<u64>());
    (jobs, 1..4u32, events, numbers, census(), worst).prop_map(
        |(
            (jobs_ns, lost_records, skipped, late_percent),
            windows,
            (occurrences, left_out),
            (heard, span_ms, clocks, missing_jobs),
            devices,
            worst,
        )| Window {
            jobs_ns,
            lost_records,
            skipped,
            late_percent,
            windows,
            occurrences,
            left_out,
            heard,
            span_ms,
            clocks,
            missing_jobs,
            devices,
            worst,
        },
    )
}

fn ratio_of(quarters: u64) -> shared_proto::units::Ratio {
    shared_proto::units::Ratio::of(quarters, 4)
}

/// Neighbouring windows of one run, some of them merged before.
pub(crate) fn history() -> impl Strategy<Value = Vec<Site>> {
    let begin = (site(), boot(), 0..1u64 << 40, total());
    (begin, vec(window(), 1..6)).prop_map(|((site, boot, mut seq, mut total), windows)| {
        let window = |window: Window| {
            let run = window.jobs_ns.len() as u64 + window.lost_records;
            let late = run * window.late_percent / 100;
            let modes = window.occurrences.iter().filter(|occurrence| occurrence.what == What::Mode).count() as u64;
            let counts = SiteCounts {
                reports: window.heard.0,
                jobs: run + window.skipped,
                misses: late + window.skipped,
                skipped: window.skipped,
                lost_records: window.lost_records,
                mode_changes: modes + window.left_out.0,
                alarms: window.occurrences.len() as u64 - modes + window.left_out.1,
                heard_bytes: window.heard.1,
            };
            seq += u64::from(window.windows);
            total = total.plus(&counts);
            let (mut wakeup_us, mut response_us) = (Latency::default(), Latency::default());
            for (wakeup_ns, response_ns) in window.jobs_ns {
                wakeup_us.record(wakeup_ns);
                response_us.record(response_ns);
            }
            Site {
                v: Version,
                site: site.clone(),
                boot,
                seq,
                t_ms: window.clocks.0,
                up_ms: window.clocks.1,
                span_ms: window.span_ms,
                merged: window.windows,
                devices: window.devices,
                counts,
                total,
                missing_jobs: window.missing_jobs,
                wakeup_us,
                response_us,
                worst: window.worst,
                occurrences: window.occurrences.into_iter().collect(),
                occurrences_left_out: window.left_out.0 + window.left_out.1,
            }
        };
        windows.into_iter().map(window).collect()
    })
}
