//! Three controllers of one group at a real broker, and devices that cross the threshold again and again.

use std::collections::HashMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use gateway_controller::protocol::{Request, WishWord, Wished};
use shared_host::control::ask;
use shared_host::json;
use shared_proto::ids::BootId;
use shared_proto::limits::{MAX_ACK, MAX_REPORT, MAX_STATUS};
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::policy::{Observation, PolicyConfig, PolicyState};
use shared_proto::units::Ratio;
use shared_proto::wire::{Ack, Lost, Outcome, Report, SetMode, Status, Totals, Version};

use crate::harness::{Controller, Probe, Site};

/// Not a multiple of three, so that the broker's turns do not give each device to one controller for ever.
const DEVICES: u64 = 7;
const PERIOD: Duration = Duration::from_millis(50);
const JOBS: u64 = 10;
/// Crossings of each device before and after one controller dies.
const CROSSINGS: u64 = 3;
const LEASE_MS: u32 = 2_000;

const GROUP: [(&str, &str); 7] = [
    ("group.name", "story"),
    ("policy.degrade_above", "0.3"),
    ("policy.recover_below", "0.1"),
    ("policy.recover_after", "5"),
    ("policy.dwell_ms", "500"),
    ("policy.backoff_limit", "0"),
    ("command.lease_ms", "2000"),
];

/// A device whose load is made up: too much until it is DEGRADED, then none until it is NORMAL again.
struct Device {
    name: String,
    report: Report,
    shadow: PolicyState,
    mode: Mode,
    source: ModeSource,
    since: Instant,
    /// Commands of it that were heard.
    heard: usize,
    /// Changes of mode.
    changes: u64,
    load: Load,
    /// Reports of too much load until it was DEGRADED, for each crossing.
    waited: Vec<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Load {
    Quiet,
    TooMuch { reports: u64 },
}

/// The devices, and one client that speaks for them all and hears everything.
struct Fleet {
    probe: Probe,
    devices: Vec<Device>,
    start: Instant,
    config: PolicyConfig,
}

fn template<T: serde::de::DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).expect("a golden vector")
}

impl Fleet {
    fn start(site: &Site) -> Self {
        let mut probe = Probe::connect(&site.broker.url());
        let ratio = |value: f64| Ratio::try_from(value).unwrap();
        let config = PolicyConfig {
            degrade_above: ratio(0.3),
            recover_below: ratio(0.1),
            recover_after: 5,
            dwell_ms: 500,
            backoff_limit: 0,
            ..PolicyConfig::default()
        };
        let report: Report = template(include_str!("../../../shared-proto/vectors/native/report-empty-window.json"));
        let status: Status = template(include_str!("../../../shared-proto/vectors/native/status-online.json"));
        // No histograms: all records of the jobs are lost.
        let lost = Lost { records: JOBS, reports: 0 };
        let devices = (0..DEVICES).map(|number| {
            let name = format!("device{number}");
            let boot = BootId(number + 1);
            let device: shared_proto::ids::DeviceId = name.parse().unwrap();
            let status = Status {
                device: device.clone(),
                boot,
                conn: 1,
                up_ms: Some(0),
                mode: Mode::Normal,
                mode_source: ModeSource::Default,
                danger: None,
                ..status.clone()
            };
            probe.publish_retained(&format!("edge/{name}/status"), json::encode(&status, MAX_STATUS).unwrap());
            Device {
                report: Report { device, boot, seq: 0, merged: 1, total: Totals::default(), lost, ..report.clone() },
                name,
                shadow: PolicyState::default(),
                mode: Mode::Normal,
                source: ModeSource::Default,
                since: Instant::now(),
                heard: 0,
                changes: 0,
                load: Load::Quiet,
                waited: Vec::new(),
            }
        });
        let devices = devices.collect();
        Self { probe, devices, start: Instant::now(), config }
    }

    /// One report of each device.
    fn round(&mut self) {
        let began = Instant::now();
        for at in 0..self.devices.len() {
            self.obey(at);
            let up_ms = millis(self.start.elapsed());
            let device = &mut self.devices[at];
            let report = device.window(up_ms, &self.config);
            self.probe.publish(&format!("edge/{}/report", device.name), json::encode(&report, MAX_REPORT).unwrap());
        }
        // The devices' own period.
        sleep(PERIOD.saturating_sub(began.elapsed()));
    }

    /// What came since is done and answered.
    fn obey(&mut self, at: usize) {
        let (device, probe) = (&mut self.devices[at], &mut self.probe);
        let commands: Vec<SetMode> = probe
            .heard(&format!("edge/{}/command", device.name))
            .skip(device.heard)
            .map(|message| json::decode_command(&message.payload).expect("a command"))
            .collect();
        device.heard += commands.len();
        for command in commands {
            let ack = device.take(&command, &self.config);
            probe.publish(&format!("edge/{}/ack", device.name), json::encode(&ack, MAX_ACK).unwrap());
        }
    }

    /// Rounds until this holds of every device.
    fn until(&mut self, what: &str, mut holds: impl FnMut(&Device) -> bool) {
        let end = Instant::now() + Duration::from_secs(60);
        while !self.devices.iter().all(&mut holds) {
            assert!(Instant::now() < end, "never came: {what}");
            self.round();
        }
    }

    fn changes(&self) -> HashMap<String, u64> {
        self.devices.iter().map(|device| (device.name.clone(), device.changes)).collect()
    }

    fn commands(&self) -> usize {
        self.devices.iter().map(|device| device.heard).sum()
    }
}

impl Device {
    fn window(&mut self, up_ms: u64, config: &PolicyConfig) -> Report {
        self.load = match (self.load, self.mode) {
            (Load::TooMuch { reports }, Mode::Degraded) => {
                self.waited.push(reports);
                Load::Quiet
            }
            (Load::TooMuch { reports }, Mode::Normal) => Load::TooMuch { reports: reports + 1 },
            // Quiet for a while before the next crossing.
            (Load::Quiet, Mode::Normal) if self.since.elapsed() >= Duration::from_millis(600) => {
                Load::TooMuch { reports: 1 }
            }
            (Load::Quiet, _) => Load::Quiet,
        };
        let misses = if self.load == Load::Quiet { 0 } else { JOBS };
        let report = &mut self.report;
        report.seq += 1;
        report.span_ms = up_ms.saturating_sub(report.up_ms);
        report.up_ms = up_ms;
        (report.jobs, report.misses) = (JOBS, misses);
        report.total.jobs += JOBS;
        report.total.misses += misses;
        report.longest_miss_run = 0;
        report.miss_rate = Ratio::of(misses, JOBS);
        (report.mode, report.mode_source, report.mode_age_ms) = (self.mode, self.source, millis(self.since.elapsed()));
        report.policy = self.shadow;
        let elapsed_ms = self.shadow.align(report.mode, report.mode_age_ms, report.span_ms);
        let seen = Observation { elapsed_ms, jobs: JOBS, miss_rate: report.miss_rate, cpu: None };
        self.shadow.watch(config, &seen);
        report.clone()
    }

    fn take(&mut self, command: &SetMode, config: &PolicyConfig) -> Ack {
        let result = if command.lease_ms.millis().is_none() {
            self.source = ModeSource::Local;
            Outcome::Applied
        } else {
            self.source = ModeSource::Gateway;
            if self.mode == command.mode { Outcome::Unchanged } else { Outcome::Applied }
        };
        if command.lease_ms.millis().is_some() && self.mode != command.mode {
            self.mode = command.mode;
            self.since = Instant::now();
            self.changes += 1;
            self.shadow.adopt(config, command.mode);
        }
        Ack {
            v: Version,
            id: command.id.clone(),
            device: self.report.device.clone(),
            boot: self.report.boot,
            result,
            reason: command.reason.clone(),
            mode: self.mode,
            mode_source: self.source,
            job: None,
            receipt_to_effect_us: None,
            reaction_us: None,
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap()
}

fn replica(site: &Site, name: &str) -> Controller {
    Controller::start(site, name, &[&GROUP[..], &[("mqtt.client_id", name)]].concat())
}

fn wish(controller: &Controller, device: &str, wish: WishWord) {
    let request = Request::SetMode { device: device.parse().unwrap(), wish };
    ask::<_, Wished>(controller.socket(), &request).unwrap();
}

/// Counts of events by name.
fn count(controllers: &[&Controller], name: &str) -> usize {
    controllers.iter().map(|controller| controller.events(name).len()).sum()
}

#[test]
fn three_controllers_lead_as_one_also_when_one_of_them_dies() {
    let site = Site::mosquitto();
    let mut first = replica(&site, "first");
    let (mut second, mut third) = (replica(&site, "second"), replica(&site, "third"));
    let mut fleet = Fleet::start(&site);
    fleet.until("the first crossings", |device| device.changes >= 2 * CROSSINGS);
    // Every one of them had its share.
    for controller in [&first, &second, &third] {
        assert!(count(&[controller], "decision") > 0);
    }

    first.kill();
    let before = fleet.changes();
    fleet.until("crossings after a death", |device| device.changes >= before[&device.name] + 2 * CROSSINGS);
    // One stands still, with its connection open. What it finds when it goes on is past.
    third.signal("STOP");
    let before = fleet.changes();
    fleet.until("crossings beside one that stands still", |device| device.changes >= before[&device.name] + 4);
    third.signal("CONT");
    let before = fleet.changes();
    fleet.until("crossings after it goes on", |device| device.changes >= before[&device.name] + 2);

    let worst = fleet.devices.iter().flat_map(|device| &device.waited).max().unwrap();
    println!(
        "most reports until DEGRADED: {worst}; all: {:?}",
        fleet.devices.iter().map(|d| &d.waited).collect::<Vec<_>>()
    );
    // A report is 50 ms; the machine may be busy with something else.
    assert!(*worst <= 20, "{worst}");

    // No device turned but when it had to: by its own account up and down again for each crossing.
    for device in &fleet.devices {
        let crossings = u64::try_from(device.waited.len()).unwrap();
        assert!((2 * crossings).abs_diff(device.changes) <= 1, "{}: {} for {crossings}", device.name, device.changes);
    }
    assert_eq!(count(&[&second, &third], "contested"), 0);
    // As many commands as one controller would send: one for each change, and renewals after a quarter to a third of the lease.
    let changes: u64 = fleet.devices.iter().map(|device| device.changes).sum();
    let elapsed_ms = millis(fleet.start.elapsed());
    let renewals = DEVICES * (elapsed_ms / u64::from(LEASE_MS / 4) + 1);
    println!("{} commands for {changes} changes of {DEVICES} devices in {elapsed_ms} ms", fleet.commands());
    assert!(u64::try_from(fleet.commands()).unwrap() <= changes + changes / 4 + renewals, "{}", fleet.commands());

    // What a controller can say of counts is the device's own word.
    let total = fleet.devices[0].report.total;
    let told = second.view("device0", "a count", |view| view.jobs + 20 * JOBS > total.jobs);
    assert_eq!((told.missing_jobs, told.duplicates), (0, 0));
    second.terminate();
    third.terminate();
}

#[test]
fn a_wish_outlives_the_controller_that_took_it() {
    let site = Site::mosquitto();
    let (mut first, mut second) = (replica(&site, "first"), replica(&site, "second"));
    let mut fleet = Fleet::start(&site);
    fleet.until("the gateway leads", |device| device.source == ModeSource::Gateway);
    wish(&first, "device0", WishWord::Degraded);
    fleet.until("the wish is done", |device| device.name != "device0" || device.mode == Mode::Degraded);
    first.kill();
    let changes = fleet.devices[0].changes;
    let of_wish = |view: &gateway_controller::fleet::DeviceView| {
        view.wanted == Some(Mode::Degraded) && view.wanted_by == gateway_controller::fleet::WantedBy::SetMode
    };
    second.view("device0", "the wish at the other", of_wish);
    // Far beyond the lease that the dead one gave; the load is none, so the policy alone would have let it recover.
    let end = Instant::now() + Duration::from_millis(u64::from(LEASE_MS) * 3);
    while Instant::now() < end {
        fleet.round();
    }
    assert_eq!((fleet.devices[0].mode, fleet.devices[0].changes), (Mode::Degraded, changes));
    let renewed = fleet.devices[0].heard;
    fleet.until("a renewal", |device| device.name != "device0" || device.heard > renewed);

    // One that starts now is bound as well; and `auto` at any of them ends it for all.
    let mut again = replica(&site, "again");
    again.view("device0", "the wish after a start", of_wish);
    wish(&again, "device0", WishWord::Auto);
    let by_policy =
        |view: &gateway_controller::fleet::DeviceView| view.wanted_by == gateway_controller::fleet::WantedBy::Policy;
    second.view("device0", "the end of the wish", by_policy);
    fleet.until("recovery by the policy", |device| device.name != "device0" || device.mode == Mode::Normal);
    // Nor does one that starts later find it.
    let mut third = replica(&site, "third");
    third.view("device0", "no wish", by_policy);
    assert_eq!(count(&[&second, &again, &third], "contested"), 0);
}
