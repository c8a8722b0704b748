//! The override button: a person at the device presses it to hold DEGRADED, and again to let go.

use super::{Debouncer, Input, Level, LineId, Pressed};
use crate::time::MonoTime;

/// A push button as it is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ButtonConfig {
    /// Its line.
    pub line: LineId,
    /// Level while it is down. The pull resistor of the chip gives the other one.
    pub pressed: Level,
    /// How long a level must last to count, in nanoseconds.
    pub stable_ns: u64,
}

impl ButtonConfig {
    /// The configuration key of its line.
    pub const KEY: &'static str = "gpio.override_line";
}

/// A push button on an open line. Levels are looked at, edges are not waited for: not every board tells of them.
pub struct Button {
    input: Box<dyn Input>,
    debouncer: Debouncer,
}

impl Button {
    /// A button on this input.
    #[must_use]
    pub fn new(input: Box<dyn Input>, config: &ButtonConfig) -> Self {
        Self { input, debouncer: Debouncer::new(config.pressed, config.stable_ns) }
    }

    /// Looks at it at `now`.
    ///
    /// # Errors
    /// [`Unreadable`]: its level cannot be read, which changes nothing.
    pub fn look(&mut self, now: MonoTime) -> Result<Option<Pressed>, Unreadable> {
        let level = self.input.level().ok_or(Unreadable)?;
        Ok(self.debouncer.see(level, now))
    }
}

/// The level of an input cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;
