//! What kind of machine this is. Read once: it does not change while a program runs.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Board and kernel. What the machine does not tell is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Platform {
    /// The board's name in the device tree (`Raspberry Pi 4 Model B Rev 1.4`), else the processor's.
    #[serde(default)]
    pub model: Option<String>,
    /// Release of the kernel.
    #[serde(default)]
    pub kernel: Option<String>,
    /// Whether the kernel is built with PREEMPT_RT.
    #[serde(default)]
    pub preempt_rt: Option<bool>,
}

impl Platform {
    /// This machine.
    #[must_use]
    pub fn read() -> Self {
        Self::at(Path::new("/"))
    }

    /// The same below another root, such as `/host` in a container.
    #[must_use]
    pub fn at(root: &Path) -> Self {
        let text = |path: &str| {
            let text = fs::read_to_string(root.join(path)).ok()?;
            Some(text.trim_end_matches(['\0', '\n']).to_owned()).filter(|text| !text.is_empty())
        };
        Self {
            model: text("proc/device-tree/model").or_else(|| processor(&text("proc/cpuinfo")?)),
            kernel: text("proc/sys/kernel/osrelease"),
            preempt_rt: preempt_rt(text("sys/kernel/realtime"), text("proc/sys/kernel/version")),
        }
    }

    /// Whether the board says that it is a Raspberry Pi.
    #[must_use]
    pub fn is_raspberry_pi(&self) -> bool {
        self.model.as_deref().is_some_and(|model| model.starts_with("Raspberry Pi"))
    }
}

fn processor(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"))?;
    Some(line.trim_start_matches([' ', '\t', ':']).to_owned())
}

/// The file is there with the PREEMPT_RT patches only; since the mainline kernel has it, the build's preemption model in the
/// version string tells ("#1 SMP PREEMPT_RT Debian …").
fn preempt_rt(realtime: Option<String>, version: Option<String>) -> Option<bool> {
    match realtime.as_deref() {
        Some("1") => Some(true),
        _ => version.map(|version| version.split_whitespace().any(|word| word == "PREEMPT_RT")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(files: &[(&str, &str)]) -> Platform {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Platform::at(dir.path())
    }

    #[test]
    fn a_raspberry_pi_names_itself_in_the_device_tree() {
        let pi = machine(&[
            ("proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0"),
            ("proc/cpuinfo", "model name\t: ARMv7 Processor rev 3 (v7l)\n"),
            ("proc/sys/kernel/osrelease", "6.12.25+rpt-rpi-v8\n"),
            ("proc/sys/kernel/version", "#1 SMP PREEMPT Debian 1:6.12.25-1+rpt1 (2025-04-30)\n"),
        ]);
        assert_eq!(pi.model.as_deref(), Some("Raspberry Pi 4 Model B Rev 1.4"));
        assert_eq!((pi.kernel.as_deref(), pi.preempt_rt), (Some("6.12.25+rpt-rpi-v8"), Some(false)));
        assert!(pi.is_raspberry_pi());
    }

    #[test]
    fn without_a_device_tree_it_is_the_processor() {
        let desk = machine(&[("proc/cpuinfo", "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\n")]);
        assert_eq!(desk.model.as_deref(), Some("Some CPU @ 2 GHz"));
        assert!(!desk.is_raspberry_pi());
        assert_eq!(machine(&[]), Platform::default());
    }

    #[test]
    fn a_real_time_kernel_is_known_by_its_file_or_by_its_version() {
        let version = |text| ("proc/sys/kernel/version", text);
        let (with, without) =
            (version("#1 SMP PREEMPT_RT Debian 6.1\n"), version("#1 SMP PREEMPT_DYNAMIC Debian 6.12\n"));
        let is_rt = |files: &[(&str, &str)]| machine(files).preempt_rt;
        assert_eq!(is_rt(&[with]), Some(true));
        assert_eq!(is_rt(&[("sys/kernel/realtime", "1\n"), without]), Some(true));
        assert_eq!(is_rt(&[("sys/kernel/realtime", "0\n"), without]), Some(false));
        assert_eq!(is_rt(&[without]), Some(false));
        assert_eq!(is_rt(&[]), None);
    }
}
