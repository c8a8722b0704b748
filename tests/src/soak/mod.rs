//! Soak: many agents for a long time, each with faults of its own drawn from a seed; at the end every device's count must be
//! what was received.

mod device;
mod mishap;
mod table;

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use demo::broker::{Broker, Kind};

use crate::faults::balance::{self, Balance, ControllerKnows, Losses};
use crate::proxy::Faults;
use crate::site::{Controller, Detail, Recorder, Trouble, pause, wait_for};
use device::Device;
pub use table::table;

/// Between two looks at what is due.
const STEP: Duration = Duration::from_millis(20);
const TELL_EVERY: Duration = Duration::from_secs(30);
/// Broker or controller die this often, in seconds.
const COMMON_MISHAP_S: std::ops::Range<u64> = 30..90;
/// What is on its way at the end arrives soon.
const LAST_REPORTS: Duration = Duration::from_secs(10);

/// How many, how long, and which.
#[derive(Debug, Clone, Copy, Args)]
pub struct Options {
    /// Devices, each an agent of its own, 1 to 200
    #[arg(long, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u16).range(1..=200))]
    pub devices: u16,
    /// Minutes of faults, before everything comes back; 0.1 to 100000
    #[arg(long, value_name = "M", default_value = "10", value_parser = minutes)]
    pub minutes: f64,
    /// Decides which faults come when
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
}

fn minutes(text: &str) -> Result<f64, String> {
    let allowed = 0.1..=100_000.0;
    let wrong = || "allowed are 0.1 to 100000".to_owned();
    text.parse().ok().filter(|minutes| allowed.contains(minutes)).ok_or_else(wrong)
}

/// What came of one device.
#[derive(Debug, Clone)]
pub struct DeviceOutcome {
    /// Its name.
    pub name: String,
    /// Counts of both sides, and what does not fit.
    pub balance: Balance,
    /// Reports that came again.
    pub duplicates: u64,
    /// Faults that it lived to see.
    pub faults: u32,
    /// Times that it was killed.
    pub kills: usize,
    /// Times that it came back and agreed on a mode.
    pub reconnections: usize,
}

/// Everything that is there.
struct Fleet {
    devices: Vec<Device>,
    controller: Controller,
    knows: ControllerKnows,
    recorder: Recorder,
    broker: Broker,
    random: fastrand::Rng,
    next_mishap: Instant,
    _dir: tempfile::TempDir,
}

/// Plays it, and tells on standard error how far it is.
///
/// # Errors
/// [`Trouble`] if something does not come back, or cannot be started.
pub fn soak(options: &Options) -> Result<Vec<DeviceOutcome>, Trouble> {
    let mut fleet = Fleet::open(options)?;
    let start = Instant::now();
    let length = Duration::from_secs(60).mul_f64(options.minutes);
    let mut told = start;
    while start.elapsed() < length {
        fleet.step()?;
        if told.elapsed() >= TELL_EVERY {
            told = Instant::now();
            let faults: u32 = fleet.devices.iter().map(|device| device.faults).sum();
            // For whoever waits.
            let _ = writeln!(io::stderr(), "{:>6} s, {faults} faults so far", start.elapsed().as_secs());
        }
        pause(STEP)?;
    }
    fleet.finish()
}

impl Fleet {
    fn open(options: &Options) -> Result<Self, Trouble> {
        let broker = Broker::start(Kind::Mosquitto { extra: None })?;
        let dir = tempfile::tempdir().map_err(Trouble::system("a temporary directory"))?;
        let home = |name: &str| -> Result<PathBuf, Trouble> {
            let home = dir.path().join(name);
            std::fs::create_dir_all(&home).map_err(Trouble::system(home.display().to_string()))?;
            Ok(home)
        };
        let recorder = Recorder::connect(&broker.url(), Detail::Counts)?;
        let controller = Controller::start(&broker.url(), &home("controller")?)?;
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, broker.port()));
        let mut random = fastrand::Rng::with_seed(options.seed);
        let mut devices = Vec::new();
        for number in 1..=options.devices {
            let name = format!("device{number:03}");
            devices.push(Device::start(&name, to, &home(&name)?, random.u64(..))?);
        }
        for device in &mut devices {
            device.wait_until_up()?;
        }
        let mut fleet = Self {
            devices,
            controller,
            knows: ControllerKnows::Everything,
            recorder,
            broker,
            random,
            next_mishap: Instant::now(),
            _dir: dir,
        };
        fleet.plan_mishap();
        Ok(fleet)
    }

    fn plan_mishap(&mut self) {
        self.next_mishap = Instant::now() + Duration::from_secs(self.random.u64(COMMON_MISHAP_S));
    }

    fn step(&mut self) -> Result<(), Trouble> {
        for device in &mut self.devices {
            device.step(&mut self.controller, &self.recorder)?;
        }
        if Instant::now() >= self.next_mishap {
            if self.random.bool() {
                self.broker_dies()?;
            } else {
                self.controller.kill();
                self.controller.restart()?;
                self.knows = ControllerKnows::SinceItsStart;
            }
            self.plan_mishap();
        }
        Ok(())
    }

    /// All that the broker has acknowledged is passed on before; what it keeps for those who are away dies with it, so they come
    /// back first.
    fn broker_dies(&mut self) -> Result<(), Trouble> {
        for device in &self.devices {
            device.proxy.set(Faults::held_back());
        }
        for device in &mut self.devices {
            let status = device.agent.status()?;
            // Also those of runs before, from a store.
            let (recorder, id, before) = (&self.recorder, &device.id, device.reports_before);
            wait_for("what the broker has acknowledged", || {
                let received = recorder.ledger().device(id).reports().saturating_sub(before);
                Ok((received >= status.link.reports_delivered).then_some(()))
            })?;
        }
        self.broker.kill();
        self.recorder.wait_until_down()?;
        self.controller.wait_until_down()?;
        self.broker.restart()?;
        self.recorder.wait_until_up()?;
        self.controller.wait_until_up()?;
        for device in &mut self.devices {
            device.calm_down();
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<DeviceOutcome>, Trouble> {
        for device in &mut self.devices {
            device.calm_down();
        }
        let mut seen = Vec::new();
        for device in &mut self.devices {
            seen.push(device.end()?);
        }
        let patience = Instant::now() + LAST_REPORTS;
        let mut outcomes = Vec::new();
        for (device, mut seen) in self.devices.iter().zip(seen) {
            // A controller that was killed knows of some runs only: its share in this is judged by the fault suite.
            let its_story = self.knows == ControllerKnows::Everything || seen.killed.is_empty();
            let balance = loop {
                if its_story {
                    seen.view = Some(self.controller.view(&device.id, "the controller's view", |_| true)?);
                }
                let mut ledger = self.recorder.ledger();
                let balance = balance::judge(&seen, ledger.device(&device.id), &Losses::None, self.knows);
                drop(ledger);
                if balance.problems.is_empty() || Instant::now() > patience {
                    break balance;
                }
                pause(STEP)?;
            };
            let mut ledger = self.recorder.ledger();
            let books = ledger.device(&device.id);
            outcomes.push(DeviceOutcome {
                name: device.id.to_string(),
                balance,
                duplicates: books.duplicates(),
                faults: device.faults,
                kills: seen.killed.len(),
                reconnections: books.reconnections.len(),
            });
        }
        self.controller.terminate()?;
        Ok(outcomes)
    }
}
