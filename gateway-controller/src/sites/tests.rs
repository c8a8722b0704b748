use proptest::prelude::*;
use shared_proto::histogram::Latency;
use shared_proto::text::Reason;
use shared_proto::wire::{Census, EarlierRun, EarlierRuns, Occurrence, Occurrences, What};

use super::*;
use crate::fleet::PresenceView;

const BOOT: BootId = BootId(7);

fn id(name: &str) -> SiteId {
    name.parse().unwrap()
}

fn at(s: u64) -> Moment {
    Moment::from_millis(s * 1000)
}

/// The windows of a run, of which each has these wake-up latencies in nanoseconds; every fifth job is missed.
fn run(site: &str, boot: BootId, windows: &[Vec<u64>]) -> Vec<Site> {
    let mut total = SiteCounts::default();
    let window = |(number, values): (usize, &Vec<u64>)| {
        let jobs = values.len() as u64;
        let counts = SiteCounts { reports: 1, jobs, misses: jobs / 5, heard_bytes: 1_000, ..SiteCounts::default() };
        total = total.plus(&counts);
        let mut times = Latency::default();
        values.iter().for_each(|&value| times.record(value));
        let seq = number as u64 + 1;
        Site {
            v: Version,
            site: id(site),
            boot,
            seq,
            t_ms: seq * 5_000,
            up_ms: seq * 5_000,
            span_ms: 5_000,
            merged: 1,
            devices: Census { known: 3, online: 2, offline: 1, degraded: 1 },
            counts,
            total,
            missing_jobs: 0,
            wakeup_us: times.clone(),
            response_us: times,
            worst: None,
            occurrences: Occurrences::new(),
            occurrences_left_out: 0,
        }
    };
    windows.iter().enumerate().map(window).collect()
}

fn plain(site: &str, boot: BootId, count: usize) -> Vec<Site> {
    run(site, boot, &vec![vec![40_000; 10]; count])
}

fn status(conn: u64, online: bool) -> SiteStatus {
    SiteStatus {
        v: Version,
        site: id("north"),
        boot: BOOT,
        conn,
        up_ms: online.then_some(1),
        online,
        departure: (!online).then_some(Departure::Lost),
        version: "0.1.0".into(),
        every_ms: 5_000,
        earlier: EarlierRuns::new(),
    }
}

fn sites() -> Sites {
    let mut sites = Sites::default();
    sites.link_up(1);
    sites
}

fn presence(sites: &Sites, now: Moment) -> PresenceView {
    sites.view(now).sites[0].presence
}

fn questions(actions: &[SiteAction]) -> Vec<(u64, u64)> {
    let ask = |action: &SiteAction| match action {
        SiteAction::Ask(_, SiteMissing { after, up_to, .. }) => Some((*after, *up_to)),
        SiteAction::Tell(_) => None,
    };
    actions.iter().filter_map(ask).collect()
}

fn told(actions: &[SiteAction]) -> Vec<&'static str> {
    let name = |action: &SiteAction| match action {
        SiteAction::Tell(Event::SiteOnline(_)) => Some("online"),
        SiteAction::Tell(Event::SiteOffline(_)) => Some("offline"),
        SiteAction::Tell(Event::SiteTold(_)) => Some("told"),
        _ => None,
    };
    actions.iter().filter_map(name).collect()
}

proptest! {
    /// However windows are merged, delayed, repeated and shuffled: what is shown is the union.
    #[test]
    fn totals_and_quantiles_are_those_of_the_union(
        north in proptest::collection::vec(proptest::collection::vec(100u64..1_000_000_000, 0..20), 1..8),
        south in proptest::collection::vec(proptest::collection::vec(100u64..1_000_000_000, 0..20), 1..8),
        merges in proptest::collection::vec(any::<bool>(), 16),
        order in any::<u64>(),
        again in proptest::collection::vec(any::<bool>(), 16),
    ) {
        let mut whole = Latency::default();
        north.iter().chain(&south).flatten().for_each(|&value| whole.record(value));
        let jobs = whole.count();
        let misses: u64 = north.iter().chain(&south).map(|values| values.len() as u64 / 5).sum();

        let mut messages: Vec<Site> = Vec::new();
        // The second run of the south, as after a restart.
        let (before, after) = south.split_at(south.len() / 2);
        for windows in [run("north", BOOT, &north), run("south", BOOT, before), run("south", BootId(8), after)] {
            for window in windows {
                let merge = merges[messages.len() % merges.len()];
                let last = messages.last_mut().filter(|_| merge);
                if last.is_none_or(|last| last.absorb(&window).is_err()) {
                    messages.push(window);
                }
            }
        }
        let repeated: Vec<Site> =
            messages.iter().zip(again.iter().cycle()).filter(|(_, again)| **again).map(|(site, _)| site.clone()).collect();
        messages.extend(repeated);
        fastrand::Rng::with_seed(order).shuffle(&mut messages);

        let (mut sites, mut out) = (sites(), Vec::new());
        for message in messages {
            sites.window(at(1), message, 100, &mut out).unwrap();
        }
        let all = sites.view(at(1)).all.unwrap();
        prop_assert_eq!((all.counts.jobs, all.counts.misses), (jobs, misses));
        prop_assert_eq!(all.counts.reports, (north.len() + south.len()) as u64);
        prop_assert_eq!(all.undelivered, SiteCounts::default());
        let quantile = |q: f64| whole.quantile_ns(q).map(shared_proto::units::ns_to_micros);
        prop_assert_eq!(all.wakeup_us.map(|it| it.count).unwrap_or_default(), jobs);
        prop_assert_eq!(all.wakeup_us.map(|it| it.p50), quantile(0.5));
        prop_assert_eq!(all.wakeup_us.map(|it| it.p99), quantile(0.99));
        prop_assert_eq!(all.response_us.map(|it| it.p999), quantile(0.999));
        prop_assert_eq!(all.wakeup_us.map(|it| it.max), whole.max_ns().map(shared_proto::units::ns_to_micros));
    }
}

#[test]
fn what_is_missing_is_shown_and_asked_for_a_few_times() {
    let (mut sites, mut out) = (sites(), Vec::new());
    let windows = plain("north", BOOT, 40);
    sites.window(at(0), windows[0].clone(), 1, &mut out).unwrap();
    sites.window(at(1), windows[3].clone(), 1, &mut out).unwrap();
    assert_eq!(questions(&out), [(1, 3)]);
    for (number, window) in windows.iter().enumerate().skip(4) {
        sites.window(at(number as u64 * 5), window.clone(), 1, &mut out).unwrap();
    }
    assert_eq!(questions(&out), [(1, 3); 3], "what a site has no more is not asked for for ever");
    let view = &sites.view(at(200)).sites[0];
    assert_eq!((view.undelivered.jobs, view.counts.jobs), (20, 380));
    out.clear();
    sites.window(at(201), windows[1].clone(), 1, &mut out).unwrap();
    assert_eq!(questions(&out), [(2, 3)], "what comes late is taken, and the rest asked for");
    sites.window(at(202), windows[2].clone(), 1, &mut out).unwrap();
    let view = &sites.view(at(202)).sites[0];
    assert_eq!((view.undelivered.jobs, view.counts.jobs, view.duplicates), (0, 400, 0));
    assert!((view.age_ms, view.missing_jobs) == (0, 0));
}

#[test]
fn the_end_of_an_earlier_run_is_asked_for() {
    let (mut sites, mut out) = (sites(), Vec::new());
    let windows = plain("north", BOOT, 4);
    sites.window(at(0), windows[0].clone(), 1, &mut out).unwrap();
    let left = EarlierRun { boot: BOOT, up_to: 4 };
    let earlier: EarlierRuns = [left].into_iter().collect();
    let born = SiteStatus { boot: BootId(8), earlier, ..status(1, true) };
    sites.status(at(1), &born, Freshness::Retained, &mut out).unwrap();
    assert_eq!(questions(&out), [(1, 4)]);
    windows[1..].iter().for_each(|window| sites.window(at(2), window.clone(), 1, &mut out).unwrap());
    sites.window(at(30), plain("north", BootId(8), 1).remove(0), 1, &mut out).unwrap();
    assert_eq!(questions(&out), [(1, 4)], "not again while the answer comes in");
    assert_eq!(sites.view(at(30)).sites[0].counts.jobs, 50);
    // Of a run that nobody here heard of, all of it.
    let mut anew = self::sites();
    out.clear();
    anew.status(at(1), &born, Freshness::Live, &mut out).unwrap();
    assert_eq!(questions(&out), [(0, 4)]);
}

#[test]
fn a_window_that_is_partly_known_is_refused() {
    let (mut sites, mut out) = (sites(), Vec::new());
    let windows = plain("north", BOOT, 3);
    let mut both = windows[1].clone();
    both.absorb(&windows[2]).unwrap();
    sites.window(at(0), windows[1].clone(), 1, &mut out).unwrap();
    assert_eq!(sites.window(at(0), both, 1, &mut out), Err(SiteRefused::Overlap));
    assert_eq!(sites.view(at(0)).all.unwrap().counts.jobs, 10);
}

#[test]
fn presence_follows_births_wills_and_silence() {
    let (mut sites, mut out) = (sites(), Vec::new());
    sites.status(at(0), &status(1, true), Freshness::Retained, &mut out).unwrap();
    assert_eq!(presence(&sites, at(0)), PresenceView::Unknown, "what the broker kept says nothing of now");
    sites.window(at(1), plain("north", BOOT, 1).remove(0), 1, &mut out).unwrap();
    assert_eq!(presence(&sites, at(1)), PresenceView::Online);
    assert_eq!(presence(&sites, at(17)), PresenceView::Unknown, "three windows without a word");
    sites.status(at(18), &status(2, true), Freshness::Live, &mut out).unwrap();
    sites.status(at(19), &status(1, false), Freshness::Live, &mut out).unwrap();
    assert_eq!(presence(&sites, at(19)), PresenceView::Online, "the will of an older connection");
    sites.status(at(20), &status(2, false), Freshness::Live, &mut out).unwrap();
    assert_eq!(presence(&sites, at(20)), PresenceView::Offline);
    sites.status(at(21), &status(3, true), Freshness::Live, &mut out).unwrap();
    sites.link_down();
    assert_eq!(presence(&sites, at(21)), PresenceView::Unknown);
    sites.link_up(2);
    assert_eq!(presence(&sites, at(21)), PresenceView::Unknown, "not heard on this connection");
    assert_eq!(told(&out), ["online", "online", "offline", "online"]);
}

#[test]
fn a_site_is_known_from_its_windows_alone() {
    let (mut sites, mut out) = (sites(), Vec::new());
    let mut window = plain("north", BOOT, 1).remove(0);
    window.note(Occurrence {
        t_ms: 1,
        device: "pi-1".parse().ok(),
        what: What::Lost,
        mode: None,
        reason: Reason::default(),
    });
    sites.window(at(0), window.clone(), 1, &mut out).unwrap();
    sites.window(at(0), window, 1, &mut out).unwrap();
    assert_eq!(told(&out), ["online", "told"], "what comes twice is told once");
    assert_eq!(presence(&sites, at(0)), PresenceView::Online);
}

#[test]
fn there_is_room_for_so_many_sites() {
    let (mut sites, mut out) = (sites(), Vec::new());
    for number in 0..MAX_SITES {
        sites.window(at(0), plain(&format!("s{number}"), BOOT, 1).remove(0), 1, &mut out).unwrap();
    }
    let one_more = sites.window(at(0), plain("one-more", BOOT, 1).remove(0), 1, &mut out);
    assert_eq!(one_more, Err(SiteRefused::NoRoom));
    assert_eq!(sites.view(at(0)).all.unwrap().devices.known, 3 * MAX_SITES as u64);
}
