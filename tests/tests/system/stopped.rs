//! SIGTERM: safe lines, everything told, good-bye.

use std::time::Duration;

use shared_host::json;
use shared_host::mqtt::Retained;
use shared_proto::wire::{Departure, Outcome};

use crate::harness::{Agent, DEVICE, Gate, Probe, Site, degraded, sum, with_each_broker};

with_each_broker!(sigterm_ends_in_good_order, a_good_bye_that_is_not_taken_leaves_the_word_to_the_will);

/// Far above the promise of 2 s, for machines that are slow and busy.
const LIMIT: Duration = Duration::from_secs(10);

fn sigterm_ends_in_good_order(site: Site) {
    let mut probe = Probe::connect(&site.broker.url());
    let mut agent = Agent::start(&site, DEVICE, &[]);
    let birth = probe.status(DEVICE, "its birth", |status| status.online);
    probe.send(DEVICE, &degraded("c-1"));
    assert_eq!(probe.ack(DEVICE, "c-1").result, Outcome::Applied);
    agent.wait_for_lines([("17", "low"), ("27", "high")]);

    let farewell = agent.terminate();
    assert_eq!(farewell.code, Some(0));
    assert!(farewell.took < LIMIT, "{farewell:?}");
    let lines = agent.lines();
    assert_eq!(lines.keys().collect::<Vec<_>>(), ["17", "22", "27"]);
    assert!(lines.values().all(|level| level == "low"), "{lines:?}");

    assert_eq!(farewell.delivered, farewell.reports);
    let last = probe.report(DEVICE, "the last report", |report| report.seq == farewell.reports);
    assert_eq!(last.total, farewell.total);
    assert_eq!(sum(&probe.reports(DEVICE)), farewell.total, "every job is in exactly one report");

    let goodbye = probe.status(DEVICE, "its good-bye", |status| !status.online);
    assert_eq!((goodbye.departure, goodbye.boot), (Some(Departure::Stopped), birth.boot));
    let kept = Probe::connect(&site.broker.url()).wait_for("edge/device1/status", "what the broker keeps", |message| {
        (message.retained == Retained::Retained).then(|| json::decode_status(&message.payload).unwrap())
    });
    assert_eq!(kept, goodbye, "no will after a good-bye");
}

fn a_good_bye_that_is_not_taken_leaves_the_word_to_the_will(site: Site) {
    let mut probe = Probe::connect(&site.broker.url());
    let gate = Gate::to(site.broker.port());
    let mut agent = Agent::start_at(&site, &gate.url(), DEVICE, &[]);
    let birth = probe.status(DEVICE, "its birth", |status| status.online);
    gate.shut();
    // Sixteen reports without an answer are all that the connection takes.
    agent.status_where("reports that wait", |status| status.link.reports_waiting > 20);
    let farewell = agent.terminate();
    assert_eq!(farewell.code, Some(0));
    assert!(farewell.took < LIMIT, "{farewell:?}");
    gate.open();
    let will = probe.status(DEVICE, "its will", |status| !status.online);
    assert_eq!((will.departure, will.boot, will.conn), (Some(Departure::Lost), birth.boot, birth.conn));
}

#[test]
fn sigterm_cuts_a_long_job_short() {
    let site = Site::embedded();
    let long = [("task.period_ms", "3000"), ("spin.normal_ratio", "1.0"), ("report.interval_ms", "50")];
    let mut agent = Agent::start(&site, DEVICE, &long);
    // The heartbeat: a job of three seconds has begun.
    agent.wait_for_lines([("22", "high"), ("17", "high")]);
    let farewell = agent.terminate();
    assert_eq!(farewell.code, Some(0));
    assert!(farewell.took < LIMIT, "{farewell:?}");
    assert_eq!(farewell.total.jobs, 0, "a job that was cut short does not count");
    let lines = agent.lines();
    assert!(lines.values().all(|level| level == "low"), "{lines:?}");
}
