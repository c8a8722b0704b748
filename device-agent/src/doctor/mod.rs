//! `device-agent doctor`: whether this device is fit to run, and what mends what is not. See `docs/doctor.md`.
//!
//! Each check has a file: what it looks at (`gather`), and what it makes of that (`judge`, pure). Nothing is changed, and
//! nothing is taken from an agent that runs.

mod broker;
mod clock;
mod cpu;
mod disk;
mod finding;
mod gpio;
mod power;
mod realtime;
mod running;
mod show;
mod system;
#[cfg(test)]
mod tests;
mod watchdog;

use std::path::Path;

use serde::Serialize;
use shared_host::config::{ConfigError, Loaded};
use shared_host::control::default_path;
use shared_host::mqtt::{Credentials, Password};
use shared_host::secret::Place;

pub use finding::{Finding, Outcome};
pub use running::Held;
pub(crate) use running::held;
pub use show::{Colours, table};

use crate::config::{self, Config, GpioBackend, SCHEMA};
use crate::host::{HostReader, Platform};
use broker::{Limit, Step};
use running::Running;

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
    fn new(device: Option<String>, findings: Vec<Finding>) -> Self {
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
    let mend = format!("mend these lines, then: device-agent check-config {}", shown(file));
    let mut findings = vec![Finding::failure(CONFIG, error.to_string(), &mend)];
    findings.extend(of_machine(root, None, None));
    Report::new(None, findings)
}

fn with_config(root: &Path, file: Option<&Path>, config: &Config, loaded: &Loaded) -> Report {
    let mut findings = vec![config_file(root, file)];
    let missing = lacks_credentials(config);
    findings.push(files(config, loaded, missing, file));
    findings.extend(of_machine(root, config.asked.cpu, config.guard.max_temp_c));
    let socket = config.control_socket.clone().unwrap_or_else(|| default_path(SCHEMA.program));
    let running = running::look(root, &socket);
    // First what the agent says itself: it does not need to be tried.
    if let Running::Answers(held) = &running {
        findings.extend(held.findings.iter().cloned());
    } else {
        findings.extend(realtime::judge(&realtime::gather(root, config.asked), &config.asked));
        findings.push(lines(config, &running));
    }
    findings.extend(disk::judge(&disk::gather(&config.store), config.store.max_bytes));
    let limit = limit(&running, missing);
    let last = limit.as_ref().map_or(Step::Ack, |limit| limit.last);
    for finding in broker::judge(&broker::gather(config, last), limit.as_ref(), config) {
        if findings.iter().all(|said| said.check != finding.check) {
            findings.push(finding);
        }
    }
    Report::new(Some(config.device.to_string()), findings)
}

/// What needs no configuration, or makes do with little of it.
fn of_machine(root: &Path, cpu: Option<u16>, max_temp_c: Option<f32>) -> Vec<Finding> {
    let program = std::env::current_exe().map_or_else(|_| "?".to_owned(), |path| path.display().to_string());
    let mut findings = system::judge(&Platform::at(root), &program);
    findings.extend(clock::judge(&clock::gather(root)));
    findings.extend(power::judge(&HostReader::at(root, None).vitals(), max_temp_c));
    findings.extend(cpu::judge(&cpu::gather(root, cpu), cpu));
    findings.extend(watchdog::judge(&watchdog::gather(root)));
    findings
}

fn shown(file: Option<&Path>) -> String {
    file.map_or_else(String::new, |file| file.display().to_string())
}

fn config_file(root: &Path, file: Option<&Path>) -> Finding {
    match file {
        Some(file) => Finding::ok(CONFIG, file.display().to_string()),
        None if root.join(SERVICE_CONFIG).exists() => {
            let found = format!("without --config these are the defaults and the environment, not /{SERVICE_CONFIG}");
            Finding::warning(CONFIG, found, &format!("sudo device-agent doctor --config /{SERVICE_CONFIG}"))
        }
        None => Finding::ok(CONFIG, "the defaults and the environment".to_owned()),
    }
}

/// Whether secrets are systemd's affair, and systemd has not started this process.
fn lacks_credentials(config: &Config) -> bool {
    let broker = &config.broker;
    let password = broker.credentials.as_ref().and_then(|Credentials { password, .. }| match password {
        Password::File(place) => Some(place),
        Password::None | Password::Given(_) => None,
    });
    let identity = broker.tls.identity.iter().flat_map(|identity| [&identity.cert, &identity.key]);
    let key = config.security.iter().map(|security| &security.key_file);
    let mut places = password.into_iter().chain(&broker.tls.ca).chain(identity).chain(key);
    places.any(|place| matches!(place, Place::Credential(_))) && std::env::var_os("CREDENTIALS_DIRECTORY").is_none()
}

fn files(config: &Config, loaded: &Loaded, lacks_credentials: bool, file: Option<&Path>) -> Finding {
    const CHECK: &str = "config.files";
    if lacks_credentials {
        let why = "files are named credential:..., which systemd hands to the service alone".to_owned();
        return Finding::new(CHECK, Outcome::Skipped, why, Some(AS_SERVICE));
    }
    match config.check_files(loaded) {
        Ok(()) => {
            Finding::ok(CHECK, "passwords, keys and certificates can be read, as far as any are configured".to_owned())
        }
        Err(error) => {
            let mend = format!("device-agent check-config {}   # as the user that runs the agent", shown(file));
            Finding::failure(CHECK, error.to_string(), &mend)
        }
    }
}

fn lines(config: &Config, running: &Running) -> Finding {
    match running {
        // Real lines may be driving something; simulated ones are each process's own.
        Running::Mute(why) if config.gpio.backend != GpioBackend::Sim => {
            Finding::new("gpio.lines", Outcome::Skipped, why.clone(), Some(AS_SERVICE))
        }
        _ => gpio::judge(&gpio::gather(&config.gpio), &config.gpio),
    }
}

/// How far the broker may be tried.
fn limit(running: &Running, lacks_credentials: bool) -> Option<Limit> {
    let stop = "sudo systemctl stop device-agent   # then the doctor again";
    match running {
        _ if lacks_credentials => {
            let why = "this needs the service's credentials".to_owned();
            Some(Limit { last: Step::Port, why, mend: Some(AS_SERVICE.to_owned()) })
        }
        Running::Answers(held) if held.connected => {
            // A broker that takes the user's name for the client identifier (use_username_as_clientid) would throw the agent out.
            let why = "not tried: a second connection of this user could throw out the running agent".to_owned();
            Some(Limit { last: Step::Tls, why, mend: Some(stop.to_owned()) })
        }
        Running::Mute(why) => Some(Limit { last: Step::Tls, why: why.clone(), mend: Some(stop.to_owned()) }),
        Running::Answers(_) | Running::No => None,
    }
}
