//! The section `[gpio]`.

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};
use shared_host::config::{ConfigError, Loaded};

use crate::gpio::{ButtonConfig, GpioBackend, GpioConfig, InputRole, Level, LineId, NotALine, OutputRole, Wiring};

/// As it is written.
#[derive(Deserialize)]
pub(super) struct Section {
    backend: GpioBackend,
    chip: Option<PathBuf>,
    normal_line: Wired,
    degraded_line: Wired,
    heartbeat_line: Wired,
    input_line: Option<Wired>,
    output_line: Option<Wired>,
    active: Level,
    safe: Level,
    override_line: Option<Wired>,
    override_active: Level,
    override_debounce_ms: u64,
    sim_state_file: Option<PathBuf>,
}

/// A line, or an empty text for none.
struct Wired(Option<LineId>);

impl<'de> Deserialize<'de> for Wired {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Wired;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the number or the name of a line")
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Wired, E> {
                u16::try_from(number).map(|number| Wired(Some(LineId::Number(number)))).map_err(|_| E::custom(NotALine))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Wired, E> {
                if text.is_empty() {
                    Ok(Wired(None))
                } else {
                    text.parse().map(|id| Wired(Some(id))).map_err(E::custom)
                }
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl Section {
    /// Checks what can be told without the machine.
    ///
    /// # Errors
    /// [`ConfigError`] for the first value that is not allowed.
    pub(super) fn check(self, loaded: &Loaded) -> Result<GpioConfig, ConfigError> {
        let config = GpioConfig {
            backend: self.backend,
            chip: self.chip.filter(|chip| !chip.as_os_str().is_empty()),
            wiring: Wiring {
                normal: self.normal_line.0,
                degraded: self.degraded_line.0,
                heartbeat: self.heartbeat_line.0,
                output: self.output_line.and_then(|line| line.0),
                input: self.input_line.and_then(|line| line.0),
                active: self.active,
                safe: self.safe,
            },
            button: self.override_line.and_then(|line| line.0).map(|line| ButtonConfig {
                line,
                pressed: self.override_active,
                stable_ns: self.override_debounce_ms * 1_000_000,
            }),
            sim_state_file: self.sim_state_file,
        };
        if self.override_debounce_ms > 1_000 {
            let problem = format_args!("{} is outside 0 to 1000", self.override_debounce_ms);
            return Err(loaded.refuse("gpio.override_debounce_ms", problem));
        }
        if config.chip.is_some() && matches!(config.backend, GpioBackend::Sim | GpioBackend::Rppal) {
            return Err(loaded.refuse("gpio.chip", "only a character device has a chip: gpio.backend = \"chardev\""));
        }
        lines(&config, loaded)?;
        Ok(config)
    }
}

/// Each line by itself, and each for one purpose.
fn lines(config: &GpioConfig, loaded: &Loaded) -> Result<(), ConfigError> {
    let outputs = OutputRole::ALL.into_iter().filter_map(|role| Some((role.key(), config.wiring.output(role)?)));
    let input = config.wiring.input.as_ref().map(|line| (InputRole::Workload.key(), line));
    let button = config.button.as_ref().map(|button| (ButtonConfig::KEY, &button.line));
    let mut used: Vec<(&str, &LineId)> = Vec::new();
    for (key, line) in outputs.chain(input).chain(button) {
        if matches!(config.backend, GpioBackend::Sim | GpioBackend::Rppal) && line.on_header().is_none() {
            let problem = "only a character device has other lines than 0 to 27: gpio.backend = \"chardev\"";
            return Err(loaded.refuse(key, problem));
        }
        let taken = used.iter().find(|(_, other)| other.is_same_as(line));
        // On simulated pins an input may share an output's line: they are wired together.
        let wired_together = config.backend == GpioBackend::Sim && key == InputRole::Workload.key();
        match taken {
            Some((other, _)) if !wired_together => {
                return Err(loaded.refuse(key, format_args!("line {line} is already {other}")));
            }
            _ => used.push((key, line)),
        }
    }
    Ok(())
}
