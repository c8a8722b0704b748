//! From the lines of a configuration to those of a chip.

use super::super::{GpioError, LineId, LineProblem};
use super::kernel::{Chip, LineInfo};

/// Names of lines that an error lists; a chip may have hundreds.
const LISTED: usize = 40;

/// Finds lines on a chip; each may be used once.
pub(super) struct Resolver<'a> {
    chip: &'a Chip,
    lines: &'a [LineInfo],
    used: Vec<(u32, &'static str)>,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(chip: &'a Chip, lines: &'a [LineInfo]) -> Self {
        Self { chip, lines, used: Vec::new() }
    }

    /// The number of a line on the chip, for a configuration key.
    pub(super) fn line(&mut self, key: &'static str, id: &LineId) -> Result<u32, GpioError> {
        let offset = self.find(id).and_then(|offset| self.free(offset));
        let offset = offset.map_err(|problem| GpioError::Line { key, line: id.clone(), problem })?;
        self.used.push((offset, key));
        Ok(offset)
    }

    fn find(&self, id: &LineId) -> Result<u32, LineProblem> {
        let by_name = |name: &str| self.lines.iter().filter(|line| line.name == name).collect::<Vec<_>>();
        let found = match id {
            // Beyond the header a Raspberry Pi has its own affairs: the card, the network, the LEDs.
            LineId::Number(_) if self.chip.has_header() => id.on_header().map(header),
            LineId::Number(number) => Some((*number).into()).filter(|offset| *offset < self.chip.lines),
            LineId::Name(name) => match by_name(name.as_str()).as_slice() {
                [line] => Some(line.offset),
                // Not every kernel names the header's lines, or all of them by number.
                [] if self.chip.has_header() => id.on_header().map(header),
                [] => None,
                several => {
                    let numbers: Vec<String> = several.iter().map(|line| line.offset.to_string()).collect();
                    return Err(LineProblem::Ambiguous { chip: self.chip.to_string(), numbers: numbers.join(", ") });
                }
            },
        };
        found.ok_or_else(|| LineProblem::Missing { chip: self.chip.to_string(), allowed: self.allowed() })
    }

    fn free(&self, offset: u32) -> Result<u32, LineProblem> {
        if let Some((_, other)) = self.used.iter().find(|(used, _)| *used == offset) {
            return Err(LineProblem::Twice { other });
        }
        let info = self.lines.iter().find(|line| line.offset == offset);
        match info.and_then(|line| line.consumer.as_deref()) {
            None => Ok(offset),
            Some("") => Err(LineProblem::Busy { consumer: "the kernel".to_owned() }),
            Some(consumer) => Err(LineProblem::Busy { consumer: consumer.to_owned() }),
        }
    }

    fn allowed(&self) -> String {
        let last = if self.chip.has_header() { 27 } else { self.chip.lines.saturating_sub(1) };
        let names: Vec<&str> =
            self.lines.iter().map(|line| line.name.as_str()).filter(|name| !name.is_empty()).collect();
        let listed = names.iter().take(LISTED).copied().collect::<Vec<_>>().join(", ");
        match names.len() {
            0 => format!("0 to {last}; its lines have no names"),
            1..=LISTED => format!("0 to {last}, or by name: {listed}"),
            _ => format!("0 to {last}, or by name: {listed}, …"),
        }
    }
}

fn header(line: super::super::Line) -> u32 {
    u8::from(line).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chip(label: &str, lines: u32) -> Chip {
        Chip { path: "/dev/gpiochip0".into(), label: label.to_owned(), lines }
    }

    /// Lines with these names from 0 on; `NAME=CONSUMER` is in use.
    fn lines(names: &[&str]) -> Vec<LineInfo> {
        let line = |(offset, text): (u32, &&str)| {
            let (name, consumer) = match text.split_once('=') {
                Some((name, consumer)) => (name, Some(consumer.to_owned())),
                None => (*text, None),
            };
            LineInfo { offset, name: name.to_owned(), consumer }
        };
        (0..).zip(names).map(line).collect()
    }

    fn resolve(chip: &Chip, lines: &[LineInfo], id: &str) -> Result<u32, String> {
        Resolver::new(chip, lines).line("gpio.normal_line", &id.parse().unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn lines_are_found_by_number_and_by_name() {
        let (chip, lines) = (chip("9030000.pl061", 4), lines(&["", "FAN", "LED", "GPIO17"]));
        for (id, offset) in [("0", 0), ("3", 3), ("FAN", 1), ("GPIO17", 3)] {
            assert_eq!(resolve(&chip, &lines, id), Ok(offset), "{id}");
        }
    }

    #[test]
    fn on_a_raspberry_pi_a_number_is_that_of_the_header_and_has_a_name() {
        let chip = chip("pinctrl-bcm2835", 54);
        let names: Vec<&str> = (0..54).map(|line| if line == 47 { "STATUS_LED" } else { "" }).collect();
        let lines = lines(&names);
        for (id, offset) in [("17", 17), ("GPIO17", 17), ("STATUS_LED", 47)] {
            assert_eq!(resolve(&chip, &lines, id), Ok(offset), "{id}");
        }
        for beyond in ["28", "GPIO28", "47"] {
            assert!(resolve(&chip, &lines, beyond).unwrap_err().contains("allowed are 0 to 27"), "{beyond}");
        }
    }

    #[test]
    fn a_missing_line_is_told_with_those_that_are_there() {
        let (chip, lines) = (chip("9030000.pl061", 2), lines(&["FAN", "LED"]));
        for id in ["2", "GPIO17", "fan"] {
            let error = resolve(&chip, &lines, id).unwrap_err();
            for part in ["gpio.normal_line", id, "/dev/gpiochip0 (9030000.pl061)", "0 to 1", "FAN, LED"] {
                assert!(error.contains(part), "{error}");
            }
        }
    }

    #[test]
    fn a_busy_line_is_told_with_who_has_it() {
        let (chip, lines) = (chip("9030000.pl061", 3), lines(&["FAN=pwm-fan", "LED=", "FREE"]));
        for (id, who) in [("FAN", "pwm-fan has it"), ("0", "pwm-fan has it"), ("LED", "the kernel has it")] {
            let error = resolve(&chip, &lines, id).unwrap_err();
            assert!(error.contains(who) && error.contains("gpio.normal_line") && error.contains("allowed"), "{error}");
        }
        assert_eq!(resolve(&chip, &lines, "FREE"), Ok(2));
    }

    #[test]
    fn the_same_line_under_two_names_is_found_out() {
        let (chip, lines) = (chip("9030000.pl061", 2), lines(&["FAN", "LED"]));
        let mut resolver = Resolver::new(&chip, &lines);
        resolver.line("gpio.normal_line", &"FAN".parse().unwrap()).unwrap();
        let error = resolver.line("gpio.degraded_line", &"0".parse().unwrap()).unwrap_err().to_string();
        assert!(error.starts_with("gpio.degraded_line = 0") && error.contains("gpio.normal_line"), "{error}");
    }

    #[test]
    fn a_name_that_several_lines_have_is_not_guessed() {
        let (chip, lines) = (chip("9030000.pl061", 3), lines(&["LED", "FAN", "LED"]));
        assert!(resolve(&chip, &lines, "LED").unwrap_err().contains("numbers: 0, 2"));
    }
}
