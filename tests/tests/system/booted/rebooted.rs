//! The machine reboots: as told, and because its hardware watchdog has had enough.

use shared_proto::wire::Departure;

use super::Device;
use super::device::NAME;

/// The package's own example.
const EXAMPLE: &str = "/usr/share/doc/device-agent/examples/hardware-watchdog.conf";

/// The service comes up by itself, with the release before the one that nobody has confirmed.
pub(super) fn in_good_order(device: &mut Device) {
    device.machine.succeed(&format!("install -D -m 644 {EXAMPLE} /etc/systemd/system.conf.d/hardware-watchdog.conf"));
    device.probe.skip_to_now();
    device.machine.boot_again("systemctl reboot --no-block");
    device.farewell();
    device.born();
    assert_eq!(device.outcome(), "rolled-back next start");
    let [program, current] = ["/usr/bin/device-agent", "/opt/device-agent/current/device-agent"]
        .map(|path| device.machine.succeed(&format!("readlink -f {path}")));
    assert_eq!(program, current);
    assert!(!program.contains("/next/"), "{program}");
    assert_eq!(device.program(), program.trim());
    assert_eq!(device.property("NRestarts"), "0");
    device.machine.note("rebooted; the release that nobody has confirmed is taken back");
}

/// systemd keeps the hardware watchdog quiet; a kernel that hangs after a panic does not.
pub(super) fn by_the_hardware(device: &mut Device) {
    let watchdog = "cat /sys/class/watchdog/watchdog0/identity /sys/class/watchdog/watchdog0/state /sys/class/watchdog/watchdog0/timeout";
    assert_eq!(device.machine.succeed(watchdog), "i6300ESB timer\nactive\n15\n");
    let limit = device.machine.succeed("systemctl show --value --property=RuntimeWatchdogUSec");
    assert_eq!(limit, "15s\n");
    device.probe.skip_to_now();
    device.machine.note("panic");
    device.machine.boot_again("echo 1 >/proc/sys/kernel/sysrq; echo c >/proc/sysrq-trigger");
    let lost = device.probe.status(NAME, "the broker's word that it is lost", |status| !status.online);
    assert_eq!((lost.departure, Some(lost.boot)), (Some(Departure::Lost), device.run));
    device.born();
    device.machine.note("panic: reset by the hardware watchdog, status online");
}
