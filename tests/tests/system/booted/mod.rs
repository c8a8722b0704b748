//! The Debian package on a machine that systemd has booted, from its installation to its last trace. Run by `tests/booted/run`,
//! which makes what this needs; `tests/booted/README.md` tells what it shows and what it cannot.
//!
//! One story of one machine: each chapter goes on where the one before has ended.

mod device;
mod installed;
mod rebooted;
mod recovered;
mod removed;
mod updated;

use device::Device;

use crate::harness::Site;

#[test]
#[ignore = "run by tests/booted/run, which makes and builds what it needs"]
fn a_package_lives_on_a_machine_of_systemd() {
    let site = Site::mosquitto();
    let mut device = Device::boot(&site);
    installed::runs_at_once(&mut device);
    installed::has_just_its_rights(&mut device);
    recovered::stalled_thread(&mut device);
    recovered::stopped_process(&mut device);
    recovered::killed_process(&mut device);
    updated::newer_package(&mut device);
    updated::guard_goes_back(&mut device);
    updated::unconfirmed_release(&mut device);
    rebooted::in_good_order(&mut device);
    rebooted::by_the_hardware(&mut device);
    device.every_job_was_told();
    removed::stops_and_leaves(&mut device);
    removed::leaves_no_trace(&mut device);
}
