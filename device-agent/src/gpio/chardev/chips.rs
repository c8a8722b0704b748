//! Which chip the lines are on.

use std::path::{Path, PathBuf};

use super::super::ChipProblem;
use super::kernel::{Chip, Kernel};

/// The chip at `wanted`; without one that of a Raspberry Pi's header, else the only one.
pub(super) fn pick<K: Kernel>(kernel: &K, wanted: Option<&Path>) -> Result<Chip, ChipProblem> {
    let chip = |path: PathBuf| kernel.chip(&path).map_err(|why| ChipProblem::Closed { path, why });
    if let Some(path) = wanted {
        return chip(path.to_owned());
    }
    let paths = kernel.chips().map_err(|why| ChipProblem::Closed { path: "/dev".into(), why })?;
    among(paths.into_iter().map(chip).collect())
}

/// The same among all chips of a machine, each open or closed. A closed one may be the one that is meant, so it is a reason
/// not to take another.
fn among(chips: Vec<Result<Chip, ChipProblem>>) -> Result<Chip, ChipProblem> {
    let (mut open, mut closed) = (Vec::new(), None);
    for chip in chips {
        match chip {
            Ok(chip) => open.push(chip),
            Err(problem) => closed = closed.or(Some(problem)),
        }
    }
    let (mut headers, others): (Vec<_>, Vec<_>) = open.into_iter().partition(Chip::has_header);
    let mut candidates = if headers.is_empty() { others } else { std::mem::take(&mut headers) };
    match (candidates.pop(), closed) {
        (Some(chip), _) if candidates.is_empty() && chip.has_header() => Ok(chip),
        (_, Some(problem)) => Err(problem),
        (None, None) => Err(ChipProblem::None),
        (Some(chip), None) if candidates.is_empty() => Ok(chip),
        (Some(chip), None) => {
            candidates.push(chip);
            let chips: Vec<String> = candidates.iter().map(Chip::to_string).collect();
            Err(ChipProblem::Ambiguous { chips: chips.join(", ") })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chip(number: u32, label: &str) -> Result<Chip, ChipProblem> {
        Ok(Chip { path: format!("/dev/gpiochip{number}").into(), label: label.to_owned(), lines: 8 })
    }

    fn closed(number: u32) -> Result<Chip, ChipProblem> {
        let path = format!("/dev/gpiochip{number}").into();
        Err(ChipProblem::Closed { path, why: "Permission denied (os error 13)".to_owned() })
    }

    fn picked(chips: Vec<Result<Chip, ChipProblem>>) -> Result<String, String> {
        among(chips).map(|chip| chip.label).map_err(|problem| problem.to_string())
    }

    #[test]
    fn a_raspberry_pi_has_one_chip_for_its_header_whatever_else_it_has() {
        for label in ["pinctrl-bcm2835", "pinctrl-bcm2711", "pinctrl-rp1"] {
            let chips = vec![chip(0, "raspberrypi-exp-gpio"), chip(4, label), chip(10, "gpio-brcmstb@107d508500")];
            assert_eq!(picked(chips).unwrap(), label);
            assert_eq!(picked(vec![closed(1), chip(0, label)]).unwrap(), label);
        }
    }

    #[test]
    fn elsewhere_it_is_the_only_one() {
        assert_eq!(picked(vec![chip(0, "9030000.pl061")]).unwrap(), "9030000.pl061");
        assert!(picked(vec![]).unwrap_err().contains("no GPIO character device"));
    }

    #[test]
    fn several_are_listed_and_none_is_guessed() {
        let error = picked(vec![chip(0, "INTC1055:00"), chip(1, "gpio_aaeon")]).unwrap_err();
        for part in ["/dev/gpiochip0 (INTC1055:00)", "/dev/gpiochip1 (gpio_aaeon)", "allowed are"] {
            assert!(error.contains(part), "{error}");
        }
        let error = picked(vec![chip(0, "pinctrl-bcm2711"), chip(1, "pinctrl-rp1"), chip(2, "other")]).unwrap_err();
        assert!(error.contains("rp1") && !error.contains("other"), "{error}");
    }

    #[test]
    fn a_chip_that_may_not_be_opened_is_no_reason_to_take_another() {
        let error = picked(vec![closed(0), chip(1, "gpio_aaeon")]).unwrap_err();
        assert!(error.contains("/dev/gpiochip0") && error.contains("Permission denied"), "{error}");
    }
}
