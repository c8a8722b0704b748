//! The supervisor's part of GPIO: the override button, and levels that the real-time thread could not set.

use std::sync::Arc;

use tracing::{error, info, warn};

use crate::agent::Agent;
use crate::gpio::{Button, Failures, Unreadable};
use crate::time::MonoTime;

/// The override button, and whether it can be read.
pub(super) struct OverrideButton {
    button: Button,
    unreadable: bool,
}

impl OverrideButton {
    pub(super) fn new(button: Button) -> Self {
        Self { button, unreadable: false }
    }

    /// Looks at it; a press goes to the agent. That it cannot be read is told once.
    pub(super) fn look<T: Copy + PartialEq>(&mut self, agent: &mut Agent<T>, now: MonoTime) {
        match self.button.look(now) {
            Ok(pressed) => {
                self.unreadable = false;
                if pressed.is_some() {
                    match agent.press_button(now) {
                        Some(mode) => info!(%mode, "the button is pressed: the mode is held"),
                        None => info!("the button is pressed: no mode is held any more"),
                    }
                }
            }
            Err(Unreadable) if !self.unreadable => {
                self.unreadable = true;
                warn!("the button cannot be read (gpio.override_line)");
            }
            Err(Unreadable) => {}
        }
    }
}

/// Levels that could not be set or read, as far as they were told.
pub(super) struct LineFailures {
    failures: Arc<Failures>,
    seen: u64,
    failing: bool,
}

impl LineFailures {
    pub(super) fn new(failures: Arc<Failures>) -> Self {
        Self { failures, seen: 0, failing: false }
    }

    /// Tells when it begins and when it is over.
    pub(super) fn look(&mut self) {
        let total = self.failures.total();
        let new = total - self.seen;
        self.seen = total;
        match (self.failing, new) {
            (false, 1..) => error!(new, "the kernel does not take GPIO levels: lines are not what they should be"),
            (true, 0) => info!(total, "the kernel takes GPIO levels again"),
            _ => {}
        }
        self.failing = new > 0;
    }
}
