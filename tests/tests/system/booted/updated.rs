//! A newer package; and a newer program by `fleet`'s own script, which nobody confirms.

use shared_proto::wire::Departure;

use super::Device;
use super::device::{CONFIGURATION, ENVIRONMENT, NAME};

/// Where `fleet` keeps its releases.
const FLEET: &str = "/opt/device-agent";
const NEXT: &str = "/opt/device-agent/releases/next/device-agent";

/// What was edited stays, the service runs the new program.
pub(super) fn newer_package(device: &mut Device) {
    device.machine.succeed(&format!("echo '# mine' >>{CONFIGURATION}"));
    let kept = format!("sha256sum {CONFIGURATION} {ENVIRONMENT}");
    let before = device.machine.succeed(&kept);
    let process = device.process();
    device.probe.skip_to_now();
    device.machine.succeed("dpkg --install /mnt/newer.deb");
    assert_eq!(device.machine.succeed(&kept), before);
    let version = device.machine.succeed("dpkg-query --show --showformat='${Status} ${Version}' device-agent");
    assert!(version.starts_with("install ok installed") && version.trim_end().ends_with("+1"), "{version}");
    device.farewell();
    device.born();
    assert_ne!(device.process(), process);
    assert_eq!(device.program(), "/usr/bin/device-agent");
    assert_eq!(device.property("UnitFileState"), "enabled");
    device.machine.note("upgraded");
}

/// The timer that the switch arms goes back in time.
pub(super) fn guard_goes_back(device: &mut Device) {
    device.machine.succeed(&format!("install -D -m 644 /mnt/device.sh {FLEET}/fleet.sh"));
    device.machine.succeed(&format!("install -D -m 755 /usr/bin/device-agent {NEXT} && echo >>{NEXT}"));
    device.switch("first", 20);
    device.farewell();
    device.born();
    device.machine.succeed(&format!("until [ ! -e {FLEET}/pending ]; do sleep 0.2; done"));
    assert_eq!(device.outcome(), "rolled-back next guard");
    device.born();
    assert_ne!(device.program(), NEXT);
    device.machine.note("release of fleet: taken back by its guard, a timer of systemd");
}

/// A release that is not confirmed when the machine reboots.
pub(super) fn unconfirmed_release(device: &mut Device) {
    device.switch("second", 3600);
    device.born();
    assert_eq!(device.program(), NEXT);
    // A restart of the service alone is no reason to go back.
    device.machine.succeed("systemctl restart device-agent");
    device.born();
    assert_eq!(device.program(), NEXT);
}

impl Device {
    /// The words at its end in good order.
    pub(super) fn farewell(&mut self) {
        let farewell = self.probe.status(NAME, "its farewell", |status| !status.online);
        assert_eq!((farewell.departure, Some(farewell.boot)), (Some(Departure::Stopped), self.run));
    }

    /// How the last update ended.
    pub(super) fn outcome(&mut self) -> String {
        self.machine.succeed(&format!("cat {FLEET}/outcome")).trim().to_owned()
    }

    fn switch(&mut self, mark: &str, seconds: u32) {
        let restart = "\"systemctl restart device-agent\"";
        let run = format!("sh {FLEET}/fleet.sh switch {FLEET} next {mark} {seconds} /usr/bin/device-agent {restart}");
        let said = self.machine.succeed(&run);
        assert!(said.contains("guard=systemd"), "{said}");
    }
}
