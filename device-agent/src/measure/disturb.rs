//! The conditions around the thread: load and frequency governor, for as long as a run lasts.

use std::io;

use super::MeasureError;
use super::governor::{Governors, InEffect};
use super::plan::Plan;
use super::scenario::{Disturbance, Scenario};
use crate::load::{Hog, IoLoad};

/// In effect until it is dropped.
pub(super) struct Disturbing {
    _hogs: Vec<Hog>,
    io: Option<IoLoad>,
    governor: Option<InEffect>,
}

impl Disturbing {
    pub(super) fn start(plan: &Plan, scenario: Scenario) -> Result<Self, MeasureError> {
        let governor = scenario.governor().map(|governor| Governors::of_machine().set(governor)).transpose()?;
        let hogs = match scenario.disturbance() {
            Disturbance::Cpu => {
                let hogs: io::Result<_> = plan.cpus.iter().map(|&cpu| Hog::new(cpu, 1)).collect();
                hogs.map_err(MeasureError::Load)?
            }
            Disturbance::None | Disturbance::Io => Vec::new(),
        };
        for hog in &hogs {
            hog.turn_on();
        }
        let io = match scenario.disturbance() {
            Disturbance::Io => Some(IoLoad::start(&plan.io_dir, plan.cpus.len())?),
            Disturbance::None | Disturbance::Cpu => None,
        };
        Ok(Self { _hogs: hogs, io, governor })
    }

    /// Ends them; a load that gave up on the way makes the run worthless, and a
    /// governor that stays would make the machine another one.
    pub(super) fn finish(self) -> Result<(), MeasureError> {
        if let Some(governor) = self.governor {
            governor.restore()?;
        }
        if let Some(io) = self.io {
            io.finish()?;
        }
        Ok(())
    }
}
