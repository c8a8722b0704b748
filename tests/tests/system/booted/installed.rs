//! The package is installed: the service runs at once, as its own user, with the rights that it needs and no others.

use device_agent::gpio::InUse;
use shared_proto::wire::SettingOutcome;

use super::device::{CONFIGURATION, ENVIRONMENT, HEARTBEAT, NAME};
use super::{Device, device};
use crate::emulated::{Board, is_granted};

/// CAP_IPC_LOCK and CAP_SYS_NICE.
const CAPABILITIES: &str = "0000000000804000";
/// What `systemd-analyze security` may say at most, of 10.
const EXPOSURE: f64 = 2.5;

/// `dpkg --install`, and the broker's address.
pub(super) fn runs_at_once(device: &mut Device) {
    device.machine.succeed("dpkg --install /mnt/first.deb");
    // Type=notify: it is active only after it has told that its task runs.
    let state = ["UnitFileState", "Type", "ActiveState", "SubState", "NRestarts"].map(|name| device.property(name));
    assert_eq!(state, ["enabled", "notify", "active", "running", "0"]);
    device.machine.succeed(&format!("grep -qx 'name = \"{NAME}\"' {CONFIGURATION}"));
    device.machine.note("installed, active");

    let lines = device.environment();
    device.machine.succeed(&format!("printf '{lines}' >>{ENVIRONMENT} && systemctl restart device-agent"));
    let birth = device.born();
    device.machine.note("status online");
    assert_eq!(birth.kernel.as_ref().map(|release| release.as_str().to_owned()), Some(Board::Debian.release()));
    for (name, asked) in
        [("scheduler", "fifo 80"), ("lock_memory", "mlockall"), ("no_deep_sleep", "/dev/cpu_dma_latency 0")]
    {
        assert!(is_granted(&birth.settings, name, asked), "{name} {asked}: {:?}", birth.settings);
    }
    assert!(birth.settings.iter().all(|setting| setting.outcome == SettingOutcome::Granted), "{:?}", birth.settings);
}

/// Its user, capabilities and devices; the sandbox takes nothing that it needs.
pub(super) fn has_just_its_rights(device: &mut Device) {
    let process = device.process();
    let user = device.machine.succeed("id --user device-agent").trim().to_owned();
    assert_ne!(user, "0");
    assert_eq!(device.process_field(&process, "Uid"), user);
    for (field, expected) in [("CapEff", CAPABILITIES), ("CapBnd", CAPABILITIES), ("NoNewPrivs", "1"), ("Seccomp", "2")]
    {
        assert_eq!(device.process_field(&process, field), expected, "{field}");
    }
    assert_ne!(device.process_field(&process, "VmLck"), "0", "its memory is locked");
    let thread = device.thread(&process);
    let scheduler = device.machine.succeed(&format!("chrt --pid {thread}"));
    assert!(scheduler.contains("SCHED_FIFO") && scheduler.contains("priority: 80"), "{scheduler}");

    let status = device.status_where("jobs", |status| status.total.jobs > 10);
    let Some(InUse::Chardev { chip }) = &status.gpio else { panic!("{:?}", status.gpio) };
    assert!(chip.contains("pl061"), "{chip}");
    let owner = device.machine.succeed("stat --format='%U %G %a' /dev/gpiochip0 /dev/cpu_dma_latency");
    assert_eq!(owner, "root gpio 660\nroot device-agent 660\n");
    let outputs = device.machine.lines.outputs();
    assert!([device::NORMAL, device::DEGRADED, HEARTBEAT].iter().all(|line| outputs.is_high(*line)), "{outputs:?}");
    let born = device.journal_line(0.0, &["\"message\":\"agent starts\""]).at;
    assert_eq!(device.warnings(born), [""; 0], "nothing is refused");

    let words = device.machine.succeed("systemd-analyze security --no-pager device-agent.service | tail -n 1");
    let exposure = words.split_whitespace().find_map(|word| word.parse::<f64>().ok());
    assert!(exposure.is_some_and(|exposure| exposure <= EXPOSURE), "{words}");
    device.machine.note(&format!("exposure {} of 10", exposure.unwrap_or_default()));
}
