//! The agent in the guest.

use std::collections::BTreeSet;

use device_agent::config::SCHEMA;
use device_agent::supervisor::Answer;
use serde_json::Value;
use shared_proto::wire::{Report, Setting, SettingOutcome, Totals};

use super::Board;
use super::machine::{Answered, Machine};
use crate::harness::{Site, eventually};

/// Its configuration, which its own `init` writes on the board.
pub(super) const FILE: &str = "/etc/agent.toml";

/// Light and without a policy of its own, so that a slow machine does not decide a story.
const ALIKE: [(&str, &str); 7] = [
    ("control.socket", "/run/agent.sock"),
    ("log.format", "json"),
    ("policy.enabled", "false"),
    ("task.period_ms", "50"),
    ("spin.normal_ratio", "0.1"),
    ("spin.degraded_ratio", "0.05"),
    ("safety.max_temp_c", "0"),
];

/// An emulated machine with an agent.
pub(super) struct Guest {
    pub(super) machine: Machine,
}

/// What an agent says at its end, and its exit code.
#[derive(Debug)]
pub(super) struct LastWords {
    pub(super) code: String,
    pub(super) total: Totals,
}

impl Guest {
    /// Boots a machine, and makes a configuration for the agent there as its documentation says; `keys` go to its environment.
    pub(super) fn boot(board: Board, site: &Site, device: &str, keys: &[(&str, &str)]) -> Self {
        let keys = ALIKE.iter().chain(keys);
        let environment: Vec<_> = keys.map(|(key, value)| (SCHEMA.variable(key), (*value).to_owned())).collect();
        let mut machine = Machine::boot(board, site, &environment);
        let broker = format!("mqtt://10.0.2.2:{}", site.broker.port());
        let init = format!("device-agent init --device {device} --broker {broker} --insecure --output {FILE}");
        assert_eq!(machine.succeed(&init), "", "nothing is left to be put right");
        Self { machine }
    }

    /// Starts the agent in the background.
    pub(super) fn start(&mut self) {
        let run = format!("(device-agent run --config {FILE} >/run/agent.log 2>&1; echo $? >/run/agent.code) &");
        self.machine.succeed(&run);
    }

    /// Runs another agent to its end, with the same configuration and other environment variables.
    pub(super) fn run_another(&mut self, keys: &[(&str, &str)]) -> Answered {
        let variables: Vec<_> = keys.iter().map(|(key, value)| format!("{}={value}", SCHEMA.variable(key))).collect();
        self.machine.run(&format!("{} timeout 30 device-agent run --config {FILE}", variables.join(" ")))
    }

    /// The configuration that `init` has written.
    pub(super) fn configured(&mut self, line: &str) -> bool {
        self.machine.run(&format!("grep -qx '{line}' {FILE}")).code == 0
    }

    /// How the agent is, by `device-agent status`; waits until that fits.
    pub(super) fn status_where(&mut self, what: &str, fits: impl Fn(&Answer) -> bool) -> Answer {
        eventually(what, || {
            let answered = self.machine.run(&format!("device-agent status --json --config {FILE}"));
            let answer = || serde_json::from_str::<Answer>(&answered.text);
            (answered.code == 0)
                .then(|| answer().unwrap_or_else(|error| panic!("{error}: {}", answered.text)))
                .filter(|answer| fits(answer))
        })
    }

    /// Waits until the agent has looked at its button for longer than it debounces: it does so whenever it takes in jobs, which
    /// are 50 ms apart.
    pub(super) fn wait_for_looks(&mut self) {
        let mut jobs = 0;
        for _ in 0..3 {
            jobs = self.status_where("more jobs", |status| status.total.jobs > jobs).total.jobs;
        }
    }

    /// The fields of all lines of its log with this message.
    pub(super) fn logged(&mut self, message: &str) -> Vec<Value> {
        self.log_lines(&format!("\"message\":\"{message}\""))
    }

    /// The messages of all its warnings and errors, each once, without the one that this broker is not encrypted.
    pub(super) fn warnings(&mut self) -> BTreeSet<String> {
        let lines = [self.log_lines("\"level\":\"WARN\""), self.log_lines("\"level\":\"ERROR\"")].concat();
        let messages = lines.iter().map(|fields| fields["message"].as_str().expect("a message").to_owned());
        messages.filter(|message| !message.starts_with("not encrypted")).collect()
    }

    fn log_lines(&mut self, with: &str) -> Vec<Value> {
        let answered = self.machine.run(&format!("grep -F '{with}' /run/agent.log"));
        let line = |line| serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        answered.text.lines().map(|text| line(text)["fields"].clone()).collect()
    }

    /// SIGTERM; what it says at its end.
    pub(super) fn terminate(&mut self) -> LastWords {
        self.machine.succeed("kill -TERM $(pidof device-agent)");
        let code = eventually("the agent's end", || {
            let answered = self.machine.run("cat /run/agent.code");
            (answered.code == 0).then(|| answered.text.trim().to_owned())
        });
        let last = self.logged("agent ends");
        let fields = last.last().expect("the agent's last words");
        let number = |name: &str| fields[name].as_u64().unwrap_or_else(|| panic!("{name} in {fields}"));
        let total = Totals { jobs: number("jobs"), misses: number("misses"), skipped: number("skipped") };
        LastWords { code, total }
    }
}

/// Whether the system took a setting.
pub(crate) fn is_granted(settings: &[Setting], name: &str, asked: &str) -> bool {
    settings.iter().any(|setting| {
        setting.name.as_str() == name && setting.asked.as_str() == asked && setting.outcome == SettingOutcome::Granted
    })
}

/// Numbers of the windows in which the real-time thread had page faults. The last one does not count: it contains the
/// thread's end.
pub(super) fn windows_with_faults(reports: &[Report]) -> Vec<u64> {
    let running = reports.split_last().map_or(reports, |(_, running)| running);
    running.iter().filter(|report| report.rt.faults > 0).map(|report| report.seq).collect()
}
