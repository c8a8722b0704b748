//! The machine, with what its systemd says of the service, and what the broker hears of the agent.

use std::collections::BTreeMap;

use device_agent::config::SCHEMA;
use device_agent::supervisor::Answer;
use shared_proto::ids::BootId;
use shared_proto::wire::{Report, Status};

use crate::emulated::{Machine, emulation};
use crate::harness::{Probe, Site, eventually, sum};

/// The name that the package gives it: that of its host.
pub(super) const NAME: &str = "booted";
pub(super) const SERVICE: &str = "device-agent.service";
pub(super) const CONFIGURATION: &str = "/etc/device-agent/config.toml";
pub(super) const ENVIRONMENT: &str = "/etc/device-agent/environment";
/// Levels of its log lines.
pub(super) const WARN: &str = "\"level\":\"WARN\"";
pub(super) const ERROR: &str = "\"level\":\"ERROR\"";
/// Lines of the PL061 chip.
pub(super) const NORMAL: u8 = 0;
pub(super) const DEGRADED: u8 = 1;
pub(super) const HEARTBEAT: u8 = 2;

/// Real lines; light and without a policy of its own, so that a slow machine does not decide a story.
const KEYS: [(&str, &str); 11] = [
    ("mqtt.insecure", "true"),
    ("gpio.backend", "chardev"),
    ("gpio.normal_line", "0"),
    ("gpio.degraded_line", "1"),
    ("gpio.heartbeat_line", "2"),
    ("policy.enabled", "false"),
    ("task.period_ms", "50"),
    ("spin.normal_ratio", "0.1"),
    ("spin.degraded_ratio", "0.05"),
    ("safety.max_temp_c", "0"),
    ("log.format", "json"),
];

/// The machine with the agent.
pub(super) struct Device {
    pub(super) machine: Machine,
    pub(super) probe: Probe,
    port: u16,
    /// The latest run that the broker knows.
    pub(super) run: Option<BootId>,
}

/// A line of the service's journal.
#[derive(Debug)]
pub(super) struct Line {
    /// Seconds since the machine booted.
    pub(super) at: f64,
    /// All of it.
    pub(super) text: String,
}

impl Device {
    pub(super) fn boot(site: &Site) -> Self {
        let probe = Probe::connect(&site.broker.url());
        let mut machine = Machine::boot_debian(site, &emulation().join("packages"));
        machine.succeed("mount -o ro LABEL=packages /mnt");
        Self { machine, probe, port: site.broker.port(), run: None }
    }

    /// Lines for its environment file: the broker on the host, and the keys of this story.
    pub(super) fn environment(&self) -> String {
        let broker = format!("mqtt://10.0.2.2:{}", self.port);
        let keys = [("mqtt.url", broker.as_str())].into_iter().chain(KEYS);
        keys.map(|(key, value)| format!("{}={value}\\n", SCHEMA.variable(key))).collect()
    }

    /// What systemd says of the service.
    pub(super) fn property(&mut self, name: &str) -> String {
        self.machine.succeed(&format!("systemctl show --value --property={name} {SERVICE}")).trim().to_owned()
    }

    /// Its main process.
    pub(super) fn process(&mut self) -> String {
        let process = self.property("MainPID");
        assert_ne!(process, "0", "the service runs");
        process
    }

    /// A field of `/proc/PID/status`, without blanks.
    pub(super) fn process_field(&mut self, process: &str, name: &str) -> String {
        let field = self.machine.succeed(&format!("sed -n 's/^{name}:[[:space:]]*//p' /proc/{process}/status"));
        field.split_whitespace().next().unwrap_or_default().to_owned()
    }

    /// Seconds since the machine booted.
    pub(super) fn now(&mut self) -> f64 {
        let uptime = self.machine.succeed("cat /proc/uptime");
        let seconds = uptime.split(' ').next().and_then(|seconds| seconds.parse().ok());
        seconds.unwrap_or_else(|| panic!("/proc/uptime: {uptime}"))
    }

    /// Waits for a line of the service's journal, since a moment of this boot, with all these words.
    pub(super) fn journal_line(&mut self, since: f64, words: &[&str]) -> Line {
        eventually(&format!("{words:?} in the journal"), || self.journal(since, words).into_iter().next())
    }

    /// Warnings and errors of the agent since a moment of this boot, without the one that this broker is not encrypted.
    pub(super) fn warnings(&mut self, since: f64) -> Vec<String> {
        let lines = [WARN, ERROR].map(|level| self.journal(since, &[level])).into_iter().flatten();
        lines.map(|line| line.text).filter(|text| !text.contains("not encrypted")).collect()
    }

    fn journal(&mut self, since: f64, words: &[&str]) -> Vec<Line> {
        let only: String = words.iter().map(|word| format!(" | grep -F '{word}'")).collect();
        let show = format!("journalctl --boot --unit={SERVICE} --output=short-monotonic --no-pager{only}");
        // grep's exit code is that there is none.
        let lines = self.machine.run(&show).text;
        lines.lines().map(Line::of).filter(|line| line.at >= since).collect()
    }

    /// How the agent is, by `device-agent status`; waits until that fits.
    pub(super) fn status_where(&mut self, what: &str, fits: impl Fn(&Answer) -> bool) -> Answer {
        eventually(what, || {
            let answered = self.machine.run("device-agent status --json");
            let answer = || serde_json::from_str::<Answer>(&answered.text);
            (answered.code == 0)
                .then(|| answer().unwrap_or_else(|error| panic!("{error}: {}", answered.text)))
                .filter(|answer| fits(answer))
        })
    }

    /// Waits until the broker knows a new run of it, whose task runs with its lines.
    pub(super) fn born(&mut self) -> Status {
        let before = self.run;
        let birth = self.probe.status(NAME, "a new run", |status| status.online && Some(status.boot) != before);
        self.run = Some(birth.boot);
        self.machine.lines.wait_for(&[NORMAL], &[DEGRADED]);
        self.machine.lines.wait_for_changes(HEARTBEAT, 4);
        birth
    }

    /// The program that runs.
    pub(super) fn program(&mut self) -> String {
        let process = self.process();
        self.machine.succeed(&format!("readlink /proc/{process}/exe")).trim().to_owned()
    }

    /// Each window of each run was reported, and their jobs add up to the run's own count.
    pub(super) fn every_job_was_told(&mut self) {
        let mut runs = BTreeMap::<BootId, Vec<Report>>::new();
        for report in self.probe.reports(NAME) {
            runs.entry(report.boot).or_default().push(report);
        }
        for (run, reports) in &runs {
            let last = reports.last().expect("a report");
            assert_eq!(sum(reports), last.total, "run {run}");
            let windows: u64 = reports.iter().map(|report| u64::from(report.merged)).sum();
            assert_eq!(windows, last.seq, "run {run}: no report is missing");
        }
        let jobs: u64 = runs.values().filter_map(|reports| reports.last()).map(|last| last.total.jobs).sum();
        self.machine.note(&format!("{} runs, {jobs} jobs, each told once", runs.len()));
    }
}

impl Line {
    /// `[   86.461009] booted device-agent[278]: …`
    fn of(text: &str) -> Self {
        let at = text.trim_start_matches('[').split(']').next().and_then(|at| at.trim().parse().ok());
        Self { at: at.unwrap_or_else(|| panic!("{text}")), text: text.to_owned() }
    }
}
