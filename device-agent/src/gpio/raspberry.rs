//! The Raspberry Pi's own pins, by rppal: register writes on mapped memory, no system call, no lock.

use rppal::gpio::{Gpio, InputPin, OutputPin};

use super::{GpioError, InputRole, Level, Line, OutputRole, Pins, Wiring};

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
    /// [`GpioError::Hardware`]: not a Raspberry Pi, no access to `/dev/gpiomem`, or a line in use.
    pub fn open(wiring: &Wiring) -> Result<Self, GpioError> {
        let gpio = Gpio::new().map_err(|error| hardware("cannot reach the GPIO chip".into(), error))?;
        let take =
            |line: Line| gpio.get(line.into()).map_err(|error| hardware(format!("cannot use line {line}"), error));
        let output = |role| {
            wiring.output(role).map(take).transpose().map(|pin| {
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
        Ok(Self {
            normal: output(OutputRole::Normal)?,
            degraded: output(OutputRole::Degraded)?,
            heartbeat: output(OutputRole::Heartbeat)?,
            workload_output: output(OutputRole::Workload)?,
            workload_input: wiring.input(InputRole::Workload).map(take).transpose()?.map(|pin| pin.into_input()),
        })
    }
}

fn hardware(what: String, error: rppal::gpio::Error) -> GpioError {
    GpioError::Hardware { what, why: error.to_string() }
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
        match pin {
            Some(pin) if pin.is_high() => Level::High,
            _ => Level::Low,
        }
    }
}
