//! A kernel with PREEMPT_RT, and GPIO by the character device: what is applied, never how quick it is.

use device_agent::gpio::InUse;
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::wire::{Departure, Outcome};

use super::guest::{is_granted, windows_with_faults};
use super::{Board, Guest};
use crate::harness::{self, Controller, Probe, Site, eventually, run, sum};

const DEVICE: &str = "virtual";
const NORMAL: u8 = 0;
const DEGRADED: u8 = 1;
const HEARTBEAT: u8 = 2;
const KEYS: [(&str, &str); 6] = [
    ("gpio.backend", "chardev"),
    ("gpio.normal_line", "0"),
    ("gpio.degraded_line", "1"),
    ("gpio.heartbeat_line", "2"),
    // The machine's power button is a pulse on line 3.
    ("gpio.override_line", "3"),
    ("gpio.override_active", "high"),
];

#[test]
#[ignore = "run by tests/emulated/run, which fetches and builds what it needs"]
fn a_real_time_kernel_grants_what_is_asked_and_its_character_device_serves() {
    let site = Site::mosquitto();
    let mut probe = Probe::connect(&site.broker.url());
    let mut controller = Controller::start(&site, "controller", &[]);
    let socket = controller.socket().to_str().unwrap().to_owned();

    let mut guest = Guest::boot(Board::Virtual, &site, DEVICE, &KEYS);
    assert!(!guest.configured("backend = \"auto\""), "init keeps lines simulated on what is no Raspberry Pi");
    guest.start();
    let birth = probe.status(DEVICE, "its birth", |status| status.online);
    guest.machine.note("status online");
    assert_eq!(birth.kernel.as_ref().map(|release| release.as_str().to_owned()), Some(Board::Virtual.release()));
    assert_eq!(birth.preempt_rt, Some(true));
    for (name, asked) in [("scheduler", "fifo 80"), ("lock_memory", "mlockall")] {
        assert!(is_granted(&birth.settings, name, asked), "{name} {asked}: {:?}", birth.settings);
    }
    let status = guest.status_where("the first jobs", |status| status.total.jobs > 0);
    let Some(InUse::Chardev { chip }) = &status.gpio else { panic!("{:?}", status.gpio) };
    assert!(chip.starts_with("/dev/gpiochip0") && chip.contains("pl061"), "{chip}");

    guest.machine.lines.wait_for(&[NORMAL], &[DEGRADED]);
    guest.machine.lines.wait_for_changes(HEARTBEAT, 6);
    let set = ["set-mode", DEVICE, "degraded", "--wait", "60s", "--socket", &socket];
    assert_eq!(run(harness::controller(set)).success(), "virtual: DEGRADED\n");
    let command = probe.command(DEVICE, "DEGRADED", |command| command.mode == Mode::Degraded);
    assert_eq!(probe.ack(DEVICE, command.id.as_str()).result, Outcome::Applied);
    guest.machine.lines.wait_for(&[DEGRADED], &[NORMAL]);
    guest.machine.note("mode set by the controller, seen from outside");

    let own = [("device.name", "second"), ("control.socket", "/run/second.sock"), ("spool.runtime_dir", "''")];
    let refused = guest.run_another(&own);
    assert_eq!(refused.code, 1, "{}", refused.text);
    for part in ["gpio.normal_line = 0", "device-agent", "has it", "allowed is a line that is free"] {
        assert!(refused.text.contains(part), "{part}: {}", refused.text);
    }
    guest.machine.lines.wait_for(&[DEGRADED], &[NORMAL]);
    guest.machine.note("a second agent refused");

    // A pulse of 100 ms may be over before a busy host has let the agent look.
    eventually("the mode held by the button", || {
        guest.machine.press_power_button();
        guest.wait_for_looks();
        guest.machine.lines.wait_for_changes(HEARTBEAT, 6);
        guest.wait_for_looks();
        let held = guest.status_where("an answer", |_| true);
        (held.mode_source == ModeSource::Operator && held.mode == Mode::Degraded).then_some(())
    });
    guest.machine.note("the button pressed");

    let last = guest.terminate();
    assert_eq!(last.code, "0");
    assert_eq!(guest.warnings(), [].into());
    let farewell = probe.status(DEVICE, "its farewell", |status| !status.online);
    assert_eq!(farewell.departure, Some(Departure::Stopped));
    guest.machine.lines.wait_for(&[], &[NORMAL, DEGRADED, HEARTBEAT]);
    let reports = probe.reports(DEVICE);
    assert_eq!(sum(&reports), last.total);
    assert_eq!(windows_with_faults(&reports), [0; 0], "the memory is locked: the task waits for no page");
    assert_eq!(controller.terminate(), Some(0));
    guest.machine.note(&format!("ended; {} jobs, {} misses", last.total.jobs, last.total.misses));
}
