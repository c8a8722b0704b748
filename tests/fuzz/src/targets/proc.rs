//! What the kernel tells: whatever it is, what the agent makes of it can be sent and read.

use std::fs;

use device_agent::host::{HostReader, TaskReader};
use shared_proto::wire::Host;

/// The files in the order of the input's parts, which NUL separates.
const FILES: [&str; 7] = [
    "proc/self/status",
    "sys/class/thermal/thermal_zone0/temp",
    "sys/bus/platform/drivers/raspberrypi-firmware/soc/get_throttled",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq",
    "task/status",
    "task/stat",
    "task/schedstat",
];

/// `/proc/stat` at two times, then the other files.
pub fn proc(bytes: &[u8]) {
    thread_local! {
        static ROOT: tempfile::TempDir = {
            let root = super::memory(|folder| tempfile::TempDir::new_in(folder));
            for file in FILES {
                fs::create_dir_all(root.path().join(file).parent().unwrap()).unwrap();
            }
            root
        };
    }
    ROOT.with(|root| {
        let root = root.path();
        let mut parts = bytes.split(|&byte| byte == 0);
        let mut write = |file: &str| fs::write(root.join(file), parts.next().unwrap_or_default()).unwrap();
        write("proc/stat");
        FILES.into_iter().for_each(&mut write);
        let mut reader = HostReader::at(root, None);
        write("proc/stat");
        can_be_sent(&reader.read());
        can_be_sent(&reader.vitals());

        if let Some(counters) = TaskReader::at(root.join("task")).read() {
            assert_eq!(counters.since(&counters), Default::default());
            assert_eq!(counters.since(&Default::default()), counters);
        }
    });
}

fn can_be_sent(host: &Host) {
    let written = serde_json::to_string(host).expect("JSON");
    let read: Host = serde_json::from_str(&written).expect("what was written can be read");
    assert_eq!(&read, host, "sent as {written}");
}
