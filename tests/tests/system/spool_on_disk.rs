//! What waits for the broker outlives the agent: SIGKILL, a power cut, a disk in trouble.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use device_agent::keeper::{Health, PlaceStatus};
use shared_proto::ids::BootId;
use shared_proto::wire::{Outcome, Report, Totals};

use crate::harness::{Agent, DEVICE, Gate, Probe, Site, degraded, eventually, normal};

/// How often the agent is killed. `KILLS=500 cargo test -p system-tests --test system killed_again` for a longer story.
const KILLS: u64 = 15;

/// Directories in the site: the volatile one, the durable one.
fn directories(site: &Site) -> (String, String) {
    let text = |name| site.home(name).to_str().expect("a path in UTF-8").to_owned();
    (text("volatile"), text("durable"))
}

/// Numbers without a pattern, the same in each run of the test.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Checks that the reports of one run are of each window once, from its first one on; tells what they count.
fn whole(reports: &[Report]) -> Totals {
    let mut before = (0, Totals::default());
    for report in reports {
        let own = Totals { jobs: report.jobs, misses: report.misses, skipped: report.skipped };
        assert_eq!(report.seq - u64::from(report.merged), before.0, "each window once: {report:?}");
        assert_eq!(report.total.since(&before.1), own, "and its counts: {report:?}");
        before = (report.seq, report.total);
    }
    before.1
}

fn of_run(reports: &[Report], boot: BootId) -> Vec<Report> {
    reports.iter().filter(|report| report.boot == boot).cloned().collect()
}

#[test]
fn killed_again_and_again_it_loses_no_job() {
    let mut site = Site::mosquitto();
    let (volatile, durable) = directories(&site);
    let kills = std::env::var("KILLS").map_or(KILLS, |kills| kills.parse().expect("a number"));
    let mut probe = Probe::connect(&site.broker.url());
    let gate = Gate::to(site.broker.port());
    let places = [("spool.runtime_dir", volatile.as_str()), ("spool.dir", &durable), ("spool.flush_after_s", "1")];
    // A deadline that is often missed, so that misses are counted too.
    let keys = [&places[..], &[("report.interval_ms", "50"), ("task.deadline_ms", "0.9")]].concat();
    let mut agent = Agent::start_at(&site, &gate.url(), DEVICE, &keys);
    let mut chance = Chance(4711);
    let mut runs: Vec<(BootId, Totals)> = Vec::new();
    for _ in 0..kills {
        let mut broker_is_down = false;
        match chance.below(4) {
            0 => gate.shut(),
            1 => {
                gate.shut();
                // The broker gives away what it has taken, before it dies.
                probe.publish("flush", "");
                probe.wait_for("flush", "the echo", |_| Some(()));
                site.broker.kill();
                broker_is_down = true;
                probe.wait_until_down();
            }
            _ => {}
        }
        let status = agent.status();
        let writes =
            |status: &device_agent::supervisor::Answer| status.store.volatile.as_ref().map_or(0, |it| it.writes);
        // Later writes: so what was counted at that time is written.
        agent.status_where("what it counted is written", |later| writes(later) >= writes(&status) + 5);
        runs.push((status.boot.parse().expect("a run"), status.total));
        std::thread::sleep(Duration::from_millis(chance.below(150)));
        agent.kill();
        if broker_is_down {
            site.broker.restart().unwrap();
            probe.wait_until_up();
        }
        gate.open();
        agent.restart();
    }
    let last = agent.status();
    runs.push((last.boot.parse().expect("a run"), last.total));
    agent.status_where("the backlog is delivered", |status| status.link.up && status.link.reports_waiting <= 1);
    let farewell = agent.terminate();
    probe.report(DEVICE, "the last report", |report| {
        report.boot == runs[runs.len() - 1].0 && report.seq == farewell.reports
    });
    let reports = probe.reports(DEVICE);
    for (boot, told) in &runs {
        let counted = whole(&of_run(&reports, *boot));
        assert!(counted.jobs >= told.jobs && counted.misses >= told.misses, "{boot}: {counted:?}, it told {told:?}");
    }
    assert_eq!(whole(&of_run(&reports, runs[runs.len() - 1].0)), farewell.total);
    assert!(reports.iter().all(|report| report.lost.reports == 0));
}

#[test]
fn what_waits_at_a_stop_is_sent_by_the_next_start() {
    let site = Site::mosquitto();
    let (_, durable) = directories(&site);
    let mut probe = Probe::connect(&site.broker.url());
    let gate = Gate::to(site.broker.port());
    gate.shut();
    let mut agent = Agent::start_at(&site, &gate.url(), DEVICE, &[("spool.dir", &durable)]);
    let first = agent.status_where("reports wait", |status| status.link.reports_waiting >= 5);
    let farewell = agent.terminate();
    assert_eq!((farewell.code, farewell.delivered), (Some(0), 0));
    assert!(farewell.took < Duration::from_secs(2), "{farewell:?}");
    assert!(agent.log().contains("the next start will send them"));
    gate.open();
    agent.restart();
    let boot = first.boot.parse().expect("a run");
    probe.report(DEVICE, "the last report of the first run", |it| it.boot == boot && it.seq == farewell.reports);
    let reports = eventually("all of its reports", || {
        Some(of_run(&probe.reports(DEVICE), boot)).filter(|reports| reports.len() as u64 == farewell.reports)
    });
    assert_eq!(whole(&reports), farewell.total);
    // The disk knows: that it is sent, and that it is delivered.
    let writes = |place: &PlaceStatus| place.writes;
    agent.status_where("the disk is told", |status| status.store.durable.as_ref().map_or(0, writes) >= 2);
    agent.kill();
    agent.restart();
    agent.status_where("reports are delivered", |status| status.link.reports_delivered > 2);
    assert_eq!(agent.log().matches("reports of earlier runs wait").count(), 1, "{}", agent.log());
}

#[test]
fn after_a_power_cut_what_is_intact_comes_and_what_is_not_is_told() {
    let site = Site::mosquitto();
    let (volatile, durable) = directories(&site);
    let mut probe = Probe::connect(&site.broker.url());
    let gate = Gate::to(site.broker.port());
    gate.shut();
    let keys = [
        ("spool.runtime_dir", volatile.as_str()),
        ("spool.dir", &durable),
        ("spool.flush_after_s", "0"),
        ("spool.flush_every_s", "1"),
    ];
    let mut agent = Agent::start_at(&site, &gate.url(), DEVICE, &keys);
    let status = agent.status_where("reports are on the disk", |status| {
        status.store.durable.as_ref().is_some_and(|place| place.bytes > 15_000)
    });
    agent.kill();
    fs::remove_dir_all(&volatile).unwrap();
    let journal = journals(Path::new(&durable)).pop().expect("a journal");
    let mut bytes = fs::read(&journal).unwrap();
    // A bit in the middle, and the end is not there.
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    bytes.truncate(bytes.len() - 100);
    fs::write(&journal, bytes).unwrap();

    gate.open();
    agent.restart();
    let boot = status.boot.parse().expect("a run");
    let again = agent.status_where("nothing of the first run waits", |status| {
        status.link.up && status.link.reports_waiting <= 1 && status.link.reports_delivered > 5
    });
    assert_eq!(again.store.durable.map(|place| place.damaged), Some(1));
    assert!(agent.log().contains("2 records are lost; the others were read"), "{}", agent.log());
    let reports =
        eventually("its reports", || Some(of_run(&probe.reports(DEVICE), boot)).filter(|reports| reports.len() >= 5));
    // They do not contradict each other: one gap, where the bit was.
    let gaps = reports.iter().zip(&reports[1..]).filter(|(a, b)| a.seq != b.seq - u64::from(b.merged)).count();
    assert_eq!((reports[0].seq, gaps), (u64::from(reports[0].merged), 1));
}

#[test]
fn a_disk_that_is_full_is_told_and_the_agent_goes_on() {
    let site = Site::mosquitto();
    let (_, durable) = directories(&site);
    let mut probe = Probe::connect(&site.broker.url());
    let gate = Gate::to(site.broker.port());
    gate.shut();
    // No file may grow beyond this: about twenty reports, and the log is shorter.
    let limit = "trap '' XFSZ; ulimit -f 64";
    let keys = [
        ("mqtt.url", gate.url()),
        ("spool.dir", durable),
        ("spool.flush_after_s", "0".to_owned()),
        ("spool.flush_every_s", "1".to_owned()),
        ("report.interval_ms", "20".to_owned()),
    ];
    let keys = keys.each_ref().map(|(key, value)| (*key, value.as_str()));
    let mut agent = Agent::start_after(&site, limit, &keys);
    let status = agent.status_where("the store fails", |status| why(&status.store.durable).is_some());
    let told = why(&status.store.durable).unwrap_or_default();
    assert!(told.starts_with("writing: "), "{told}");
    eventually("a line of the log", || agent.log().contains("the store fails").then_some(()));
    let jobs = status.total.jobs;
    agent.status_where("the task goes on", |status| status.total.jobs > jobs + 20);
    gate.open();
    agent.status_where("reports are delivered", |status| status.link.up && status.link.reports_waiting <= 1);
    let boot = status.boot.parse().expect("a run");
    let farewell = agent.terminate();
    assert_eq!(farewell.code, Some(0));
    probe.report(DEVICE, "the last report", |report| report.boot == boot && report.seq == farewell.reports);
    assert_eq!(whole(&of_run(&probe.reports(DEVICE), boot)), farewell.total);
}

#[test]
fn a_directory_that_cannot_be_used_is_told_until_it_can_be() {
    let site = Site::mosquitto();
    let obstacle = site.home("obstacle").join("a-file");
    fs::write(&obstacle, "").unwrap();
    let inside = obstacle.join("spool");
    let inside = inside.to_str().expect("a path in UTF-8");
    let mut agent = Agent::start(&site, DEVICE, &[("spool.dir", inside)]);
    let status = agent.status_where("the store fails", |status| why(&status.store.durable).is_some());
    assert!(why(&status.store.durable).unwrap_or_default().contains("Not a directory"), "{status:?}");
    agent.status_where("reports are delivered", |status| status.link.reports_delivered > 3);
    fs::remove_file(&obstacle).unwrap();
    agent.terminate();
    agent.restart();
    agent.status_where("the store works", |status| {
        status.store.durable.as_ref().is_some_and(|place| place.health == Health::Ok)
    });
}

#[test]
fn a_command_that_an_earlier_run_answered_is_answered_alike() {
    let site = Site::mosquitto();
    let (volatile, _) = directories(&site);
    let mut probe = Probe::connect(&site.broker.url());
    let mut agent = Agent::start(&site, DEVICE, &[("spool.runtime_dir", &volatile)]);
    let mut status = probe.status(DEVICE, "its birth", |status| status.online);
    for kill in 0..5 {
        let id = format!("c-{kill}");
        probe.send(DEVICE, &degraded(&id));
        let first = probe.ack(DEVICE, &id);
        assert_eq!((first.result, first.boot), (Outcome::Applied, status.boot));
        // An answer that somebody has is in the store.
        agent.kill();
        agent.restart();
        status = probe.status(DEVICE, "another birth", |status| status.online && status.boot != first.boot);
        probe.send(DEVICE, &degraded(&id));
        assert_eq!(probe.ack(DEVICE, &id), first);
    }
    probe.send(DEVICE, &normal("last"));
    assert_eq!(probe.ack(DEVICE, "last").result, Outcome::Unchanged, "the repeated ones were not applied again");
}

fn why(place: &Option<PlaceStatus>) -> Option<String> {
    match place.as_ref().map(|place| &place.health) {
        Some(Health::Failing { why }) => Some(why.clone()),
        _ => None,
    }
}

fn journals(directory: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|file| file.extension().is_some_and(|extension| extension == "journal")).collect()
}
