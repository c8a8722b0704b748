//! Sites in the book.

use shared_proto::ids::SiteId;
use shared_proto::wire::{Census, Departure, Occurrences, Site, SiteCounts, Version};

use super::*;
use crate::event::{Freshness, SiteHeard, SiteOffline, SiteOnline};
use crate::sites::MAX_SITES;

fn id(name: &str) -> SiteId {
    name.parse().unwrap()
}

/// A message of so many windows that ends with the `seq`-th, each of ten jobs of which one was missed.
fn window(name: &str, boot: u64, seq: u64, merged: u32) -> Event {
    let windows = u64::from(merged);
    let mut times = Latency::default();
    (0..10 * windows).for_each(|_| times.record(50_000));
    let counts = SiteCounts {
        reports: 5 * windows,
        jobs: 10 * windows,
        misses: windows,
        mode_changes: 2 * windows,
        alarms: 3 * windows,
        heard_bytes: 4_000 * windows,
        ..SiteCounts::default()
    };
    let window = Site {
        v: Version,
        site: id(name),
        boot: BootId(boot),
        seq,
        t_ms: 1_000,
        up_ms: seq * 5_000,
        span_ms: 5_000 * windows,
        merged,
        devices: Census { known: 10 + seq, online: 9, offline: 1, degraded: 2 },
        counts,
        total: counts,
        missing_jobs: 0,
        wakeup_us: times.clone(),
        response_us: times,
        worst: None,
        occurrences: Occurrences::new(),
        occurrences_left_out: 0,
    };
    Event::Site(Box::new(SiteHeard { window, bytes: 600 }))
}

fn online(boot: u64) -> Event {
    let (conn, every_ms) = (Some(1), Some(5_000));
    Event::SiteOnline(SiteOnline {
        site: id("north"),
        boot: BootId(boot),
        conn,
        version: None,
        every_ms,
        news: Freshness::Live,
    })
}

/// A site with all series that one can have.
pub(super) fn one_of_all(book: &mut Book) {
    take(book, online(1));
    take(book, window("north", 1, 1, 1));
}

#[test]
fn counts_go_on_over_runs_of_the_sites_controller_and_the_devices_are_those_of_the_newest_window() {
    let mut book = book(10);
    one_of_all(&mut book);
    take(&mut book, window("north", 1, 5, 3));
    take(&mut book, window("north", 1, 2, 1));
    let of = |book: &Book, series: &str| {
        samples(book).get(&series.replace('(', "{site=\"north\"").replace(')', "}")).copied()
    };
    assert_eq!(of(&book, "edge_site_devices(,state=\"known\")"), Some(15.0));
    take(&mut book, online(2));
    // Until the new run has told of its devices nothing is known of them.
    assert_eq!(of(&book, "edge_site_devices(,state=\"known\")"), None);
    take(&mut book, window("north", 1, 6, 1));
    assert_eq!(of(&book, "edge_site_devices(,state=\"known\")"), None);
    take(&mut book, window("north", 2, 1, 1));
    for (series, value) in [
        ("edge_site_up()", 1.0),
        ("edge_site_devices(,state=\"known\")", 11.0),
        ("edge_site_devices(,state=\"online\")", 9.0),
        ("edge_site_devices(,state=\"offline\")", 1.0),
        ("edge_site_devices(,state=\"degraded\")", 2.0),
        ("edge_site_reports_total()", 35.0),
        ("edge_site_jobs_total()", 70.0),
        ("edge_site_deadline_misses_total()", 7.0),
        ("edge_site_skipped_releases_total()", 0.0),
        ("edge_site_mode_changes_total()", 14.0),
        ("edge_site_alarms_total()", 21.0),
        ("edge_site_heard_bytes_total()", 28_000.0),
        ("edge_site_received_bytes_total()", 3_000.0),
        ("edge_site_windows_total()", 7.0),
        ("edge_site_merged_windows_total()", 2.0),
        ("edge_site_last_window_timestamp_seconds()", 1_700_000_000.5),
        ("edge_site_window_interval_seconds()", 5.0),
        ("edge_site_wakeup_latency_seconds_count()", 70.0),
        ("edge_site_wakeup_latency_seconds_bucket(,le=\"0.000032\")", 0.0),
        ("edge_site_wakeup_latency_seconds_bucket(,le=\"0.000064\")", 70.0),
    ] {
        assert_eq!(of(&book, series), Some(value), "{series}");
    }
    // The fleet's own figures are of this controller's devices.
    assert_eq!((samples(&book)["edge_jobs_total"], samples(&book)["edge_devices{state=\"up\"}"]), (0.0, 0.0));
    let departure = Some(Departure::Lost);
    take(&mut book, Event::SiteOffline(SiteOffline { site: id("north"), boot: BootId(2), departure }));
    assert_eq!(
        (of(&book, "edge_site_up()"), of(&book, "edge_site_devices(,state=\"known\")")),
        (Some(0.0), Some(11.0))
    );
}

#[test]
fn without_sites_there_are_no_series_and_with_many_a_bounded_number() {
    let mut book = book(10);
    assert!(!samples(&book).keys().any(|series| series.starts_with("edge_site_")));
    for number in 0..MAX_SITES + 3 {
        take(&mut book, window(&format!("site-{number}"), 1, 1, 1));
    }
    let pieces: Vec<String> = Exposition::new(book.snapshot(), Format::Text).collect();
    assert!(pieces.len() > 10 && pieces.iter().all(|piece| piece.len() < 80 * 1024));
    let lines: Vec<&str> = pieces.iter().flat_map(|piece| piece.lines()).collect();
    let of = |start: &str| lines.iter().filter(|line| line.starts_with(start)).count();
    assert_eq!((of("edge_site_up{"), of("# TYPE edge_site_")), (MAX_SITES, 15));
}
