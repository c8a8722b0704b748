//! An agent as a process of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use device_agent::config::SCHEMA;
use device_agent::supervisor::{Answer, Request};
use serde_json::Value;
use shared_host::control::ask;
use shared_proto::wire::Totals;

use super::process::Process;
use super::{Site, eventually, run};

/// The device of stories with only one.
pub(crate) const DEVICE: &str = "device1";

/// An agent, configured by a file of its own `init` and by environment variables.
pub(crate) struct Agent {
    device: String,
    home: PathBuf,
    environment: Vec<(String, String)>,
    /// What a shell does before it becomes the agent.
    prelude: String,
    process: Process,
}

/// How an agent ended, and what it said of itself at the end.
#[derive(Debug)]
pub(crate) struct Farewell {
    /// Exit code; `None` after a signal.
    pub(crate) code: Option<i32>,
    /// From the signal to the end.
    pub(crate) took: Duration,
    /// The counts of its real-time thread.
    pub(crate) total: Totals,
    /// Reports made.
    pub(crate) reports: u64,
    /// Reports that the broker acknowledged.
    pub(crate) delivered: u64,
}

/// Levels of the simulated lines by BCM number: `low` or `high`.
pub(crate) type Lines = BTreeMap<String, String>;

/// The same for every user and every machine: no rights needed, no line driven, no thermometer listened to; a light task, so that other work
/// on the machine does not decide a story; and no policy of its own unless the story is about it.
const ALIKE: [(&str, &str); 13] = [
    ("gpio.backend", "sim"),
    ("realtime.scheduler", "other"),
    ("realtime.lock_memory", "false"),
    ("realtime.no_deep_sleep", "false"),
    ("safety.max_temp_c", "0"),
    ("safety.under_voltage", "false"),
    ("policy.enabled", "false"),
    ("task.period_ms", "10"),
    ("spin.normal_ratio", "0.1"),
    ("spin.degraded_ratio", "0.05"),
    ("report.interval_ms", "100"),
    ("report.miss_window", "50"),
    ("log.format", "json"),
];

impl Agent {
    /// Starts an agent at the site's broker. `keys` are configuration keys with values as in environment variables.
    pub(crate) fn start(site: &Site, device: &str, keys: &[(&str, &str)]) -> Self {
        Self::start_at(site, &site.broker.url(), device, keys)
    }

    /// Starts an agent at another address.
    pub(crate) fn start_at(site: &Site, broker: &str, device: &str, keys: &[(&str, &str)]) -> Self {
        let home = site.home(device);
        let file = home.join("agent.toml");
        let file = file.to_str().expect("a path in UTF-8");
        run(super::agent(["init", "--force", "--output", file, "--device", device, "--broker", broker])).success();
        let paths = [("control.socket", socket(&home)), ("gpio.sim_state_file", lines_file(&home))];
        let paths = paths.iter().map(|(key, path)| (*key, path.to_str().expect("a path in UTF-8")));
        let environment: Vec<_> = ALIKE
            .into_iter()
            .chain(paths)
            .chain(keys.iter().copied())
            .map(|(key, value)| (SCHEMA.variable(key), value.to_owned()))
            .collect();
        let prelude = String::new();
        let process = launch(device, &home, &environment, &prelude);
        Self { device: device.to_owned(), home, environment, prelude, process }
    }

    /// Starts an agent from a shell that does something before: a limit, for example.
    pub(crate) fn start_after(site: &Site, prelude: &str, keys: &[(&str, &str)]) -> Self {
        let mut agent = Self::start(site, DEVICE, keys);
        agent.process.kill();
        prelude.clone_into(&mut agent.prelude);
        agent.restart();
        agent
    }

    /// Starts an agent at the site's broker, with environment variables beside its configuration.
    pub(crate) fn start_with_environment(site: &Site, keys: &[(&str, &str)], environment: &[(&str, &str)]) -> Self {
        let mut agent = Self::start(site, DEVICE, keys);
        agent.process.kill();
        agent.environment.extend(environment.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())));
        agent.restart();
        agent
    }

    /// Id of its real-time thread.
    pub(crate) fn rt_thread(&self) -> u32 {
        let tasks = format!("/proc/{}/task", self.process.id());
        eventually("the real-time thread", || {
            let ids = fs::read_dir(&tasks).ok()?.flatten().filter_map(|task| task.file_name().to_str()?.parse().ok());
            ids.into_iter().find(|id: &u32| {
                fs::read_to_string(format!("{tasks}/{id}/comm")).is_ok_and(|name| name.trim() == "rt-task")
            })
        })
    }

    /// What it has logged, from all its starts.
    pub(crate) fn log(&self) -> String {
        self.process.err()
    }

    /// Starts it again after its end.
    pub(crate) fn restart(&mut self) {
        self.process = launch(&self.device, &self.home, &self.environment, &self.prelude);
    }

    /// How it is; waits until it answers.
    pub(crate) fn status(&mut self) -> Answer {
        let socket = socket(&self.home);
        eventually("an answer on the agent's control socket", || {
            assert!(self.process.is_running(), "the agent has ended: {}", self.process.err());
            ask(&socket, &Request::Status).ok()
        })
    }

    /// Waits until its status fits.
    pub(crate) fn status_where(&mut self, what: &str, fits: impl Fn(&Answer) -> bool) -> Answer {
        let mut latest = None;
        eventually(what, || {
            let answer = latest.insert(self.status());
            fits(answer).then(|| answer.clone())
        })
    }

    /// Waits until the mirrored lines have these levels.
    pub(crate) fn wait_for_lines(&self, wanted: [(&str, &str); 2]) {
        eventually(&format!("lines at {wanted:?}"), || {
            let lines = self.lines();
            wanted.iter().all(|(line, level)| lines.get(*line).is_some_and(|now| now == level)).then_some(())
        });
    }

    /// The mirrored lines.
    pub(crate) fn lines(&self) -> Lines {
        let text = fs::read_to_string(lines_file(&self.home)).unwrap_or_else(|_| "{}".to_owned());
        serde_json::from_str(&text).expect("lines and their levels")
    }

    /// Its control socket.
    pub(crate) fn socket(&self) -> PathBuf {
        socket(&self.home)
    }

    /// SIGTERM; waits for the end.
    pub(crate) fn terminate(&mut self) -> Farewell {
        let (status, took) = self.process.terminate();
        let log = self.process.err();
        let mut lines = log.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let last = lines.find(|line| line["fields"]["message"] == "agent ends").expect("the agent's last words");
        let number = |name: &str| last["fields"][name].as_u64().unwrap_or_else(|| panic!("{name} in {last}"));
        Farewell {
            code: status.code(),
            took,
            total: Totals { jobs: number("jobs"), misses: number("misses"), skipped: number("skipped") },
            reports: number("reports"),
            delivered: number("reports_delivered"),
        }
    }

    /// Stops its clock, as a hypervisor would: it says nothing, and does not go.
    pub(crate) fn freeze(&self) {
        self.process.signal("STOP");
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        self.process.signal("CONT");
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }
}

fn launch(device: &str, home: &Path, environment: &[(String, String)], prelude: &str) -> Process {
    let mut command: Command = super::agent(["run", "--config"]);
    if !prelude.is_empty() {
        let agent = command;
        command = super::tool("sh", ["-c", &format!("{prelude}; exec \"$@\""), "sh"]);
        command.arg(agent.get_program()).args(agent.get_args());
    }
    command.arg(home.join("agent.toml")).envs(environment.iter().map(|(name, value)| (name, value)));
    Process::start(device, command, home)
}

fn socket(home: &Path) -> PathBuf {
    home.join("control.sock")
}

fn lines_file(home: &Path) -> PathBuf {
    home.join("lines.json")
}
