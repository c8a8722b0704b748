//! Simulated pins: levels in one atomic word, that anyone in the process may read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Input, InputRole, Level, Line, OutputRole, Pins, Wiring};

/// Levels of all simulated lines.
#[derive(Debug, Default)]
pub struct SimState(AtomicU32);

impl SimState {
    /// Level of a line.
    #[must_use]
    pub fn level(&self, line: Line) -> Level {
        if self.0.load(Ordering::Relaxed) & bit(line) == 0 { Level::Low } else { Level::High }
    }

    /// Drives a line from outside, as a sensor or a wire would.
    pub fn drive(&self, line: Line, level: Level) {
        match level {
            Level::Low => self.0.fetch_and(!bit(line), Ordering::Relaxed),
            Level::High => self.0.fetch_or(bit(line), Ordering::Relaxed),
        };
    }
}

fn bit(line: Line) -> u32 {
    1 << u8::from(line)
}

/// Simulated pins. An input on the number of an output reads that output, as if they were wired together.
#[derive(Debug)]
pub struct SimPins {
    state: Arc<SimState>,
    wiring: Wiring,
}

impl SimPins {
    /// Opens the pins with all outputs at their safe level; and the state for those who look on.
    #[must_use]
    pub fn open(wiring: &Wiring) -> (Self, Arc<SimState>) {
        let state = Arc::new(SimState::default());
        let mut pins = Self { state: Arc::clone(&state), wiring: *wiring };
        for role in OutputRole::ALL {
            pins.write(role, wiring.safe);
        }
        (pins, state)
    }
}

impl Pins for SimPins {
    fn write(&mut self, role: OutputRole, level: Level) {
        if let Some(line) = self.wiring.output(role) {
            self.state.drive(*line, level);
        }
    }

    fn read(&mut self, role: InputRole) -> Level {
        self.wiring.input(role).map_or(Level::Low, |line| self.state.level(*line))
    }
}

/// A simulated input for the supervisor.
#[derive(Debug)]
pub(super) struct SimInput {
    state: Arc<SimState>,
    line: Line,
}

impl SimInput {
    /// The line, at the level that its pull resistor gives it until it is driven.
    pub(super) fn open(state: &Arc<SimState>, line: Line, pulled: Level) -> Self {
        state.drive(line, pulled);
        Self { state: Arc::clone(state), line }
    }
}

impl Input for SimInput {
    fn level(&mut self) -> Option<Level> {
        Some(self.state.level(self.line))
    }
}
