//! What the machine tells about itself: load, stolen time, temperature, throttling, clock, memory.

mod cpu_times;
mod platform;
mod task;
mod throttle;

use std::fs;
use std::path::{Path, PathBuf};

use shared_proto::units::Ratio;
use shared_proto::wire::Host;

pub use platform::Platform;
pub use task::{TaskCounters, TaskReader};
pub(crate) use throttle::{UNDER_VOLTAGE, in_words as throttle_in_words};

use cpu_times::CpuTimes;
use throttle::ThrottleFile;

/// Reads the machine's state; remembers CPU times to tell the load between two looks.
#[derive(Debug)]
pub struct HostReader {
    root: PathBuf,
    throttle_file: Option<ThrottleFile>,
    task_cpu: Option<u16>,
    before: Option<CpuTimes>,
}

impl HostReader {
    /// Reads from `/proc` and `/sys`; the clock is that of the task's CPU, or of CPU 0 if it is not bound.
    #[must_use]
    pub fn new(task_cpu: Option<u16>) -> Self {
        Self::at(Path::new("/"), task_cpu)
    }

    /// The same below another root, such as `/host` in a container.
    #[must_use]
    pub fn at(root: &Path, task_cpu: Option<u16>) -> Self {
        let throttle_file = ThrottleFile::find(root);
        let mut reader = Self { root: root.to_owned(), throttle_file, task_cpu, before: None };
        reader.before = reader.cpu_times();
        reader
    }

    /// The state now; CPU shares since the last look. What cannot be read is `None`.
    pub fn read(&mut self) -> Host {
        let now = self.cpu_times();
        let shares = match (self.before, now) {
            (Some(before), Some(now)) => now.shares_since(&before),
            _ => None,
        };
        self.before = now;
        Host {
            cpu: shares.map(|shares| shares.busy),
            steal: shares.map(|shares| shares.stolen),
            freq_mhz: self.freq_mhz(),
            rss_kb: self.resident_kb(),
            ..self.vitals()
        }
    }

    /// Temperature and throttle flags alone.
    #[must_use]
    pub fn vitals(&self) -> Host {
        Host {
            temp_c: self.temp_c(),
            throttled: self.throttle_file.as_ref().and_then(ThrottleFile::read),
            ..Host::default()
        }
    }

    fn cpu_times(&self) -> Option<CpuTimes> {
        CpuTimes::parse(&self.text("proc/stat")?)
    }

    fn temp_c(&self) -> Option<f32> {
        // Rust reads "nan", "inf" and endless digits as numbers too; none of them can be sent.
        let millis = self.number::<f32>("sys/class/thermal/thermal_zone0/temp").filter(|millis| millis.is_finite())?;
        Some(millis / 1000.0)
    }

    fn freq_mhz(&self) -> Option<u32> {
        let cpu = self.task_cpu.unwrap_or(0);
        let khz = self.number::<u32>(&format!("sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_cur_freq"))?;
        Some(khz / 1000)
    }

    fn resident_kb(&self) -> Option<u64> {
        let text = self.text("proc/self/status")?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.split_whitespace().next()?.parse().ok()
    }

    fn number<N: std::str::FromStr>(&self, path: &str) -> Option<N> {
        self.text(path)?.trim().parse().ok()
    }

    fn text(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.root.join(path)).ok()
    }
}

/// Busy and stolen share of the time between two looks.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Shares {
    busy: Ratio,
    stolen: Ratio,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Puts a file into a made-up machine.
    pub(super) fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn a_raspberry_pi_is_read_whole() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        write(root, "proc/stat", "cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 2 3\n");
        write(root, "proc/self/status", "Name:\tagent\nVmRSS:\t    3456 kB\n");
        write(root, "sys/class/thermal/thermal_zone0/temp", "48312\n");
        write(root, "sys/bus/platform/drivers/raspberrypi-firmware/bind", "");
        write(root, "sys/bus/platform/drivers/raspberrypi-firmware/soc:firmware/get_throttled", "50005\n");
        write(root, "sys/devices/system/cpu/cpu3/cpufreq/scaling_cur_freq", "1400000\n");
        let mut reader = HostReader::at(root, Some(3));
        write(root, "proc/stat", "cpu  130 0 70 840 50 0 0 10 0 0\n");
        let host = reader.read();
        assert_eq!((host.cpu, host.steal), (Some(Ratio::of(5, 10)), Some(Ratio::of(1, 10))));
        assert_eq!((host.temp_c, host.throttled), (Some(48.312), Some(0x5_0005)));
        assert_eq!((host.freq_mhz, host.rss_kb), (Some(1400), Some(3456)));
    }

    #[test]
    fn what_a_machine_does_not_tell_is_none() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "proc/stat", "nonsense");
        write(dir.path(), "sys/class/thermal/thermal_zone0/temp", "");
        assert_eq!(HostReader::at(dir.path(), None).read(), Host::default());
        for no_temperature in ["nan", "inf", &"9".repeat(60)] {
            write(dir.path(), "sys/class/thermal/thermal_zone0/temp", no_temperature);
            assert_eq!(HostReader::at(dir.path(), None).vitals(), Host::default(), "{no_temperature}");
        }
    }

    #[test]
    fn this_machine_tells_its_load_and_memory() {
        let host = HostReader::new(None).read();
        assert!(host.rss_kb.unwrap() > 100);
    }
}
