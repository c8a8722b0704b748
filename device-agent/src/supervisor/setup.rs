//! Puts an agent together from its configuration.

use std::sync::Arc;
use std::time::Duration;

use shared_host::control::ControlError;
use shared_proto::ids::BootId;
use shared_proto::text::Name;
use shared_proto::units::Ratio;
use shared_proto::wire::SettingOutcome;
use tracing::{info, warn};

use super::Supervisor;
use super::control::ControlSocket;
use super::link::Link;
use super::mirror::Mirror;
use super::observe::Observer;
use crate::agent::{Agent, Identity, Setup, TaskPlan};
use crate::config::{Config, GpioBackend, GpioConfig, WorkloadConfig};
use crate::gpio::{Board, GpioError, Lines, SimPins, SimState};
use crate::mode::Guard;
use crate::rt::time::MonoTime;
use crate::rt::{self, Handle, RtTask};
use crate::workload::{GpioFollow, Spin, SpinAim, Workload};

/// Why an agent cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// GPIO cannot be used.
    #[error(transparent)]
    Gpio(#[from] GpioError),
    /// The real-time thread did not start.
    #[error(transparent)]
    Thread(#[from] rt::StartError),
    /// Another agent runs with the same control socket, or it cannot be opened.
    #[error(transparent)]
    Control(#[from] ControlError),
}

/// Starts the real-time thread and the link.
pub(super) fn assemble(config: Config) -> Result<Supervisor, StartError> {
    let control = ControlSocket::open(config.control_socket.as_deref())?;
    let (lines, sim) = open_lines(&config.gpio)?;
    let mirror = sim
        .as_ref()
        .zip(config.gpio.sim_state_file.clone())
        .map(|(state, path)| Mirror::new(path, Arc::clone(state), &config.gpio.wiring));
    let (workload, plan) = workload(&config);
    let (rt, records) = rt::spawn(RtTask { timing: config.timing, asked: config.asked, lines, workload })?;
    tell_settings(&rt);

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
    let agent = Agent::new(setup, now);
    Ok(Supervisor {
        link: Link::start(&config, &agent, &rt),
        observer: Observer::new(&rt),
        guard: Guard::new(config.guard),
        report_interval: Duration::from_millis(config.report_interval_ms),
        last_job: now,
        agent,
        rt,
        records,
        control,
        mirror,
        sim,
        wiring: config.gpio.wiring,
    })
}

type OpenLines = (Box<dyn Lines + Send>, Option<Arc<SimState>>);

fn open_lines(gpio: &GpioConfig) -> Result<OpenLines, GpioError> {
    match gpio.backend {
        GpioBackend::Sim => {
            let (pins, state) = SimPins::open(&gpio.wiring);
            Ok((Box::new(Board::new(pins, &gpio.wiring)), Some(state)))
        }
        #[cfg(feature = "rppal")]
        GpioBackend::Rppal => {
            let pins = crate::gpio::RaspberryPins::open(&gpio.wiring)?;
            Ok((Box::new(Board::new(pins, &gpio.wiring)), None))
        }
        #[cfg(not(feature = "rppal"))]
        GpioBackend::Rppal => Err(GpioError::NotBuilt),
    }
}

fn workload(config: &Config) -> (Box<dyn Workload + Send>, TaskPlan) {
    let timing = config.timing;
    let (workload, loads): (Box<dyn Workload + Send>, _) = match config.workload {
        WorkloadConfig::Spin { normal, degraded } => {
            let aim = SpinAim::of((normal, timing.normal_period_ns), (degraded, timing.degraded_period_ns));
            (Box::new(Spin::new(aim)), (normal, degraded))
        }
        WorkloadConfig::GpioFollow => (Box::new(GpioFollow::default()), (Ratio::ZERO, Ratio::ZERO)),
    };
    let name = Name::from(workload.name());
    (workload, TaskPlan { workload: name, timing, normal_load: loads.0, degraded_load: loads.1 })
}

fn tell_settings(rt: &Handle) {
    for setting in &rt.granted.settings {
        match setting.outcome {
            SettingOutcome::Granted => info!(setting = %setting.name, asked = %setting.asked, "granted"),
            SettingOutcome::Refused => {
                warn!(setting = %setting.name, asked = %setting.asked, why = %setting.why, "refused");
            }
        }
    }
    info!(self_overhead_ns = rt.self_overhead_ns, "cost of a job beyond its workload");
}
