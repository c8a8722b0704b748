//! The book with made-up events.

mod documentation;
mod sites;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use shared_proto::histogram::Latency;
use shared_proto::ids::BootId;
use shared_proto::mode::Mode;
use shared_proto::units::Ratio;
use shared_proto::wire::{Ack, DialectName, Report, Status, Totals};

use super::*;
use crate::event::{
    Applied, Decision, DecisionSource, Event, Forgotten, ForgottenWhy, Link, LinkState, Observed, Offline, Online,
    Record,
};
use crate::watch::Watcher;

const REPORT: &str = include_str!("../../../shared-proto/vectors/native/report-full.json");
const STATUS: &str = include_str!("../../../shared-proto/vectors/native/status-online.json");
const ACK: &str = include_str!("../../../shared-proto/vectors/native/ack-applied.json");

fn all() -> Vec<InfoLabel> {
    vec![InfoLabel::Version, InfoLabel::Model, InfoLabel::Kernel, InfoLabel::PreemptRt, InfoLabel::Task]
}

fn book(devices: usize) -> Book {
    book_of(devices, Reports::All)
}

fn book_of(devices: usize, reports: Reports) -> Book {
    let settings = Settings { devices, histograms: Histograms::Device, info: all(), followed: 20_000, reports };
    Book::new(settings, Arc::new(AtomicU64::new(0)))
}

fn take(book: &mut Book, event: Event) {
    book.take(&Record { t_ms: 1_700_000_000_500, event });
}

fn online(book: &mut Book, name: &str) {
    begins(book, name, 1);
}

fn begins(book: &mut Book, name: &str, boot: u64) {
    let online = Online {
        device: name.parse().unwrap(),
        boot: Some(BootId(boot)),
        conn: Some(1),
        version: None,
        news: crate::event::Freshness::Live,
    };
    take(book, Event::Online(online));
}

/// A report of ten jobs a window that ends with the `seq`-th, from a device that never misses but every tenth job.
fn report(name: &str, boot: u64, seq: u64, merged: u32) -> Report {
    let jobs = 10 * u64::from(merged);
    let mut latency = Latency::default();
    (0..jobs - u64::from(merged)).for_each(|job| latency.record(50_000 + 1_000 * job));
    let own = Totals { jobs, misses: merged.into(), skipped: merged.into() };
    Report {
        device: name.parse().unwrap(),
        boot: BootId(boot),
        seq,
        merged,
        span_ms: 200 * u64::from(merged),
        jobs: own.jobs,
        misses: own.misses,
        skipped: own.skipped,
        total: Totals { jobs: 10 * seq, misses: seq, skipped: seq },
        mode: Mode::Normal,
        wakeup_us: latency.clone(),
        response_us: latency,
        ..serde_json::from_str(REPORT).unwrap()
    }
}

fn told(book: &mut Book, report: Report) {
    take(book, Event::Report(Box::new(report)));
}

fn text(book: &Book) -> String {
    Exposition::new(book.snapshot(), Format::Text).collect()
}

/// Series and their values.
fn samples(book: &Book) -> BTreeMap<String, f64> {
    let text = text(book);
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.map(|line| line.rsplit_once(' ').unwrap());
    pairs.map(|(series, value)| (series.to_owned(), value.parse().unwrap())).collect()
}

#[test]
fn totals_are_those_of_the_windows_received_each_once() {
    let mut book = book(10);
    online(&mut book, "pi-1");
    told(&mut book, report("pi-1", 1, 1, 1));
    // Windows 2 and 3 come later; 6 comes alone and once more merged with 5.
    told(&mut book, report("pi-1", 1, 4, 1));
    assert_eq!(samples(&book)["edge_device_missing_jobs{device=\"pi-1\"}"], 20.0);
    told(&mut book, report("pi-1", 1, 3, 2));
    told(&mut book, report("pi-1", 1, 6, 1));
    told(&mut book, report("pi-1", 1, 6, 2));
    // An earlier run, from a spool; and another device.
    told(&mut book, report("pi-1", 9, 2, 1));
    told(&mut book, report("pi-2", 1, 5, 1));
    let samples = samples(&book);
    for (series, value) in [
        ("edge_device_jobs_total{device=\"pi-1\"}", 70.0),
        ("edge_device_deadline_misses_total{device=\"pi-1\"}", 7.0),
        ("edge_device_skipped_releases_total{device=\"pi-1\"}", 7.0),
        ("edge_device_reports_total{device=\"pi-1\"}", 6.0),
        ("edge_device_merged_windows_total{device=\"pi-1\"}", 2.0),
        ("edge_device_missing_jobs{device=\"pi-1\"}", 0.0),
        ("edge_device_jobs_total{device=\"pi-2\"}", 10.0),
        ("edge_device_restarts_total{device=\"pi-1\"}", 0.0),
        ("edge_jobs_total", 80.0),
        ("edge_deadline_misses_total", 8.0),
        ("edge_skipped_releases_total", 8.0),
        ("edge_reports_total", 7.0),
        ("edge_merged_windows_total", 2.0),
        ("edge_overlapping_reports_total", 1.0),
        // Nine of ten jobs ran; of 90 jobs, as window 6 came twice.
        ("edge_wakeup_latency_seconds_count", 81.0),
        ("edge_device_report_interval_seconds{device=\"pi-1\"}", 0.2),
        ("edge_device_last_report_timestamp_seconds{device=\"pi-1\"}", 1_700_000_000.5),
    ] {
        assert_eq!(samples.get(series), Some(&value), "{series}");
    }
}

#[test]
fn histograms_are_exact_at_their_bounds_and_cumulative() {
    let mut book = book(10);
    let mut one = report("pi-1", 1, 1, 1);
    let mut latency = Latency::default();
    [1_000, 1_001, 65_536_000, 65_536_001].into_iter().for_each(|ns| latency.record(ns));
    one.wakeup_us = latency;
    told(&mut book, one);
    let samples = samples(&book);
    let bucket = |le: &str| samples[&format!("edge_wakeup_latency_seconds_bucket{{le=\"{le}\"}}")];
    assert_eq!([bucket("0.000001"), bucket("0.000002"), bucket("0.065536"), bucket("+Inf")], [1.0, 2.0, 3.0, 4.0]);
    assert!((samples["edge_wakeup_latency_seconds_sum"] / 0.131_074_002 - 1.0).abs() < 0.05);
}

#[test]
fn lost_reports_are_counted_once_over_all_runs() {
    let mut book = book(10);
    // Two had been lost before the controller heard of the device, and in an earlier run, whose reports still come, nine.
    for (boot, seq, lost) in [(1, 1, 2), (1, 2, 5), (2, 1, 9), (2, 2, 10), (1, 3, 6)] {
        online(&mut book, "pi-1");
        let mut one = report("pi-1", boot, seq, 1);
        (one.lost.reports, one.lost.records) = (lost, 3);
        told(&mut book, one);
    }
    let samples = samples(&book);
    assert_eq!(samples["edge_reports_lost_total"], 5.0);
    assert_eq!(samples["edge_device_reports_lost_total{device=\"pi-1\"}"], 5.0);
    assert_eq!(samples["edge_records_lost_total"], 15.0);
}

#[test]
fn losses_of_a_run_that_was_seen_to_begin_all_count_and_many_earlier_runs_do_not_displace_it() {
    let mut book = book(10);
    let lost = |book: &mut Book, boot: u64, seq, lost| {
        let mut one = report("pi-1", boot, seq, 1);
        one.lost.reports = lost;
        told(book, one);
        samples(book)["edge_reports_lost_total"]
    };
    begins(&mut book, "pi-1", 1);
    assert_eq!(lost(&mut book, 1, 1, 100), 0.0);
    begins(&mut book, "pi-1", 2);
    assert_eq!(lost(&mut book, 2, 1, 3), 3.0);
    (1_000..1_200).for_each(|boot| assert_eq!(lost(&mut book, boot, 1, 0), 3.0));
    assert_eq!(lost(&mut book, 2, 2, 4), 4.0);
}

#[test]
fn what_another_controller_of_the_group_got_is_not_missing() {
    for (reports, missing) in [(Reports::All, Some(&20.0)), (Reports::Shared, None)] {
        let mut book = book_of(10, reports);
        told(&mut book, report("pi-1", 1, 1, 1));
        told(&mut book, report("pi-1", 1, 4, 1));
        let samples = samples(&book);
        assert_eq!(samples.get("edge_missing_jobs"), missing);
        assert_eq!(samples.get("edge_device_missing_jobs{device=\"pi-1\"}"), missing);
        assert_eq!(samples["edge_device_jobs_total{device=\"pi-1\"}"], 20.0);
    }
}

#[test]
fn a_device_without_reports_has_the_time_of_its_newest_word_and_a_new_run_has_none_yet() {
    const LAST: &str = "edge_device_last_report_timestamp_seconds{device=\"pi-1\"}";
    let mut book = book(10);
    online(&mut book, "pi-1");
    assert_eq!(samples(&book).get(LAST), None);
    let (device, dialect) = ("pi-1".parse().unwrap(), DialectName::Lab);
    take(&mut book, Event::Observed(Observed { device, dialect, miss_rate: Ratio::ZERO, mode: Mode::Normal }));
    assert_eq!(samples(&book).get(LAST), Some(&1_700_000_000.5));
    begins(&mut book, "pi-1", 2);
    assert_eq!(samples(&book).get(LAST), None);
    // Reports of an earlier run are no sign of life of this one.
    told(&mut book, report("pi-1", 1, 1, 1));
    assert_eq!(samples(&book).get(LAST), None);
    told(&mut book, report("pi-1", 2, 1, 1));
    assert_eq!(samples(&book).get(LAST), Some(&1_700_000_000.5));
}

#[test]
fn beyond_the_limit_devices_count_in_the_sums_and_move_up_when_one_is_forgotten() {
    let mut book = book(2);
    for name in ["d", "c", "b", "a"] {
        online(&mut book, name);
        told(&mut book, report(name, 1, 1, 1));
    }
    let with_series = |book: &Book| {
        let shown = samples(book).into_keys().filter_map(|series| {
            series.strip_prefix("edge_device_up{device=\"")?.strip_suffix("\"}").map(str::to_owned)
        });
        shown.collect::<Vec<_>>()
    };
    assert_eq!(with_series(&book), ["c", "d"]);
    assert_eq!((samples(&book)["edge_devices_left_out"], samples(&book)["edge_jobs_total"]), (2.0, 40.0));
    let forget =
        |name: &str| Event::Forgotten(Forgotten { device: name.parse().unwrap(), why: ForgottenWhy::Operator });
    take(&mut book, forget("d"));
    assert_eq!(with_series(&book), ["b", "c"]);
    take(&mut book, forget("a"));
    assert_eq!(with_series(&book), ["b", "c"]);
    take(&mut book, forget("c"));
    take(&mut book, forget("b"));
    let after = samples(&book);
    assert!(!text(&book).contains("device=\""), "the series of the forgotten are gone");
    // Sums only grow.
    assert_eq!((after["edge_jobs_total"], after["edge_devices{state=\"up\"}"]), (40.0, 0.0));
    assert_eq!(after["edge_devices_forgotten_total{why=\"operator\"}"], 4.0);
    online(&mut book, "e");
    assert_eq!(with_series(&book), ["e"]);
}

#[test]
fn a_lost_word_of_a_forgotten_device_does_not_let_the_book_grow() {
    let settings =
        Settings { devices: 1, histograms: Histograms::Fleet, info: vec![], followed: 3, reports: Reports::All };
    let mut book = Book::new(settings, Arc::default());
    (0..50).for_each(|number| online(&mut book, &format!("pi-{number}")));
    assert_eq!(book.snapshot().devices.len(), 3);
    assert_eq!(samples(&book)["edge_devices_left_out"], 2.0);
}

#[test]
fn texts_of_devices_cannot_forge_lines_or_labels() {
    let mut book = book(10);
    let mut status: Status = serde_json::from_str(STATUS).unwrap();
    status.version = "1\"} 5\nedge_jobs_total 7".into();
    status.model = Some("back\\slash \"<b>\u{2028}é".into());
    take(&mut book, Event::Status(Box::new(status)));
    let text = text(&book);
    assert!(text.contains(r#"version="1\"} 5 edge_jobs_total 7",model="back\\slash \"<b>"#), "{text:.4000}");
    assert_eq!(samples(&book)["edge_jobs_total"], 0.0);
}

#[test]
fn a_mode_changes_once_whoever_tells_it_and_a_will_changes_none() {
    let mut book = book(10);
    let status: Status = serde_json::from_str(STATUS).unwrap();
    let name = status.device.as_str().to_owned();
    let told_by = |mode| Status { mode, ..status.clone() };
    take(&mut book, Event::Status(Box::new(told_by(Mode::Normal))));
    let ack: Ack = serde_json::from_str(ACK).unwrap();
    let ack = Ack { device: status.device.clone(), boot: status.boot, mode: Mode::Degraded, ..ack };
    take(&mut book, Event::Ack(Box::new(ack.clone())));
    let degraded = Report { mode: Mode::Degraded, boot: status.boot, ..report(&name, 0, 5, 1) };
    told(&mut book, degraded.clone());
    // What a spool brings of before; the broker's copy of the birth; the will.
    told(&mut book, Report { boot: status.boot, ..report(&name, 0, 4, 1) });
    take(&mut book, Event::Status(Box::new(told_by(Mode::Normal))));
    let will = Status { online: false, departure: Some(shared_proto::wire::Departure::Lost), ..told_by(Mode::Normal) };
    take(&mut book, Event::Status(Box::new(will)));
    let (boot, conn) = (status.boot, status.conn);
    take(
        &mut book,
        Event::Offline(Offline {
            device: status.device.clone(),
            boot,
            conn,
            departure: None,
            news: crate::event::Freshness::Live,
        }),
    );
    let samples = samples(&book);
    let of = |series: &str| samples[&series.replace("{", &format!("{{device=\"{name}\""))];
    assert_eq!(of("edge_device_mode_changes_total{}"), 1.0);
    assert_eq!(samples["edge_mode_changes_total"], 1.0);
    assert_eq!((of("edge_device_mode{,mode=\"degraded\"}"), of("edge_device_mode{,mode=\"normal\"}")), (1.0, 0.0));
    assert_eq!((of("edge_device_up{}"), samples["edge_devices{state=\"down\"}"]), (0.0, 1.0));
    assert_eq!(samples["edge_command_answers_total{result=\"applied\"}"], 1.0);
}

#[test]
fn decisions_and_reactions_are_counted() {
    let mut book = book(10);
    take(
        &mut book,
        Event::Decision(Decision {
            device: "pi-1".parse().unwrap(),
            from: None,
            to: Some(Mode::Degraded),
            source: DecisionSource::Policy,
            reason: "miss rate".into(),
            boot: None,
            seq: None,
            command_id: None,
        }),
    );
    let ack: Ack = serde_json::from_str(ACK).unwrap();
    let applied = Applied {
        device: ack.device.clone(),
        command_id: ack.id.clone(),
        result: ack.result,
        mode: ack.mode,
        mode_source: ack.mode_source,
        job: None,
        receipt_to_effect_us: Some(100.0),
        reaction_us: None,
        round_trip_ms: Some(1.5),
    };
    take(&mut book, Event::Applied(applied));
    take(&mut book, Event::Link(Link { state: LinkState::Up, conn: 1, reason: None }));
    let samples = samples(&book);
    for (series, value) in [
        ("edge_decisions_total{to=\"degraded\",source=\"policy\"}", 1.0),
        ("edge_decisions_total{to=\"none\",source=\"set-mode\"}", 0.0),
        ("edge_commands_applied_total", 1.0),
        ("edge_receipt_to_effect_seconds_bucket{le=\"0.000064\"}", 0.0),
        ("edge_receipt_to_effect_seconds_bucket{le=\"0.000128\"}", 1.0),
        ("edge_receipt_to_effect_seconds_sum", 0.0001),
        ("edge_reaction_seconds_count", 0.0),
        ("edge_round_trip_seconds_sum", 0.0015),
        ("edge_controller_broker_connected", 1.0),
        ("edge_controller_broker_connections_total", 1.0),
    ] {
        assert_eq!(samples.get(series), Some(&value), "{series}");
    }
    // Nothing of a device that was only decided on.
    assert_eq!(samples["edge_devices{state=\"up\"}"], 0.0);
}

#[test]
fn both_formats_say_the_same_in_their_own_words() {
    let mut book = book(10);
    online(&mut book, "pi-1");
    told(&mut book, report("pi-1", 1, 1, 1));
    let text = text(&book);
    let open: String = Exposition::new(book.snapshot(), Format::OpenMetrics).collect();
    assert!(text.contains("# TYPE edge_jobs_total counter\nedge_jobs_total 10\n"), "{text}");
    assert!(open.contains("# TYPE edge_jobs counter\nedge_jobs_total 10\n"), "{open}");
    assert!(
        open.contains("# TYPE edge_wakeup_latency_seconds histogram\n# UNIT edge_wakeup_latency_seconds seconds\n")
    );
    assert!(open.ends_with("\n# EOF\n") && !text.contains("# EOF") && !text.contains("# UNIT"));
    let own = |line: &&str| !line.starts_with('#') && !line.starts_with("process_");
    assert_eq!(text.lines().filter(own).collect::<Vec<_>>(), open.lines().filter(own).collect::<Vec<_>>());
}

#[test]
fn a_large_fleet_is_told_in_pieces_and_the_families_stay_whole() {
    let mut book = book(500);
    for number in 0..500 {
        online(&mut book, &format!("pi-{number:04}"));
        told(&mut book, report(&format!("pi-{number:04}"), 1, 1, 1));
    }
    let pieces: Vec<_> = Exposition::new(book.snapshot(), Format::Text).collect();
    assert!(pieces.len() > 10 && pieces.iter().all(|piece| piece.len() < 100_000), "{}", pieces.len());
    let text = pieces.concat();
    let mut families: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    let count = families.len();
    families.dedup();
    assert_eq!((families.len(), count), (table::all().count(), table::all().count()));
    let named = |family: &str| text.lines().filter(|line| line.starts_with(&format!("{family}{{"))).count();
    assert_eq!((named("edge_device_up"), named("edge_device_wakeup_latency_seconds_bucket")), (500, 500 * 18));
}

/// A scrape keeps what it began with, and costs whoever changes a device no more than a copy of it.
#[test]
fn a_scrape_under_way_sees_one_moment() {
    let mut book = book(10);
    told(&mut book, report("pi-1", 1, 1, 1));
    let before = book.snapshot();
    told(&mut book, report("pi-1", 1, 2, 1));
    let text: String = Exposition::new(before, Format::Text).collect();
    assert!(text.contains("edge_device_jobs_total{device=\"pi-1\"} 10\n") && text.contains("\nedge_jobs_total 10\n"));
    assert_eq!(samples(&book)["edge_jobs_total"], 20.0);
}
