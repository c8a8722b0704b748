//! Sites as readers are told of them.

use shared_proto::histogram::Latency;
use shared_proto::ids::BootId;
use shared_proto::units::Ratio;
use shared_proto::wire::{Census, Occurrence, Occurrences, Site, SiteCounts, Version, What, Worst};

use super::*;
use crate::event::{Freshness, SiteHeard, SiteOnline, SiteTold};

/// A window with so many jobs, of which every tenth was missed.
fn window(seq: u64, jobs: u64) -> Event {
    let mut times = Latency::default();
    (0..jobs).for_each(|job| times.record(20_000 + 1_000 * job));
    let counts = SiteCounts { jobs, misses: jobs / 10, alarms: 1, heard_bytes: 2_000, ..SiteCounts::default() };
    let devices = Census { known: jobs.min(3), online: jobs.min(2), offline: jobs.min(1), degraded: jobs.min(1) };
    let worst = Worst { device: "pi-7".parse().unwrap(), miss_rate: Ratio::of(1, 4) };
    let window = Site {
        v: Version,
        site: "north".parse().unwrap(),
        boot: BootId(7),
        seq,
        t_ms: 1_000,
        up_ms: seq * 5_000,
        span_ms: 5_000,
        merged: 1,
        devices,
        counts,
        total: counts,
        missing_jobs: 0,
        wakeup_us: times.clone(),
        response_us: times,
        worst: (jobs > 0).then_some(worst),
        occurrences: Occurrences::new(),
        occurrences_left_out: 0,
    };
    Event::Site(Box::new(SiteHeard { window, bytes: 500 }))
}

/// A site whose every text is an attack.
fn hostile(stage: &mut Stage, jobs: u64) {
    tell(stage, Event::Link(Link { state: LinkState::Up, conn: 1, reason: None }));
    let (site, boot) = ("north".parse::<shared_proto::ids::SiteId>().unwrap(), BootId(7));
    let version = Some(HOSTILE.into());
    tell(
        stage,
        Event::SiteOnline(SiteOnline {
            site: site.clone(),
            boot,
            conn: Some(1),
            version,
            every_ms: Some(5_000),
            news: Freshness::Retained,
        }),
    );
    let device = Some("pi-7".parse().unwrap());
    let told = Occurrence { t_ms: 900, device, what: What::Held, mode: None, reason: HOSTILE.into() };
    tell(stage, Event::SiteTold(SiteTold { site, told }));
    tell(stage, window(1, jobs));
}

fn with_a_window(stage: &Stage) -> Value {
    fleet_where(stage, |fleet| fleet["sites"][0]["known"].is_number())
}

#[test]
fn a_site_is_told_beside_the_devices_and_its_texts_stay_texts() {
    let mut stage = stage(None);
    hostile(&mut stage, 40);
    let fleet = with_a_window(&stage);
    let tile = &fleet["sites"][0];
    for (key, value) in [
        ("id", Value::from("north")),
        ("state", "online".into()),
        ("known", 3.into()),
        ("online", 2.into()),
        ("degraded", 1.into()),
        ("miss", 0.1.into()),
        ("worst", "pi-7".into()),
        ("worst_miss", 0.25.into()),
        ("alarms", 1.into()),
        ("saved", 0.75.into()),
    ] {
        assert_eq!(tile[key], value, "{key}: {tile}");
    }
    assert!(tile["p99"].as_f64().unwrap() > 50.0, "{tile}");
    // A window of five seconds stands for three slots, of which the newest is not over yet.
    let bars: Vec<_> = tile["spark"]["rates"].as_array().unwrap().iter().filter(|rate| !rate.is_null()).collect();
    assert!((2..=3).contains(&bars.len()) && bars.iter().all(|rate| **rate == 0.1), "{tile}");
    assert_eq!((fleet["devices"].as_array().unwrap().len(), &fleet["totals"]["devices"]), (0, &Value::from(0)));
    let told = fleet["log"].as_array().unwrap().iter().find(|line| line["event"] == "site_told").unwrap();
    assert_eq!((&told["site"], &told["told"]["what"]), (&Value::from("north"), &Value::from("held")));
    assert!(told["told"]["reason"].as_str().unwrap().starts_with("</script><script>alert(1)"), "{told}");
    let answer = get(&stage, "/api/site/north?span_s=60");
    assert!(
        answer.head.contains("content-type: application/json") && answer.head.contains("nosniff"),
        "{}",
        answer.head
    );
    let detail: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(detail["histogram"]["wakeup"]["count"], 40);
    assert_eq!(detail["newest"]["counts"]["misses"], 4);
    assert_eq!((&detail["fine"][0]["jobs"], &detail["fine"][0]["rate"]), (&Value::from(40), &Value::from(0.1)));
    assert_eq!(detail["log"].as_array().unwrap().len(), 2);
    // In a path too: nothing is echoed, and nothing is commanded.
    for path in ["/api/site/%3Cscript%3E", "/api/site/south", "/api/site/south/events"] {
        let answer = get(&stage, path);
        assert_eq!((answer.status, answer.body.contains("script")), (404, false), "{path}: {}", answer.body);
    }
    assert_eq!(ask(stage.server.address(), "POST /api/site/north/mode", &[("Host", "localhost")], "{}").status, 404);
}

#[test]
fn a_site_without_devices_and_jobs_has_no_figures_for_them() {
    let mut stage = stage(None);
    hostile(&mut stage, 0);
    let tile = with_a_window(&stage)["sites"][0].clone();
    assert_eq!(tile["known"], 0);
    assert!(["miss", "p99", "max", "worst", "worst_miss"].iter().all(|key| tile[key].is_null()), "{tile}");
    assert!(tile["spark"]["rates"].as_array().unwrap().iter().all(Value::is_null), "{tile}");
    let detail: Value = serde_json::from_str(&get(&stage, "/api/site/north").body).unwrap();
    assert!(detail["newest"]["miss_rate"].is_null() && detail["fine"][0]["rate"].is_null(), "{detail}");
}

#[test]
fn a_reader_of_a_site_gets_it_and_then_what_changes() {
    let mut stage = stage(None);
    hostile(&mut stage, 40);
    with_a_window(&stage);
    let reader = |path: &str| {
        let mut lines =
            open(stage.server.address(), &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).lines();
        move |name: &str| loop {
            if lines.next().unwrap().unwrap() == format!("event: {name}") {
                let data = lines.next().unwrap().unwrap();
                return serde_json::from_str::<Value>(data.strip_prefix("data: ").unwrap()).unwrap();
            }
        }
    };
    let (mut site, mut fleet) = (reader("/api/site/north/events"), reader("/api/events"));
    assert_eq!(
        (site("site")["received"]["messages"].clone(), fleet("fleet")["sites"][0]["alarms"].clone()),
        (1.into(), 1.into())
    );
    tell(&mut stage, window(2, 20));
    let update = std::iter::repeat_with(|| site("update")).find(|update| update["received"]["messages"] == 2).unwrap();
    assert_eq!((&update["newest"]["seq"], update["log"].as_array().unwrap().len()), (&Value::from(2), 0));
    let change =
        std::iter::repeat_with(|| fleet("delta")["sites"][0].clone()).find(|tile| tile["alarms"] == 2).unwrap();
    assert!(change["id"] == "north" && change.get("version").is_none(), "only what changed: {change}");
}
