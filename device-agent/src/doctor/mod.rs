//! `device-agent doctor`: whether this device is fit to run, and what mends what is not. See `docs/doctor.md`.
//!
//! Each check has a file: what it looks at (`gather`), and what it makes of that (`judge`, pure). Nothing is changed, and
//! nothing is taken from an agent that runs.

mod broker;
mod clock;
mod cpu;
mod disk;
mod gpio;
mod power;
mod realtime;
mod running;
mod show;
mod system;
#[cfg(test)]
mod tests;
mod watchdog;

use std::path::{Display, Path};

use serde::Serialize;
use shared_host::config::{ConfigError, Loaded};
use shared_host::control::default_path;
use shared_host::mqtt::{Credentials, Password};
use shared_host::secret::Place;

pub(crate) use running::{Running, look};
pub use show::{Colours, table};

use crate::config::{self, Config, SCHEMA};
use crate::finding::Findings;
pub use crate::finding::{Finding, Outcome};
use crate::gpio::GpioBackend;
use crate::host::{HostReader, Platform};
use broker::{Limit, Step};
use running::Link;

/// Runs the doctor with what systemd gives the service.
const AS_SERVICE: &str = "sudo CREDENTIALS_DIRECTORY=/run/credentials/device-agent.service STATE_DIRECTORY=/var/lib/device-agent \
    RUNTIME_DIRECTORY=/run/device-agent device-agent doctor --config /etc/device-agent/config.toml";
/// Where the service has its configuration.
const SERVICE_CONFIG: &str = "etc/device-agent/config.toml";

/// All that was found, as `--json` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Version of this form.
    pub doctor: u8,
    /// Version of the program.
    pub version: &'static str,
    /// Name of the device; none without a configuration.
    pub device: Option<String>,
    /// The gravest outcome.
    pub outcome: Outcome,
    /// Every check, in the order in which things are needed.
    pub findings: Vec<Finding>,
}

impl Report {
    fn new(device: Option<String>, Findings(findings): Findings) -> Self {
        let outcome = findings.iter().map(|finding| finding.outcome).max().unwrap_or(Outcome::Skipped);
        Self { doctor: 1, version: env!("CARGO_PKG_VERSION"), device, outcome, findings }
    }

    /// Whether the configuration cannot be read.
    #[must_use]
    pub fn is_without_configuration(&self) -> bool {
        self.findings.iter().any(|finding| finding.check == CONFIG && finding.outcome == Outcome::Failure)
    }
}

const CONFIG: &str = "config.file";

/// Looks at everything. Blocks for some seconds where the broker does not answer.
#[must_use]
pub fn examine(file: Option<&Path>) -> Report {
    let root = Path::new("/");
    match config::load(file) {
        Ok((config, loaded)) => with_config(root, file, &config, &loaded),
        Err(error) => without_config(root, file, &error),
    }
}

fn without_config(root: &Path, file: Option<&Path>, error: &ConfigError) -> Report {
    let mut findings = Findings::default();
    let mend = format_args!("mend these lines, then: device-agent check-config {}", shown(file));
    findings.failure(CONFIG, format_args!("{error}"), mend);
    of_machine(root, None, None, &mut findings);
    Report::new(None, findings)
}

fn with_config(root: &Path, file: Option<&Path>, config: &Config, loaded: &Loaded) -> Report {
    let mut findings = Findings::default();
    let to = &mut findings;
    config_file(root, file, to);
    let files_at = files_at(config);
    files(config, loaded, files_at, file, to);
    of_machine(root, config.asked.cpu, config.guard.max_temp_c, to);
    let socket = config.control_socket.clone().unwrap_or_else(|| default_path(SCHEMA.program));
    let running = running::look(root, &socket);
    match &running {
        // What the agent says itself does not need to be tried.
        Running::Answers { told, .. } => to.take_lines(told),
        Running::No => {
            realtime::judge(&realtime::gather(root, config.asked), &config.asked, to);
            lines(config, &running, to);
        }
        // A trial beside its thread, with its priority on its CPU, could make a job late.
        Running::Mute(why) => {
            to.skipped("realtime.scheduler", why);
            lines(config, &running, to);
        }
    }
    disk::judge(&disk::gather(&config.store), config.store.max_bytes, to);
    let limit = limit(&running, files_at);
    let last = limit.as_ref().map_or(Step::Ack, |limit| limit.last);
    broker::judge(&broker::gather(config, last), limit.as_ref(), config, to);
    Report::new(Some(config.device.to_string()), findings)
}

/// What needs no configuration, or makes do with little of it.
fn of_machine(root: &Path, cpu: Option<u16>, max_temp_c: Option<f32>, to: &mut Findings) {
    let program = std::env::current_exe().unwrap_or_default();
    system::judge(&Platform::at(root), &program.to_string_lossy(), to);
    clock::judge(&clock::gather(root), to);
    power::judge(&HostReader::at(root, None).vitals(), max_temp_c, to);
    cpu::judge(&cpu::gather(root, cpu), cpu, to);
    watchdog::judge(&watchdog::gather(root), to);
}

fn shown(file: Option<&Path>) -> Display<'_> {
    file.unwrap_or(Path::new("")).display()
}

fn config_file(root: &Path, file: Option<&Path>, to: &mut Findings) {
    match file {
        Some(file) => to.ok(CONFIG, format_args!("{}", file.display())),
        None if root.join(SERVICE_CONFIG).exists() => to.warning(
            CONFIG,
            format_args!("without --config these are the defaults and the environment, not /{SERVICE_CONFIG}"),
            format_args!("sudo device-agent doctor --config /{SERVICE_CONFIG}"),
        ),
        None => to.ok(CONFIG, format_args!("the defaults and the environment")),
    }
}

/// Where the configured files are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FilesAt {
    /// Where this process may look for them.
    Hand,
    /// Some are systemd's affair, and systemd has not started this process.
    Systemd,
}

fn files_at(config: &Config) -> FilesAt {
    let broker = &config.broker;
    let password = broker.credentials.as_ref().and_then(|Credentials { password, .. }| match password {
        Password::File(place) => Some(place),
        Password::None | Password::Given(_) => None,
    });
    let identity = broker.tls.identity.as_ref();
    let key = config.security.as_ref().map(|security| &security.key_file);
    let places = [password, broker.tls.ca.as_ref(), identity.map(|it| &it.cert), identity.map(|it| &it.key), key];
    let is_systemds = places.iter().any(|place| matches!(place, Some(Place::Credential(_))));
    if is_systemds && std::env::var_os("CREDENTIALS_DIRECTORY").is_none() { FilesAt::Systemd } else { FilesAt::Hand }
}

fn files(config: &Config, loaded: &Loaded, files_at: FilesAt, file: Option<&Path>, to: &mut Findings) {
    const CHECK: &str = "config.files";
    if files_at == FilesAt::Systemd {
        let why = format_args!("files are named credential:..., which systemd hands to the service alone");
        return to.add(CHECK, Outcome::Skipped, why, format_args!("{AS_SERVICE}"));
    }
    match config.check_files(loaded) {
        Ok(()) => to.ok(CHECK, format_args!("all that are configured can be used: passwords, keys, certificates")),
        Err(error) => to.failure(
            CHECK,
            format_args!("{error}"),
            format_args!("device-agent check-config {}   # as the user that runs the agent", shown(file)),
        ),
    }
}

fn lines(config: &Config, running: &Running, to: &mut Findings) {
    match running {
        // Real lines may be driving something; simulated ones are each process's own.
        Running::Mute(why) if config.gpio.backend != GpioBackend::Sim => {
            to.add("gpio.lines", Outcome::Skipped, format_args!("{why}"), format_args!("{AS_SERVICE}"));
        }
        _ => gpio::judge(&gpio::gather(&config.gpio), &config.gpio, to),
    }
}

/// How far the broker may be tried.
fn limit(running: &Running, files_at: FilesAt) -> Option<Limit> {
    let stop = "sudo systemctl stop device-agent   # then the doctor again";
    match running {
        _ if files_at == FilesAt::Systemd => {
            Some(Limit { last: Step::Port, why: "this needs the service's credentials".to_owned(), mend: AS_SERVICE })
        }
        Running::Answers { link: Link::Up, .. } => {
            // A broker that takes the user's name for the client identifier (use_username_as_clientid) would throw the agent out.
            let why = "not tried: a second connection of this user could throw out the running agent".to_owned();
            Some(Limit { last: Step::Tls, why, mend: stop })
        }
        Running::Mute(why) => Some(Limit { last: Step::Tls, why: why.clone(), mend: stop }),
        Running::Answers { link: Link::Down, .. } | Running::No => None,
    }
}
