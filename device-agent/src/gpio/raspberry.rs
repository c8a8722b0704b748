//! The Raspberry Pi's own pins, by rppal: register writes on mapped memory, no system call, no lock.

use rppal::gpio::{Gpio, InputPin, OutputPin, Pin};

use super::{GpioError, Input, InputRole, Level, Line, LineProblem, OutputRole, Pins, Wiring};

/// Pins of the 40-pin header.
pub struct RaspberryPins {
    normal: Option<OutputPin>,
    degraded: Option<OutputPin>,
    heartbeat: Option<OutputPin>,
    workload_output: Option<OutputPin>,
    workload_input: Option<InputPin>,
}

impl RaspberryPins {
    /// Opens the pins with all outputs at their safe level.
    ///
    /// # Errors
    /// [`GpioError`]: not a Raspberry Pi that rppal knows, no access to `/dev/gpiomem`, or a line that this process uses already.
    pub fn open(wiring: &Wiring) -> Result<Self, GpioError> {
        let gpio = gpio()?;
        let output = |role: OutputRole| {
            wiring.output(role).map(|&line| take(&gpio, role.key(), line)).transpose().map(|pin| {
                pin.map(|pin| {
                    let mut pin = match wiring.safe {
                        Level::Low => pin.into_output_low(),
                        Level::High => pin.into_output_high(),
                    };
                    // The line keeps its safe level after the end; by default it would become an input again.
                    pin.set_reset_on_drop(false);
                    pin
                })
            })
        };
        let input = |role: InputRole| wiring.input(role).map(|&line| take(&gpio, role.key(), line)).transpose();
        Ok(Self {
            normal: output(OutputRole::Normal)?,
            degraded: output(OutputRole::Degraded)?,
            heartbeat: output(OutputRole::Heartbeat)?,
            workload_output: output(OutputRole::Workload)?,
            workload_input: input(InputRole::Workload)?.map(Pin::into_input),
        })
    }
}

/// Whether rppal knows this machine and may reach its registers; else why not.
pub(super) fn look() -> Result<(), GpioError> {
    gpio().map(drop)
}

/// An input of the supervisor's, with the pull resistor that gives it `pulled` while nothing drives it.
pub(super) fn open_input(key: &'static str, line: Line, pulled: Level) -> Result<RaspberryInput, GpioError> {
    let pin = take(&gpio()?, key, line)?;
    Ok(RaspberryInput(match pulled {
        Level::Low => pin.into_input_pulldown(),
        Level::High => pin.into_input_pullup(),
    }))
}

/// One input.
pub(super) struct RaspberryInput(InputPin);

impl Input for RaspberryInput {
    fn level(&mut self) -> Option<Level> {
        Some(level(&self.0))
    }
}

fn gpio() -> Result<Gpio, GpioError> {
    Gpio::new().map_err(|error| GpioError::Registers { why: error.to_string() })
}

fn take(gpio: &Gpio, key: &'static str, line: Line) -> Result<Pin, GpioError> {
    gpio.get(line.into()).map_err(|error| GpioError::Line {
        key,
        line: line.into(),
        problem: LineProblem::Refused { why: error.to_string() },
    })
}

fn level(pin: &InputPin) -> Level {
    if pin.is_high() { Level::High } else { Level::Low }
}

impl Pins for RaspberryPins {
    fn write(&mut self, role: OutputRole, level: Level) {
        let pin = match role {
            OutputRole::Normal => &mut self.normal,
            OutputRole::Degraded => &mut self.degraded,
            OutputRole::Heartbeat => &mut self.heartbeat,
            OutputRole::Workload => &mut self.workload_output,
        };
        match (pin, level) {
            (Some(pin), Level::Low) => pin.set_low(),
            (Some(pin), Level::High) => pin.set_high(),
            (None, _) => {}
        }
    }

    fn read(&mut self, role: InputRole) -> Level {
        let pin = match role {
            InputRole::Workload => &self.workload_input,
        };
        pin.as_ref().map_or(Level::Low, level)
    }
}
