//! The package is removed, then purged.

use super::Device;
use super::device::{CONFIGURATION, DEGRADED, ENVIRONMENT, HEARTBEAT, NORMAL};

/// The service ends in good order, with its lines at the safe level; the configuration stays.
pub(super) fn stops_and_leaves(device: &mut Device) {
    device.probe.skip_to_now();
    device.machine.succeed("dpkg --remove device-agent");
    device.farewell();
    device.machine.lines.wait_for(&[], &[NORMAL, DEGRADED, HEARTBEAT]);
    let there = |device: &mut Device, path| device.machine.run(&format!("test -e {path}")).code == 0;
    for gone in
        ["/usr/bin/device-agent", "/usr/lib/systemd/system/device-agent.service", "/run/device-agent/control.sock"]
    {
        assert!(!there(device, gone), "{gone}");
    }
    for kept in [CONFIGURATION, ENVIRONMENT, "/var/lib/device-agent"] {
        assert!(there(device, kept), "{kept}");
    }
    assert_eq!(device.machine.run("systemctl is-active device-agent").text, "inactive\n");
    device.machine.note("removed");
}

/// Nothing of it is left but the user.
pub(super) fn leaves_no_trace(device: &mut Device) {
    device.machine.succeed("dpkg --purge device-agent");
    let traces = device
        .machine
        .succeed("find /etc /usr /var /opt -xdev -path '*device-agent*'; find /run -maxdepth 1 -name device-agent");
    assert_eq!(traces, "");
    let failed = device.machine.succeed("systemctl list-units --failed --plain --no-legend");
    assert_eq!(failed, "");
    device.machine.succeed("id device-agent");
    device.machine.note("purged: nothing is left but the user");
}
