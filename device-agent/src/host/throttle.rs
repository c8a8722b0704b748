//! The throttle flags of a Raspberry Pi.

use std::fs;
use std::path::{Path, PathBuf};

/// Under-voltage now: bit 0 of the flags.
pub(crate) const UNDER_VOLTAGE: u32 = 1;

/// What each flag says; the same 16 bits further up it says of the time since boot.
const MEANINGS: [(u32, &str); 4] =
    [(UNDER_VOLTAGE, "under-voltage"), (2, "clock capped"), (4, "throttled"), (8, "soft temperature limit")];

/// The flags in words, for people.
pub(crate) fn in_words(flags: u32) -> String {
    let told = |flags: u32, when: &str| {
        let set: Vec<&str> = MEANINGS.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, words)| *words).collect();
        (!set.is_empty()).then(|| format!("{}: {}", when, set.join(", ")))
    };
    let parts: Vec<String> = [told(flags, "now"), told(flags >> 16, "since boot")].into_iter().flatten().collect();
    if parts.is_empty() { "good".to_owned() } else { parts.join("; ") }
}

/// Where the throttle flags are.
#[derive(Debug)]
pub(super) enum ThrottleFile {
    /// All of them: the firmware's answer, in kernels of Raspberry Pi OS.
    Flags(PathBuf),
    /// Under-voltage alone: `in0_lcrit_alarm` of the driver raspberrypi-hwmon, in mainline kernels too. It asks the firmware
    /// every two seconds.
    UnderVoltage(PathBuf),
}

/// The driver's folder: one link for each device that it serves, whatever the name of the system on chip.
const FIRMWARE_DRIVER: &str = "sys/bus/platform/drivers/raspberrypi-firmware";
/// A folder for each sensor, with its name in a file.
const SENSORS: &str = "sys/class/hwmon";
/// The name of the Raspberry Pi's voltage sensor.
const VOLTAGE_SENSOR: &str = "rpi_volt";

impl ThrottleFile {
    pub(super) fn find(root: &Path) -> Option<Self> {
        let devices =
            |folder| fs::read_dir(root.join(folder)).into_iter().flatten().flatten().map(|device| device.path());
        let flags = devices(FIRMWARE_DRIVER).map(|device| device.join("get_throttled")).find(|file| file.exists());
        let is_voltage =
            |sensor: &PathBuf| fs::read_to_string(sensor.join("name")).is_ok_and(|name| name.trim() == VOLTAGE_SENSOR);
        flags.map(Self::Flags).or_else(|| {
            let sensor = devices(SENSORS).find(is_voltage)?;
            Some(Self::UnderVoltage(sensor.join("in0_lcrit_alarm"))).filter(|_| sensor.join("in0_lcrit_alarm").exists())
        })
    }

    /// The flags now.
    pub(super) fn read(&self) -> Option<u32> {
        match self {
            // Hexadecimal without prefix (<https://github.com/raspberrypi/linux>, drivers/firmware/raspberrypi.c).
            Self::Flags(path) => {
                let text = fs::read_to_string(path).ok()?;
                u32::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok()
            }
            Self::UnderVoltage(path) => match fs::read_to_string(path).ok()?.trim() {
                "0" => Some(0),
                "1" => Some(UNDER_VOLTAGE),
                _ => None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::write;
    use super::*;

    #[test]
    fn flags_are_told_in_words() {
        assert_eq!(in_words(0), "good");
        assert_eq!(in_words(0x5_0005), "now: under-voltage, throttled; since boot: under-voltage, throttled");
        assert_eq!(in_words(0xA_0000), "since boot: clock capped, soft temperature limit");
    }

    #[test]
    fn a_mainline_kernel_tells_under_voltage_alone() {
        let dir = tempfile::tempdir().unwrap();
        let alarm = "sys/class/hwmon/hwmon1/in0_lcrit_alarm";
        for (path, text) in [
            ("sys/class/hwmon/hwmon0/name", "cpu_thermal\n"),
            ("sys/class/hwmon/hwmon0/in0_lcrit_alarm", "1\n"),
            ("sys/class/hwmon/hwmon1/name", "rpi_volt\n"),
            (alarm, "0\n"),
        ] {
            write(dir.path(), path, text);
        }
        let file = ThrottleFile::find(dir.path()).unwrap();
        for (text, flags) in [("0\n", Some(0)), ("1\n", Some(UNDER_VOLTAGE)), ("what\n", None)] {
            write(dir.path(), alarm, text);
            assert_eq!(file.read(), flags, "{text}");
        }
        // The firmware's own answer says more.
        write(dir.path(), "sys/bus/platform/drivers/raspberrypi-firmware/soc:firmware/get_throttled", "50000\n");
        assert_eq!(ThrottleFile::find(dir.path()).unwrap().read(), Some(0x5_0000));
    }
}
