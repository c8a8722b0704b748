//! The configured lines: opened as the agent would, and given back at once.

use std::fmt::Write;

use super::Findings;
use crate::gpio::GpioConfig;
use crate::gpio::{ButtonConfig, ChipProblem, GpioError, InUse, InputRole, LineProblem, OutputRole, open_lines};

/// Opens the lines. Outputs take their safe level, as at the start of the agent; nobody else may be using them.
pub(super) fn gather(gpio: &GpioConfig) -> Result<InUse, GpioError> {
    open_lines(gpio).map(|open| open.in_use)
}

pub(super) fn judge(opened: &Result<InUse, GpioError>, gpio: &GpioConfig, to: &mut Findings) {
    let error = match opened {
        Ok(in_use) => return to.ok("gpio.lines", format_args!("{in_use}: {}", lines(gpio))),
        Err(error) => error,
    };
    let mend = match error {
        GpioError::NotBuilt { .. } => "take a build with it, or set gpio.backend = \"auto\"",
        GpioError::Chip(ChipProblem::Ambiguous { .. }) => "set gpio.chip to one of them; gpiodetect tells more",
        GpioError::Line { problem: LineProblem::Busy { .. }, .. } => {
            "gpioinfo   # shows who has it: end that program, or take another line"
        }
        GpioError::Line { .. } => "gpioinfo   # shows the lines: set the key to one of them",
        GpioError::Registers { .. } | GpioError::Neither { .. } | GpioError::Chip(_) => {
            "ls -l /dev/gpio*; sudo usermod -aG gpio $USER   # then log in anew; without any GPIO: gpio.backend = \"sim\""
        }
    };
    to.failure("gpio.lines", format_args!("{error}"), format_args!("{mend}"));
}

/// The configured lines, by their keys.
fn lines(gpio: &GpioConfig) -> String {
    let outputs = OutputRole::ALL.into_iter().filter_map(|role| Some((role.key(), gpio.wiring.output(role)?)));
    let input = gpio.wiring.input.as_ref().map(|line| (InputRole::Workload.key(), line));
    let button = gpio.button.as_ref().map(|button| (ButtonConfig::KEY, &button.line));
    let mut text = String::new();
    for (key, line) in outputs.chain(input).chain(button) {
        let separator = if text.is_empty() { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = write!(text, "{separator}{} {line}", key.trim_start_matches("gpio."));
    }
    if text.is_empty() { "no line is configured".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::super::Outcome::{Failure, Ok as Good};
    use super::super::tests::told as collected;
    use super::*;
    use crate::gpio::GpioBackend;
    use crate::gpio::{Level, Wiring};

    fn gpio() -> GpioConfig {
        let line = |text: &str| Some(text.parse().unwrap());
        let wiring = Wiring {
            normal: line("GPIO17"),
            degraded: None,
            heartbeat: line("22"),
            output: None,
            input: None,
            active: Level::High,
            safe: Level::Low,
        };
        GpioConfig { backend: GpioBackend::Sim, chip: None, wiring, button: None, sim_state_file: None }
    }

    #[test]
    fn lines_that_open_are_listed() {
        let told = collected(|to| judge(&gather(&gpio()), &gpio(), to)).remove(0);
        assert_eq!(told.outcome, Good);
        assert_eq!(told.found, "simulated (sim): normal_line \"GPIO17\", heartbeat_line 22");
    }

    #[test]
    fn a_line_that_another_has_comes_with_who() {
        let problem = LineProblem::Busy { consumer: "leds".to_owned() };
        let busy = Err(GpioError::Line { key: "gpio.normal_line", line: "17".parse().unwrap(), problem });
        let told = collected(|to| judge(&busy, &gpio(), to)).remove(0);
        assert_eq!(told.outcome, Failure);
        assert!(told.found.contains("gpio.normal_line = 17") && told.found.contains("leds"), "{told:?}");
        assert!(told.mend.unwrap().starts_with("gpioinfo"));
        let closed = Err(GpioError::Registers { why: "Permission denied".to_owned() });
        assert!(collected(|to| judge(&closed, &gpio(), to)).remove(0).mend.unwrap().contains("usermod -aG gpio"));
    }
}
