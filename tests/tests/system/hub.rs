//! Two sites and a hub above them: outages with merging, a site's controller that is killed, and in the end the hub's totals and quantiles
//! are those of all reports of both sites.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use demo::broker::{Broker, Kind};
use gateway_controller::fleet::PresenceView;
use gateway_controller::protocol::{Devices, Request};
use gateway_controller::sites::{LatencyView, SitesView};
use shared_host::control::ask;
use shared_host::json;
use shared_proto::histogram::Latency;
use shared_proto::units::ns_to_micros;
use shared_proto::wire::{Report, Site as Window, SiteCounts};

use crate::harness::{Agent, Controller, Probe, Site, controller, eventually, run};

/// The gateway of a site, with its own broker.
struct Spoke<'a> {
    name: &'static str,
    hub: &'a str,
    broker: Broker,
    probe: Probe,
    controller: Controller,
    agents: Vec<Agent>,
}

impl<'a> Spoke<'a> {
    fn start(site: &Site, hub: &'a str, name: &'static str, devices: &[&str]) -> Self {
        let broker = Broker::start(Kind::Mosquitto { extra: None }).unwrap();
        let probe = Probe::connect(&broker.url());
        let controller = Self::controller(site, hub, [name, name], &broker);
        // From here on the probe and the controller hear the same.
        let agents = devices.iter().map(|device| Agent::start_at(site, &broker.url(), device, &[])).collect();
        Self { name, hub, broker, probe, controller, agents }
    }

    /// A controller of a site; the first name is its own.
    fn controller(site: &Site, hub: &str, [own, name]: [&str; 2], broker: &Broker) -> Controller {
        let (url, spool) = (broker.url(), spool(site, name));
        let keys = [
            ("mqtt.url", url.as_str()),
            ("upstream.site", name),
            ("upstream.every_s", "1"),
            ("upstream.spool_windows", "8"),
            ("upstream.spool_dir", spool.as_str()),
            ("upstream.mqtt.url", hub),
            ("upstream.mqtt.reconnect_max_s", "1"),
        ];
        Controller::start(site, own, &keys)
    }

    /// What its devices told, each report once.
    fn reports(&mut self) -> Vec<Report> {
        let (mut seen, mut reports) = (BTreeSet::new(), Vec::new());
        for message in self.probe.all().iter().filter(|message| message.topic.ends_with("/report")) {
            let report = json::decode_report(&message.payload).unwrap();
            if seen.insert((report.device.clone(), report.boot, report.seq)) {
                reports.push(report);
            }
        }
        reports
    }

    fn jobs(&mut self) -> u64 {
        self.reports().iter().map(|report| report.jobs).sum()
    }

    /// SIGKILL, and another start with the same directory.
    fn restart(&mut self, site: &Site) {
        self.controller.kill();
        self.controller = Self::controller(site, self.hub, [&format!("{}-again", self.name), self.name], &self.broker);
    }
}

fn spool(site: &Site, name: &str) -> String {
    site.home(name).join("spool").to_str().unwrap().to_owned()
}

/// The windows in the directory of a site.
fn kept(directory: &str) -> Vec<Window> {
    let files = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_window = |path: &Path| path.extension().is_some_and(|end| end == "new" || end == "sent");
    let text = files.filter(|path| is_window(path)).filter_map(|path| fs::read(path).ok());
    text.filter_map(|text| json::decode_site(&text).ok()).collect()
}

fn sites(hub: &Controller) -> Option<SitesView> {
    ask::<_, Devices>(hub.socket(), &Request::Devices).ok().map(|answer| answer.sites)
}

/// Waits until the hub shows that.
fn shown(hub: &Controller, what: &str, fits: impl Fn(&SitesView) -> bool) -> SitesView {
    eventually(what, || sites(hub).filter(&fits))
}

fn union(reports: &[Report]) -> (SiteCounts, Latency, Latency) {
    let mut counts = SiteCounts::default();
    let (mut wakeup, mut response) = (Latency::default(), Latency::default());
    for report in reports {
        counts.reports += 1;
        counts.jobs += report.jobs;
        counts.misses += report.misses;
        counts.skipped += report.skipped;
        counts.lost_records += report.lost.records;
        wakeup.merge(&report.wakeup_us).unwrap();
        response.merge(&report.response_us).unwrap();
    }
    (counts, wakeup, response)
}

fn same_distribution(shown: Option<LatencyView>, union: &Latency) {
    let shown = shown.unwrap();
    let micros = |q: f64| union.quantile_ns(q).map(ns_to_micros).unwrap();
    assert_eq!(shown.count, union.count());
    assert_eq!((shown.p50, shown.p99, shown.p999), (micros(0.5), micros(0.99), micros(0.999)));
    assert_eq!(
        (Some(shown.min), Some(shown.max)),
        (union.min_ns().map(ns_to_micros), union.max_ns().map(ns_to_micros))
    );
}

#[test]
fn the_hub_has_what_the_sites_have() {
    let mut site = Site::mosquitto();
    let url = site.broker.url();
    let mut hub = Controller::start(&site, "hub", &[("sites.enabled", "true"), ("mqtt.reconnect_max_s", "1")]);
    let mut north = Spoke::start(&site, &url, "north", &["n1", "n2"]);
    let mut south = Spoke::start(&site, &url, "south", &["s1"]);
    let both = |view: &SitesView| view.sites.len() == 2 && view.sites.iter().all(|site| site.counts.jobs > 0);
    let view = shown(&hub, "both sites", both);
    assert!(view.sites.iter().all(|site| site.presence == PresenceView::Online), "{view:?}");
    for name in ["north", "south"] {
        hub.event("site_online", name, |event| event["site"] == name);
    }

    // The broker above is away for longer than the spools have room.
    site.broker.kill();
    hub.event("link", "its own broker is away", |event| event["state"] == "down");
    let directories = ["north", "south"].map(|name| spool(&site, name));
    for directory in &directories {
        eventually("windows that were merged", || kept(directory).iter().any(|window| window.merged > 1).then_some(()));
    }
    let before = [north.jobs(), south.jobs()];
    site.broker.restart().unwrap();
    shown(&hub, "what was kept", |view| {
        view.sites.iter().zip(before).all(|(site, jobs)| site.counts.jobs >= jobs && site.undelivered.jobs == 0)
    });

    // The devices end, the windows with their last jobs wait, and the controller of the north is killed.
    site.broker.kill();
    for agent in north.agents.iter_mut().chain(&mut south.agents) {
        agent.terminate();
    }
    for (spoke, directory) in [&mut north, &mut south].into_iter().zip(&directories) {
        let jobs = spoke.jobs();
        eventually("a window with the last jobs", || {
            kept(directory).iter().any(|window| window.total.jobs == jobs).then_some(())
        });
    }
    north.restart(&site);
    site.broker.restart().unwrap();

    let reports = [north.reports(), south.reports()].concat();
    let (counts, wakeup, response) = union(&reports);
    let what = format!("{} and {} jobs", north.jobs(), south.jobs());
    let view = shown(&hub, &what, |view| view.all.is_some_and(|all| all.counts.jobs == counts.jobs));
    let all = view.all.unwrap();
    assert_eq!(all.undelivered, SiteCounts::default(), "{view:#?}");
    let SiteCounts { mode_changes, alarms, heard_bytes, .. } = all.counts;
    assert_eq!(all.counts, SiteCounts { mode_changes, alarms, heard_bytes, ..counts });
    same_distribution(all.wakeup_us, &wakeup);
    same_distribution(all.response_us, &response);
    // Forwarding sums costs less than what was summed.
    assert!(all.received_bytes * 2 < heard_bytes, "{} of {heard_bytes}", all.received_bytes);

    // People see it, and a good-bye.
    let mut devices = controller(["devices", "--socket"]);
    devices.arg(hub.socket());
    let table = run(devices).success();
    assert!(table.contains("north") && table.contains("south"), "{table}");
    assert_eq!(north.controller.terminate(), Some(0));
    hub.event("site_offline", "the north", |event| event["site"] == "north" && event["departure"] == "stopped");
    let log = north.controller.log();
    assert!(log.contains("bytes of the devices, and bytes sent to the site above"), "{log}");
    let forget = |name: &str| {
        let mut forget = controller(["forget", name, "--socket"]);
        forget.arg(hub.socket());
        run(forget)
    };
    let refused = forget("south").failure(1);
    assert!(refused.contains("south: this site is there"), "{refused}");
    forget("north").success();
    assert_eq!(sites(&hub).unwrap().sites.len(), 1);
    south.controller.kill();
    hub.event("site_offline", "the south", |event| event["site"] == "south" && event["departure"] == "lost");
}

#[test]
fn what_is_no_window_of_a_site_is_refused_and_told_once() {
    let site = Site::mosquitto();
    let mut probe = Probe::connect(&site.broker.url());
    let vector = include_str!("../../../shared-proto/vectors/native/site-full.json");
    let window: Window = serde_json::from_str(vector).unwrap();
    let topic = format!("edge/{}/site", window.site);
    // Nobody knows how old it is.
    probe.publish_retained(&topic, vector);
    let hub = Controller::start(&site, "hub", &[("sites.enabled", "true")]);
    for rubbish in ["", "{", "{\"v\":2}", "null", &vector.replace("\"jobs\"", "\"works\"")] {
        probe.publish(&topic, rubbish);
    }
    probe.publish("edge/another/site", vector);
    hub.log_line("a refusal", |line| line.contains("message of a site refused"));
    // Until here nothing was taken; a good one is, once.
    probe.publish(&topic, vector);
    probe.publish(&topic, vector);
    let view = shown(&hub, "the window", |view| view.sites.first().is_some_and(|site| site.duplicates == 1));
    assert_eq!(view.sites[0].counts, window.counts);
    assert_eq!(hub.log().matches("message of a site refused").count(), 1);
}

#[test]
fn without_being_told_to_a_controller_hears_no_site() {
    let site = Site::mosquitto();
    let controller = Controller::start(&site, "controller", &[]);
    let mut probe = Probe::connect(&site.broker.url());
    let vector = include_str!("../../../shared-proto/vectors/native/site-full.json");
    let window: Window = serde_json::from_str(vector).unwrap();
    probe.publish(&format!("edge/{}/site", window.site), vector);
    assert_eq!(sites(&controller), Some(SitesView::default()));
    assert!(!controller.log().contains("refused"), "{}", controller.log());
}
