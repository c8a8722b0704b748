//! Which way to real lines `gpio.backend = "auto"` takes. Pure: what was found comes in.

use super::GpioError;

/// A way to real lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The Raspberry Pi's registers, by rppal.
    Registers,
    /// The kernel's character device.
    Chardev,
}

/// What was found of the two ways: each is open, or closed for this reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The registers.
    pub registers: Result<(), String>,
    /// The character device.
    pub chardev: Result<(), String>,
}

/// The way that is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// Which.
    pub way: Way,
    /// Why not the other one.
    pub why_not_other: String,
}

/// Registers if they are open, because a level costs no system call there; else the character device. Never simulated lines.
///
/// # Errors
/// [`GpioError::Neither`], with both reasons.
pub fn choose(found: Found) -> Result<Chosen, GpioError> {
    match (found.registers, found.chardev) {
        (Ok(()), Ok(())) => {
            Ok(Chosen { way: Way::Registers, why_not_other: "a level would cost a system call there".to_owned() })
        }
        (Ok(()), Err(why_not_other)) => Ok(Chosen { way: Way::Registers, why_not_other }),
        (Err(why_not_other), Ok(())) => Ok(Chosen { way: Way::Chardev, why_not_other }),
        (Err(registers), Err(chardev)) => Err(GpioError::Neither { registers, chardev }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(registers: Result<(), &str>, chardev: Result<(), &str>) -> Result<Chosen, GpioError> {
        choose(Found { registers: registers.map_err(str::to_owned), chardev: chardev.map_err(str::to_owned) })
    }

    #[test]
    fn registers_go_first() {
        for chardev in [Ok(()), Err("no chip")] {
            assert_eq!(of(Ok(()), chardev).unwrap().way, Way::Registers);
        }
        assert_eq!(of(Ok(()), Err("no chip")).unwrap().why_not_other, "no chip");
    }

    #[test]
    fn an_unknown_board_gets_the_character_device_and_hears_why() {
        let chosen = of(Err("unknown model"), Ok(())).unwrap();
        assert_eq!((chosen.way, chosen.why_not_other.as_str()), (Way::Chardev, "unknown model"));
    }

    #[test]
    fn nothing_is_an_error_with_both_reasons_and_never_simulated() {
        let error = of(Err("unknown model"), Err("no chip")).unwrap_err().to_string();
        for part in ["gpio.backend = \"auto\"", "unknown model", "no chip", "\"sim\""] {
            assert!(error.contains(part), "{error}");
        }
    }
}
