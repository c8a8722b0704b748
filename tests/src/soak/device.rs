//! One device of the soak: its agent, its link, and what happens to them next.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use shared_proto::ids::DeviceId;
use shared_proto::mode::Mode;

use super::mishap::Mishap;
use crate::faults::balance::{Killed, OPEN_WINDOWS, Seen};
use crate::proxy::{Faults, Proxy};
use crate::site::{Agent, AgentPlan, Controller, Recorder, Trouble};

/// Light, so that many fit on one machine; with little room for reports, so that they merge.
const LIGHT: [(&str, &str); 8] = [
    ("task.period_ms", "20"),
    ("spin.normal_ratio", "0.02"),
    ("spin.degraded_ratio", "0.01"),
    ("realtime.scheduler", "other"),
    ("realtime.lock_memory", "false"),
    ("realtime.no_deep_sleep", "false"),
    ("report.interval_ms", "250"),
    ("spool.max_reports", "16"),
];
/// Times of peace and of faults, in milliseconds.
const PEACE_MS: std::ops::Range<u64> = 500..10_000;
const FAULT_MS: std::ops::Range<u64> = 200..20_000;

pub(super) struct Device {
    pub(super) id: DeviceId,
    pub(super) agent: Agent,
    pub(super) proxy: Proxy,
    pub(super) faults: u32,
    /// Reports that had come when the running agent was started.
    pub(super) reports_before: u64,
    random: fastrand::Rng,
    killed: Vec<Killed>,
    state: State,
    until: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Peace,
    Fault,
}

impl Device {
    pub(super) fn start(name: &str, broker: SocketAddr, home: &Path, seed: u64) -> Result<Self, Trouble> {
        let proxy = Proxy::to(broker, seed).map_err(Trouble::system("a proxy"))?;
        let plan = AgentPlan { device: name.to_owned(), broker: proxy.url(), ..AgentPlan::default() }.with(&LIGHT);
        let id = name.parse().map_err(std::io::Error::other).map_err(Trouble::system("name of the device"))?;
        Ok(Self {
            id,
            agent: Agent::start(plan, home)?,
            proxy,
            faults: 0,
            reports_before: 0,
            random: fastrand::Rng::with_seed(seed),
            killed: Vec::new(),
            state: State::Peace,
            until: Instant::now(),
        })
    }

    pub(super) fn wait_until_up(&mut self) -> Result<(), Trouble> {
        self.agent.status_where("the device is connected", |status| status.link.up)?;
        self.be(State::Peace);
        Ok(())
    }

    fn be(&mut self, state: State) {
        let range = if state == State::Peace { PEACE_MS } else { FAULT_MS };
        self.state = state;
        self.until = Instant::now() + Duration::from_millis(self.random.u64(range));
    }

    /// Nothing is wrong with it for a while.
    pub(super) fn calm_down(&mut self) {
        self.proxy.heal();
        self.be(State::Peace);
    }

    /// Lets happen what is due.
    pub(super) fn step(&mut self, controller: &mut Controller, recorder: &Recorder) -> Result<(), Trouble> {
        if Instant::now() < self.until {
            return Ok(());
        }
        if self.state == State::Fault {
            self.calm_down();
            return Ok(());
        }
        // So that there is something to agree on.
        let wanted = if self.random.bool() { Mode::Normal } else { Mode::Degraded };
        recorder.ledger().device(&self.id).wanted = Some(wanted);
        controller.wish(&self.id, wanted)?;
        self.faults += 1;
        match Mishap::draw(&mut self.random) {
            Mishap::Cut(how) => {
                self.proxy.cut(how);
                self.be(State::Peace);
            }
            Mishap::Link(faults) => {
                self.proxy.set(faults);
                self.be(State::Fault);
            }
            Mishap::Kill => {
                let last = self.agent.status()?;
                self.agent.kill();
                self.killed.push(Killed { boot: last.boot, total: last.total, windows_at_risk: OPEN_WINDOWS });
                self.reports_before = recorder.ledger().device(&self.id).reports();
                self.agent.restart()?;
                self.be(State::Peace);
            }
        }
        Ok(())
    }

    /// Ends it in good order, once it is back and has delivered its backlog.
    pub(super) fn end(&mut self) -> Result<Seen, Trouble> {
        self.proxy.set(Faults::default());
        let last = self.agent.status_where("the device is back, and its backlog delivered", |status| {
            status.link.up && status.link.reports_waiting <= 1
        })?;
        let last_words = self.agent.terminate()?;
        Ok(Seen { boot: last.boot, last_words, killed: self.killed.clone(), view: None })
    }
}
