//! An agent as a process of its own.

use std::path::{Path, PathBuf};

use device_agent::config::SCHEMA;
use device_agent::supervisor::{Answer, Request};
use serde_json::Value;
use shared_host::control::ask;
use shared_proto::wire::Totals;

use super::process::{Program, command};
use super::{Trouble, quick_reconnection, wait_for};

/// The same everywhere: a task that is light and quick, no thermometer listened to, no policy of its own.
const ALIKE: [(&str, &str); 8] = [
    ("safety.max_temp_c", "0"),
    ("safety.under_voltage", "false"),
    ("policy.enabled", "false"),
    ("spin.normal_ratio", "0.1"),
    ("spin.degraded_ratio", "0.05"),
    ("report.interval_ms", "100"),
    ("report.miss_window", "50"),
    ("log.format", "json"),
];
/// Where what is not delivered outlives a killed agent.
const STORE: &str = "spool.runtime_dir";

/// How an agent is to be started.
#[derive(Debug, Clone, Default)]
pub struct AgentPlan {
    /// Name of the device.
    pub device: String,
    /// Address of the broker.
    pub broker: String,
    /// Configuration keys with values, as in environment variables.
    pub keys: Vec<(String, String)>,
    /// Environment variables.
    pub environment: Vec<(String, String)>,
    /// A program that starts it, with its arguments.
    pub through: Vec<String>,
}

/// A running agent.
#[derive(Debug)]
pub struct Agent {
    plan: AgentPlan,
    home: PathBuf,
    program: Program,
}

/// What an agent says of itself at its end.
#[derive(Debug, Clone, Copy, Default)]
pub struct LastWords {
    /// The counts of its real-time thread.
    pub total: Totals,
    /// Reports made.
    pub reports: u64,
}

impl AgentPlan {
    /// Adds configuration keys.
    #[must_use]
    pub fn with(mut self, keys: &[(&str, &str)]) -> Self {
        self.keys.extend(keys.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())));
        self
    }
}

impl Agent {
    /// Starts an agent with its files in `home`.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(plan: AgentPlan, home: &Path) -> Result<Self, Trouble> {
        let program = launch(&plan, home)?;
        Ok(Self { plan, home: home.to_owned(), program })
    }

    /// Where it keeps, until a power cut, what is not delivered.
    #[must_use]
    pub fn runtime_dir(&self) -> PathBuf {
        runtime_dir(&self.home)
    }

    /// Its process.
    #[must_use]
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// How it is; waits until it answers.
    ///
    /// # Errors
    /// It has ended, or never answers.
    pub fn status(&mut self) -> Result<Answer, Trouble> {
        self.status_where("an answer on the agent's control socket", |_| true)
    }

    /// Waits until its status fits.
    ///
    /// # Errors
    /// It has ended, or that never comes.
    pub fn status_where(&mut self, what: &str, fits: impl Fn(&Answer) -> bool) -> Result<Answer, Trouble> {
        let socket = socket(&self.home);
        wait_for(what, || {
            self.program.check_running()?;
            Ok(ask::<_, Answer>(&socket, &Request::Status).ok().filter(|answer| fits(answer)))
        })
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        // Fails only if it has ended already, which the next start or status shows.
        let _ = self.program.kill();
    }

    /// Starts it again after its end.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn restart(&mut self) -> Result<(), Trouble> {
        self.program = launch(&self.plan, &self.home)?;
        Ok(())
    }

    /// SIGTERM; what it says at its end.
    ///
    /// # Errors
    /// It does not end well, or says nothing.
    pub fn terminate(&mut self) -> Result<LastWords, Trouble> {
        self.program.terminate()?;
        self.program.check_no_panic()?;
        let log = self.program.log();
        let mut lines = log.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let words = lines.find_map(|line| {
            let fields = line
                .get("fields")
                .filter(|fields| fields.get("message").and_then(Value::as_str) == Some("agent ends"))?;
            let number = |name: &str| fields.get(name).and_then(Value::as_u64);
            let total = Totals { jobs: number("jobs")?, misses: number("misses")?, skipped: number("skipped")? };
            Some(LastWords { total, reports: number("reports")? })
        });
        let what = format!("last words of {}", self.plan.device);
        words.ok_or(Trouble::Never { what, waited: std::time::Duration::ZERO })
    }
}

fn launch(plan: &AgentPlan, home: &Path) -> Result<Program, Trouble> {
    let mut command = command("agent", &["run"], &plan.through)?;
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    let store = runtime_dir(home);
    std::fs::create_dir_all(&store).map_err(Trouble::system(store.display().to_string()))?;
    let own = [
        ("device.name", plan.device.clone()),
        ("mqtt.url", plan.broker.clone()),
        ("control.socket", text(socket(home))),
        (STORE, text(store)),
    ];
    let keys = ALIKE.iter().map(|&(key, value)| (key, value.to_owned())).chain(own);
    let keys = keys.chain(plan.keys.iter().map(|(key, value)| (key.as_str(), value.clone())));
    command.envs(keys.map(|(key, value)| (SCHEMA.variable(key), value)));
    command.envs([quick_reconnection(&SCHEMA)]).envs(plan.environment.iter().cloned());
    Program::start(&plan.device, command, home)
}

fn socket(home: &Path) -> PathBuf {
    home.join("control.sock")
}

fn runtime_dir(home: &Path) -> PathBuf {
    home.join("spool")
}
