//! What stands around an agent while it is measured: a broker or none, and perhaps a flood. Processes of their own, on CPUs
//! of their own.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use device_agent::config::Config;
use shared_host::config::ConfigError;
use shared_host::mqtt::BrokerUrl;
use shared_proto::dialect::native::{self, Kind};
use tempfile::TempDir;

use super::arm::{BrokerIs, Commands, Conditions, Kept};
use super::cpus;
use super::options::Common;
use super::trouble::Trouble;
use crate::broker::{Broker, BrokerError, Secured, free_port, open_broker};
use crate::cleanup::clear_retained;
use crate::stage::agent_config;

const DEVICE: &str = "device";

/// Configuration keys and their values.
type Keys = Vec<(&'static str, String)>;

/// A file system in memory, on every Linux with the GNU C library: there an agent writes what it would write below `/run`.
const MEMORY: &str = "/dev/shm";

/// Stands until it is dropped.
#[derive(Debug)]
pub(super) struct Site {
    /// The agent that belongs here.
    pub(super) agent: Config,
    _flood: Option<Flood>,
    _broker: Option<Around>,
    _directories: Vec<TempDir>,
}

/// The broker of an agent.
#[derive(Debug)]
enum Around {
    Plain { _broker: Broker },
    Secured { _broker: Secured },
}

impl Site {
    /// Sets it up. `given` is the broker to use instead of the embedded one.
    pub(super) fn open(conditions: &Conditions, given: Option<&BrokerUrl>, common: &Common) -> Result<Self, Trouble> {
        let cpus = common.cpus;
        let at = |url: &BrokerUrl| vec![("mqtt.url", url.to_string())];
        let (broker, keys) = match conditions.broker {
            BrokerIs::There => {
                let (broker, url) = cpus::on(cpus.broker, || open_broker(given))??;
                (broker.map(|broker| Around::Plain { _broker: broker }), at(&url))
            }
            BrokerIs::Secured => {
                let broker = cpus::on(cpus.broker, || Secured::start(DEVICE))??;
                let keys = broker.keys().to_vec();
                (Some(Around::Secured { _broker: broker }), keys)
            }
            BrokerIs::Away => (None, at(&closed_port()?)),
        };
        let (directories, kept) = directories(conditions.kept, &common.disk)?;
        let agent = agent(conditions, [keys, kept].concat(), common)?;
        let flood = match conditions.commands {
            Commands::None => None,
            Commands::Flood => Some(cpus::on(cpus.flood, || Flood::start(&agent.broker.url, &agent))??),
        };
        Ok(Self { agent, _flood: flood, _broker: broker, _directories: directories })
    }
}

/// The directories of a spool, as long as they are held, and the keys that name them.
fn directories(kept: Kept, disk: &Path) -> io::Result<(Vec<TempDir>, Keys)> {
    let directory = |place: &Path, key| {
        let directory = tempfile::Builder::new().prefix("disturbance-").tempdir_in(place)?;
        let value = directory.path().display().to_string();
        Ok((directory, (key, value)))
    };
    let memory = Path::new(MEMORY);
    let mut opened = Vec::new();
    if memory.is_dir() {
        opened.push(directory(memory, "spool.runtime_dir"));
    }
    if kept == Kept::OnDisk {
        opened.push(directory(disk, "spool.dir"));
    }
    let (directories, mut keys): (_, Keys) = opened.into_iter().collect::<io::Result<Vec<_>>>()?.into_iter().unzip();
    if kept == Kept::OnDisk {
        keys.extend([("spool.flush_after_s", "0".to_owned()), ("spool.flush_every_s", "1".to_owned())]);
    }
    Ok((directories, keys))
}

/// Whether a broker with TLS can be had on this machine.
///
/// # Errors
/// [`BrokerError`] says what is missing.
pub(super) fn check_tls() -> Result<(), BrokerError> {
    Secured::start(DEVICE).map(drop)
}

/// An agent whose task, lines and real-time settings are those of the loop alone.
fn agent(conditions: &Conditions, around: Keys, common: &Common) -> Result<Config, ConfigError> {
    let root = root();
    let own = [
        ("device.name", DEVICE.into()),
        ("mqtt.client_id", format!("{root}-{DEVICE}")),
        ("topics.root", root),
        ("report.interval_ms", conditions.report_interval_ms.to_string()),
        ("spool.max_reports", conditions.spool.to_string()),
        // It stays in NORMAL whatever happens: in another mode it would be another task.
        ("policy.enabled", "false".into()),
        ("safety.max_temp_c", "0".into()),
        ("safety.under_voltage", "false".into()),
    ];
    let config = agent_config(&[own.to_vec(), around].concat())?;
    let plan = &common.plan;
    let gpio = plan.gpio.clone().unwrap_or(config.gpio);
    Ok(Config { timing: plan.timing, workload: plan.workload, asked: common.asked(), gpio, ..config })
}

/// Leaves nothing behind on a broker that belongs to others.
pub(super) async fn leave(broker: &BrokerUrl) {
    let root = root();
    clear_retained(broker, &format!("{root}-cleanup"), vec![format!("{root}/{DEVICE}/status")]).await;
}

/// Topics of this process alone: on a broker that others use, nobody else's devices are touched.
fn root() -> String {
    format!("disturbance-{}", std::process::id())
}

/// The address of a port that nobody listens on.
fn closed_port() -> Result<BrokerUrl, BrokerError> {
    let url = format!("mqtt://127.0.0.1:{}", free_port()?);
    url.parse().map_err(|why| BrokerError::Url { url, why })
}

/// The process of `demo flood`; killed when dropped.
#[derive(Debug)]
struct Flood(Child);

impl Flood {
    fn start(url: &BrokerUrl, agent: &Config) -> io::Result<Self> {
        let topic = native::topic(&agent.root, &agent.device, Kind::Command);
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["flood", "--broker", &url.to_string(), "--topic", topic.as_str()]);
        command.args(["--client-id", &format!("{}-flood", root())]);
        // Its standard input is a pipe that ends with this process: then it ends, too.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null());
        command.spawn().map(Self)
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
