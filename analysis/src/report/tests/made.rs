//! Recordings for tests: a small fleet, as it may be.

use std::path::{Path, PathBuf};

use fastrand::Rng;
use shared_proto::histogram::Latency;
use shared_proto::ids::BootId;
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::policy::PolicyState;
use shared_proto::units::Ratio;
use shared_proto::wire::{
    Ack, Departure, Dialects, Host, Lost, MissBurst, MissWindow, Outcome, OverrunPolicy, Report, RtContext, Schedule,
    Setting, SettingOutcome, Settings, Status, Task, Totals, Version,
};

use crate::experiment::{
    Begin, End, Ending, Existing, FORMAT_VERSION, Format, Gateway, Group, Heard, Injected, Line, Setup, Writer,
};
use crate::run::Machine;

/// How a recording is made.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) label: String,
    pub(super) note: String,
    pub(super) version: String,
    pub(super) seed: u64,
    pub(super) run: u32,
    pub(super) seconds: u64,
    /// Times the ordinary latency and the gateway's load.
    pub(super) slower: f64,
    pub(super) devices: u64,
    pub(super) end: Option<Ending>,
}

impl Default for Made {
    fn default() -> Self {
        Self {
            label: "plain".to_owned(),
            note: String::new(),
            version: "0.1.0".to_owned(),
            seed: 1,
            run: 1,
            seconds: 24,
            slower: 1.0,
            devices: 2,
            end: Some(Ending::Complete),
        }
    }
}

/// Jobs of a window of 500 ms.
const JOBS: u64 = 100;

fn name(device: u64) -> String {
    format!("pi-{device:02}")
}

fn task() -> Task {
    Task { name: "spin".into(), period_us: 5000, deadline_us: 5000, overrun: OverrunPolicy::SkipNext }
}

impl Made {
    pub(super) fn begin(&self) -> Begin {
        let machine = Machine {
            host: "gateway".into(),
            kernel: "6.12.0".into(),
            arch: "aarch64".into(),
            cpus: 4,
            ..Machine::default()
        };
        Begin {
            format: Format::FleetExperiment,
            version: FORMAT_VERSION,
            tool: "gateway-controller 0.1.0".into(),
            label: self.label.clone(),
            run: self.run,
            started_unix_ms: 1_772_373_900_000 + u64::from(self.run) * 60_000,
            duration_ms: Some(self.seconds * 1000),
            machine,
            setup: Setup {
                broker: "mqtt://localhost:1883".into(),
                root: "edge".into(),
                inject_every_ms: Some(4000),
                sample_every_ms: 1000,
                degrade_above: 0.05,
                note: self.note.clone(),
            },
        }
    }

    /// All lines after the first.
    pub(super) fn lines(&self) -> Vec<Line> {
        let mut random = Rng::with_seed(self.seed);
        let drift = 1.0 + 0.03 * (random.f64() - 0.5);
        let mut lines: Vec<Line> = (0..self.devices).map(|device| self.status(1.0, device, None)).collect();
        for half in 1..=self.seconds * 2 {
            let at_ms = half as f64 * 500.0;
            let hot = (16..24).contains(&(half % 40));
            for device in 0..self.devices {
                lines.push(self.report(&mut random, at_ms + 3.0 + device as f64, device, half, drift, hot));
            }
            if half % 2 == 0 {
                lines.push(self.gateway(&mut random, at_ms + 20.0));
            }
            if half % 8 == 0 {
                lines.extend(self.injected(&mut random, at_ms + 50.0, half));
            }
            if half == 30 {
                lines.push(self.status(at_ms + 100.0, 0, Some(Departure::Lost)));
                lines.push(self.status(at_ms + 1900.0, 0, None));
            }
        }
        lines.sort_by(|x, y| x.at_ms().total_cmp(&y.at_ms()));
        lines
    }

    fn latency(&self, random: &mut Rng, drift: f64) -> Latency {
        let mut latency = Latency::default();
        for _ in 0..JOBS - 2 {
            let normal = 1.7 * ((0..4).map(|_| random.f64()).sum::<f64>() - 2.0);
            let rare = if random.f64() < 0.003 { 1.0 + 25.0 * random.f64() } else { 1.0 };
            let us = 42.0 * (0.35 * normal).exp() * rare * drift * self.slower;
            latency.record(shared_proto::units::micros_to_ns(us).unwrap());
        }
        latency
    }

    fn report(&self, random: &mut Rng, at_ms: f64, device: u64, seq: u64, drift: f64, hot: bool) -> Line {
        let wakeup_us = self.latency(random, drift);
        let response_us = self.latency(random, drift * 20.0);
        let misses = if hot { 2 + random.u64(0..9) } else { 2 };
        let degraded = hot && seq % 40 > 18;
        let rt = RtContext {
            schedule: Schedule::Fifo,
            priority: 80,
            cpu: Some(3),
            locked: true,
            self_overhead_ns: 900,
            preemptions: 0,
            faults: 0,
        };
        let message = Report {
            v: Version,
            device: name(device).parse().unwrap(),
            boot: BootId(7 + device),
            seq,
            t_ms: 1,
            up_ms: 500 * seq + 9_000,
            clock_synced: true,
            span_ms: 500,
            task: task(),
            epoch: 0,
            mode: if degraded { Mode::Degraded } else { Mode::Normal },
            mode_source: ModeSource::Gateway,
            mode_age_ms: 1,
            jobs: JOBS,
            misses,
            skipped: 2,
            miss_rate: Ratio::of(misses, JOBS),
            miss_window: MissWindow { jobs: 100, misses: u32::try_from(misses).unwrap() },
            longest_miss_run: 1,
            worst_burst: MissBurst::default(),
            wakeup_us,
            response_us,
            workload: Ratio::ZERO,
            host: Host { temp_c: Some(51.0), throttled: Some(0), ..Host::default() },
            rt,
            lost: Lost::default(),
            merged: 1,
            total: Totals { jobs: JOBS * seq, misses: 11 * seq, skipped: 2 * seq },
            policy: PolicyState::default(),
        };
        Line::Report(Heard { at_ms, message: Box::new(message) })
    }

    fn status(&self, at_ms: f64, device: u64, departure: Option<Departure>) -> Line {
        let mut settings = Settings::new();
        let setting = |name: &str, asked: &str, outcome| Setting {
            name: name.into(),
            asked: asked.into(),
            outcome,
            why: "".into(),
        };
        settings.push(setting("scheduler", "fifo 80", SettingOutcome::Granted)).unwrap();
        settings.push(setting("governor", "performance", SettingOutcome::Refused)).unwrap();
        let message = Status {
            v: Version,
            device: name(device).parse().unwrap(),
            boot: BootId(7 + device),
            conn: 1,
            up_ms: None,
            online: departure.is_none(),
            departure,
            version: self.version.as_str().into(),
            mode: Mode::Normal,
            mode_source: ModeSource::Gateway,
            reason: "".into(),
            danger: None,
            task: task(),
            dialects: Dialects::new(),
            settings,
            model: Some("Raspberry Pi 5".into()),
            kernel: Some("6.12.0-rt".into()),
            preempt_rt: Some(true),
        };
        Line::Status(Heard { at_ms, message: Box::new(message) })
    }

    fn gateway(&self, random: &mut Rng, at_ms: f64) -> Line {
        let group = |name: &str, cpu: f64, memory_kb| Group { name: name.to_owned(), processes: 1, cpu, memory_kb };
        let cpu = (0.05 + 0.02 * random.f64()) * self.slower;
        Line::Gateway(Gateway {
            at_ms,
            span_ms: 1000.0,
            cpu,
            steal: 0.0,
            memory_used_kb: 400_000 + random.u64(0..9_000),
            memory_kb: 4_000_000,
            cpu_pressure: Some(0.01 * random.f64()),
            groups: vec![group("mosquitto", 0.02 * self.slower, 9_000), group("gateway-controller", 0.03, 22_000)],
        })
    }

    fn injected(&self, random: &mut Rng, at_ms: f64, number: u64) -> [Line; 2] {
        let id = format!("inject-{number}");
        let device = name(number / 8 % self.devices);
        let message = Ack {
            v: Version,
            id: id.parse().unwrap(),
            device: device.parse().unwrap(),
            boot: BootId(7),
            result: Outcome::Applied,
            reason: "".into(),
            mode: Mode::Degraded,
            mode_source: ModeSource::Gateway,
            job: Some(number),
            receipt_to_effect_us: Some(900.0),
            reaction_us: None,
        };
        let took_ms = (4.0 + 6.0 * random.f64()) * self.slower;
        [
            Line::Injected(Injected {
                at_ms,
                device: device.parse().unwrap(),
                id: id.parse().unwrap(),
                mode: Mode::Degraded,
            }),
            Line::Ack(Heard { at_ms: at_ms + took_ms, message: Box::new(message) }),
        ]
    }

    /// Writes it into a directory.
    pub(super) fn write(&self, directory: &Path) -> PathBuf {
        let path = directory.join(format!("{}-{}.jsonl.zst", self.label.replace(['/', '<'], "_"), self.run));
        let mut writer = Writer::create(&path, self.begin(), Existing::Replace).unwrap();
        let lines = self.lines();
        lines.iter().for_each(|line| writer.append(line).unwrap());
        let reports = lines.iter().filter(|line| matches!(line, Line::Report(_))).count() as u64;
        match self.end {
            Some(reason) => drop(writer.finish(End { at_ms: self.seconds as f64 * 1000.0, reason, reports }).unwrap()),
            None => writer.keep().unwrap(),
        }
        path
    }
}

/// So many runs of one condition.
pub(super) fn runs(directory: &Path, label: &str, count: u32, slower: f64) -> Vec<PathBuf> {
    let seed = (slower * 1000.0).round();
    (1..=count)
        .map(|run| {
            let seed = u64::from(run) + label.len() as u64 * 100 + seed.to_bits();
            Made { label: label.to_owned(), seed, run, slower, ..Made::default() }.write(directory)
        })
        .collect()
}
