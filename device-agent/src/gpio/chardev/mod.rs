//! Lines by the kernel's GPIO character device (uAPI version 2, Linux 5.10 and later): any board.
//!
//! Setting or reading a level is one system call, an ioctl on a file that was opened before the loop: it allocates nothing
//! and waits for nobody, but for the kernel's own lock on the chip. Lines of a chip behind a bus (an I2C expander) wait for
//! that bus: they are not for the real-time thread.
//!
//! Outputs are requested at their safe level, so there is no moment at which they have another. At the end they are put to
//! it again; then the kernel gets them back, unlike those of rppal. What it does with them is its own affair: mainline
//! kernels make them inputs again, those of Raspberry Pi OS keep the level (`persist_gpio_outputs`). A pull
//! resistor to the safe level holds in either case.

mod cdev;
mod chips;
mod kernel;
mod resolve;
#[cfg(any(feature = "rppal", test))]
mod taken;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use super::{
    ButtonConfig, Failures, GpioError, Input, InputRole, Level, LineId, LineProblem, OutputRole, Pins, Wiring,
};
pub(super) use cdev::Cdev;
pub(super) use kernel::{Chip, Kernel};
use kernel::{LineInfo, Output};
use resolve::Resolver;
#[cfg(any(feature = "rppal", test))]
pub(super) use taken::refuse_taken;

/// Lines of a chip. Each has a request of its own, so that a level needs no search among several.
pub(super) struct ChardevPins<K: Kernel> {
    normal: Option<K::Output>,
    degraded: Option<K::Output>,
    heartbeat: Option<K::Output>,
    workload_output: Option<K::Output>,
    workload_input: Option<K::Input>,
    failures: Arc<Failures>,
}

/// What was opened.
pub(super) struct Opened<K: Kernel> {
    pub(super) pins: ChardevPins<K>,
    pub(super) button: Option<K::Input>,
    pub(super) chip: Chip,
    pub(super) failures: Arc<Failures>,
}

/// The chip that would be taken.
pub(super) fn look<K: Kernel>(kernel: &K, chip: Option<&Path>) -> Result<Chip, GpioError> {
    Ok(chips::pick(kernel, chip)?)
}

/// Opens the lines. All are found before the first is taken: an error leaves none changed.
pub(super) fn open<K: Kernel>(
    kernel: &K,
    chip: Option<&Path>,
    wiring: &Wiring<LineId>,
    button: Option<&ButtonConfig>,
) -> Result<Opened<K>, GpioError> {
    let chip = chips::pick(kernel, chip)?;
    let lines = lines(kernel, &chip)?;
    let mut resolver = Resolver::new(&chip, &lines);
    let offsets = wiring.try_map(|key, id| resolver.line(key, id))?;
    let button_offset = button.map(|button| resolver.line(ButtonConfig::KEY, &button.line)).transpose()?;

    let refused = |key, line: &LineId| {
        let line = line.clone();
        move |why| GpioError::Line { key, line, problem: LineProblem::Refused { why } }
    };
    let output = |role: OutputRole| {
        let line = wiring.output(role).zip(offsets.output(role));
        line.map(|(line, &offset)| kernel.output(&chip, offset, wiring.safe).map_err(refused(role.key(), line)))
            .transpose()
    };
    let input =
        |key, line: &LineId, offset: u32, pulled| kernel.input(&chip, offset, pulled).map_err(refused(key, line));
    let workload_input = wiring.input.as_ref().zip(offsets.input);
    let failures = Arc::new(Failures::default());
    let pins = ChardevPins {
        normal: output(OutputRole::Normal)?,
        degraded: output(OutputRole::Degraded)?,
        heartbeat: output(OutputRole::Heartbeat)?,
        workload_output: output(OutputRole::Workload)?,
        workload_input: workload_input
            .map(|(line, offset)| input(InputRole::Workload.key(), line, offset, None))
            .transpose()?,
        failures: Arc::clone(&failures),
    };
    let button = button
        .zip(button_offset)
        .map(|(button, offset)| input(ButtonConfig::KEY, &button.line, offset, Some(button.pressed.inverse())))
        .transpose()?;
    Ok(Opened { pins, button, chip, failures })
}

fn lines<K: Kernel>(kernel: &K, chip: &Chip) -> Result<Vec<LineInfo>, GpioError> {
    let closed = |why| super::ChipProblem::Closed { path: chip.path.clone(), why };
    Ok(kernel.lines(chip).map_err(closed)?)
}

impl<K: Kernel> Pins for ChardevPins<K> {
    fn write(&mut self, role: OutputRole, level: Level) {
        let line = match role {
            OutputRole::Normal => &mut self.normal,
            OutputRole::Degraded => &mut self.degraded,
            OutputRole::Heartbeat => &mut self.heartbeat,
            OutputRole::Workload => &mut self.workload_output,
        };
        if let Some(line) = line
            && line.set(level).is_err()
        {
            self.failures.count();
        }
    }

    fn read(&mut self, role: InputRole) -> Level {
        let line = match role {
            InputRole::Workload => &mut self.workload_input,
        };
        let Some(line) = line else { return Level::Low };
        line.level().unwrap_or_else(|| {
            self.failures.count();
            Level::Low
        })
    }
}
