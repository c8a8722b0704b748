//! Puts an agent together from its configuration.

use std::time::Duration;

use shared_host::control::ControlError;
use shared_host::key_file::{self, KeyFileError};
use shared_host::sections::{AgentSecurity, Outgoing, Unsigned};
use shared_proto::ids::BootId;
use shared_proto::wire::{DialectName, SettingOutcome};
use tracing::{info, warn};

use super::Supervisor;
use super::control::ControlSocket;
use super::lines::{LineFailures, OverrideButton};
use super::link::Link;
use super::mirror::Mirror;
use super::observe::Observer;
use super::runaway::Runaway;
use super::service::Service;
use crate::agent::{Agent, Identity, Setup};
use crate::config::Config;
use crate::gpio::{GpioError, OpenLines, open_lines};
use crate::host::Platform;
use crate::keeper::Keeper;
use crate::link::{Commands, Own, Trust};
use crate::mode::Guard;
use crate::rt::{self, Handle, JobRecord, Ring, RtTask};
use crate::task;
use crate::time::MonoTime;
use crate::workload::Workload;

/// Why an agent cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// GPIO cannot be used.
    #[error(transparent)]
    Gpio(#[from] GpioError),
    /// The real-time thread did not start.
    #[error(transparent)]
    Thread(#[from] rt::StartError),
    /// The system gives no thread for the store.
    #[error("cannot start the threads of the store: {0}")]
    Store(std::io::Error),
    /// The key cannot be read.
    #[error("security.key_file: {0}")]
    Key(#[from] KeyFileError),
    /// Another agent runs with the same control socket, or it cannot be opened.
    #[error(transparent)]
    Control(#[from] ControlError),
}

/// What a program may bring along.
#[derive(Default)]
pub struct Parts {
    /// What each job does, instead of the configured workload.
    pub workload: Option<Box<dyn Workload + Send>>,
    /// Is shown the real-time thread once it runs, before the first record.
    pub started: Option<Started>,
    /// Is shown each job record, on the supervisor's thread. What it costs, it costs the supervisor, never the task.
    pub watcher: Option<Watcher>,
}

/// Is shown the real-time thread once it runs.
pub type Started = Box<dyn FnOnce(&Handle)>;

/// Is shown each job record.
pub type Watcher = Box<dyn FnMut(&JobRecord)>;

/// Starts the real-time thread and the link.
pub(super) fn assemble(config: Config, parts: Parts) -> Result<Supervisor, StartError> {
    let trust = trust(config.security.as_ref())?;
    let control = ControlSocket::open(config.control_socket.as_deref())?;
    // Before the real-time thread is there: it reads while that is being set up.
    let store = Keeper::open(&config.store, MonoTime::now()).map_err(StartError::Store)?;
    let OpenLines { lines, button, in_use, sim, failures } = open_lines(&config.gpio)?;
    let mirror = sim.clone().zip(config.gpio.sim_state_file.clone()).map(|(sim, path)| Mirror::new(path, sim));
    let platform = Platform::read();
    let timing = config.timing;
    let (workload, configured) = match parts.workload {
        Some(workload) => (workload, None),
        None => (task::workload(config.workload, &timing), Some(config.workload)),
    };
    let plan = task::plan(workload.as_ref(), configured, timing);
    let (rt, records) = rt::spawn(RtTask { timing, asked: config.asked, lines, workload }, Ring::new())?;
    tell_settings(&rt);
    if let Some(started) = parts.started {
        started(&rt);
    }

    let identity = Identity { device: config.device.clone(), boot: BootId(fastrand::u64(..)) };
    info!(device = %identity.device, boot = %identity.boot, workload = %plan.workload, "agent starts");
    let now = MonoTime::now();
    let setup = Setup {
        identity,
        plan,
        window: config.window,
        policy: config.policy,
        autonomy: config.autonomy,
        spool_capacity: config.spool_capacity,
    };
    let mut observer = Observer::new(&rt);
    let mut agent = Agent::new(setup, now);
    if config.dialects.contains(&DialectName::Edgex) {
        agent.gather(observer.context());
    }
    Ok(Supervisor {
        link: Link::start(&config, &agent, trust, &rt, &platform),
        store,
        observer,
        guard: Guard::new(config.guard),
        runaway: Runaway::new(rt.granted.schedule, config.asked.scheduler),
        service: Service::from_environment(),
        watcher: parts.watcher,
        report_interval: Duration::from_millis(config.report_interval_ms),
        last_job: now,
        agent,
        rt,
        records,
        control,
        mirror,
        override_button: button.map(OverrideButton::new),
        lines_in_use: in_use,
        sim,
        line_failures: failures.map(LineFailures::new),
        platform,
    })
}

/// Whom the device believes, and what it signs.
fn trust(security: Option<&AgentSecurity>) -> Result<Trust, KeyFileError> {
    let Some(AgentSecurity { key_file, unsigned_commands, reports }) = security else { return Ok(Trust::Broker) };
    let keys = key_file::read(key_file)?;
    let commands = match unsigned_commands {
        Unsigned::Accepted => Commands::Any,
        Unsigned::Refused => Commands::Signed,
    };
    let own = match reports {
        Outgoing::Plain => Own::Plain,
        Outgoing::Signed => Own::Signed,
    };
    info!(?commands, ?own, "a key is shared with the gateway");
    Ok(Trust::Key { keys: Box::new(keys), commands, own })
}

fn tell_settings(rt: &Handle) {
    for setting in &rt.granted.settings {
        match setting.outcome {
            SettingOutcome::Granted => info!(setting = %setting.name, asked = %setting.asked, "granted"),
            SettingOutcome::Refused => {
                let advice = rt.granted.advice.iter().find(|(name, _)| *name == setting.name);
                let advice = advice.map_or("", |(_, advice)| advice);
                warn!(setting = %setting.name, asked = %setting.asked, why = %setting.why, advice, "refused");
            }
        }
    }
    info!(self_overhead_ns = rt.self_overhead_ns, "cost of a job beyond its workload");
}
