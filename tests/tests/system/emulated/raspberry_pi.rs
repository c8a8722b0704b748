//! The whole loop on an emulated Raspberry Pi 3: GPIO by its registers, commands, a button, a cable that is pulled out.

use device_agent::gpio::InUse;
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::wire::{Departure, Outcome};

use super::guest::{FILE, is_granted, windows_with_faults};
use super::machine::Cable;
use super::{Board, Guest};
use crate::harness::{self, Controller, Probe, Site, eventually, run, sum};

const DEVICE: &str = "pi";
const NORMAL: u8 = 17;
const DEGRADED: u8 = 27;
const HEARTBEAT: u8 = 22;
const BUTTON: u8 = 5;

#[test]
#[ignore = "run by tests/emulated/run, which fetches and builds what it needs"]
fn a_raspberry_pi_does_as_it_is_told() {
    let site = Site::mosquitto();
    let mut probe = Probe::connect(&site.broker.url());
    // The lease outlasts the cut, so the mode must, too.
    let mut controller = Controller::start(&site, "controller", &[("command.lease_ms", "600000")]);
    let socket = controller.socket().to_str().unwrap().to_owned();
    let set =
        |mode| run(harness::controller(["set-mode", DEVICE, mode, "--wait", "60s", "--socket", &socket])).success();

    let mut guest = Guest::boot(Board::RaspberryPi3, &site, DEVICE, &[("gpio.override_line", "GPIO5")]);
    assert!(guest.configured("backend = \"auto\""), "init knows that this is a Raspberry Pi");
    // What the pull-up resistor does on real hardware.
    guest.machine.lines.drive_high(BUTTON);
    guest.start();

    let birth = probe.status(DEVICE, "its birth", |status| status.online);
    guest.machine.note("status online");
    let model = birth.model.as_ref().map_or("", |model| model.as_str());
    assert!(model.starts_with("Raspberry Pi 3 Model B"), "{model}");
    assert_eq!(birth.kernel.as_ref().map(|release| release.as_str().to_owned()), Some(Board::RaspberryPi3.release()));
    assert_eq!(birth.preempt_rt, Some(false));
    assert!(is_granted(&birth.settings, "scheduler", "fifo 80"), "{:?}", birth.settings);
    let status = guest.status_where("the first jobs", |status| status.total.jobs > 0);
    assert_eq!(status.gpio, Some(InUse::Rppal));
    assert_eq!(status.host.throttled, None, "this machine has no firmware to ask");
    let found = guest.logged("real GPIO lines found");
    assert_eq!(found.len(), 1, "auto says what it takes, once: {found:?}");
    assert_eq!((&found[0]["taken"], &found[0]["other"]), (&"rppal".into(), &"chardev".into()));

    guest.machine.lines.wait_for(&[NORMAL], &[DEGRADED]);
    guest.machine.lines.wait_for_changes(HEARTBEAT, 6);
    guest.machine.note("NORMAL and heartbeat seen from outside");

    // The gateway.
    assert_eq!(set("degraded"), "pi: DEGRADED\n");
    let command = probe.command(DEVICE, "DEGRADED", |command| command.mode == Mode::Degraded);
    let ack = probe.ack(DEVICE, command.id.as_str());
    assert_eq!((ack.result, ack.mode, ack.mode_source), (Outcome::Applied, Mode::Degraded, ModeSource::Gateway));
    guest.machine.lines.wait_for(&[DEGRADED], &[NORMAL]);
    set("normal");
    guest.machine.lines.wait_for(&[NORMAL], &[DEGRADED]);
    guest.machine.note("modes set by the controller");

    // The button.
    probe.skip_to_now();
    guest.machine.lines.drive_low(BUTTON);
    guest.machine.lines.wait_for(&[DEGRADED], &[NORMAL]);
    let held = probe.report(DEVICE, "held by the operator", |report| report.mode_source == ModeSource::Operator);
    assert_eq!(held.mode, Mode::Degraded);
    guest.machine.lines.drive_high(BUTTON);
    // A press counts only after a release that the agent has seen for as long as it debounces.
    guest.wait_for_looks();
    guest.machine.lines.drive_low(BUTTON);
    guest.machine.lines.wait_for(&[NORMAL], &[DEGRADED]);
    let led = probe.report(DEVICE, "let go", |report| report.mode == Mode::Normal);
    assert_eq!(led.mode_source, ModeSource::Gateway);
    guest.machine.lines.drive_high(BUTTON);
    guest.machine.note("the button pressed twice from outside");

    // The cable.
    set("degraded");
    guest.machine.lines.wait_for(&[DEGRADED], &[NORMAL]);
    let before = guest.status_where("an answer", |status| status.mode == Mode::Degraded);
    guest.machine.set_cable(Cable::Out);
    let lost = probe.status(DEVICE, "the broker's word that it is lost", |status| !status.online);
    assert_eq!(lost.departure, Some(Departure::Lost));
    guest.status_where("reports that wait", |status| !status.link.up && status.link.reports_waiting > 3);
    guest.machine.lines.wait_for_changes(HEARTBEAT, 6);
    guest.machine.lines.wait_for(&[DEGRADED], &[NORMAL]);
    guest.machine.set_cable(Cable::In);
    let back = probe.status(DEVICE, "its rebirth", |status| status.online && status.conn > birth.conn);
    assert_eq!((back.boot, back.mode, back.mode_source), (birth.boot, Mode::Degraded, ModeSource::Gateway));
    guest.status_where("nothing that waits", |status| status.link.up && status.link.reports_waiting == 0);
    guest.machine.note("back, with the mode that it had");

    // The end.
    let last = guest.terminate();
    assert_eq!(last.code, "0");
    assert_eq!(guest.warnings(), ["no connection".to_owned()].into(), "of the cut");
    let farewell = probe.status(DEVICE, "its farewell", |status| !status.online);
    assert_eq!(farewell.departure, Some(Departure::Stopped));
    guest.machine.lines.wait_for(&[], &[NORMAL, DEGRADED, HEARTBEAT]);
    let reports = probe.reports(DEVICE);
    assert!(reports.iter().all(|report| report.boot == birth.boot));
    assert_eq!(sum(&reports), last.total, "each job is told once, those of the cut among them");
    let mut since_the_cut = reports.iter().filter(|report| report.total.jobs > before.total.jobs);
    assert!(since_the_cut.all(|report| report.mode == Mode::Degraded && report.mode_source == ModeSource::Gateway));
    let windows: u64 = reports.iter().map(|report| u64::from(report.merged)).sum();
    assert_eq!(Some(windows), reports.last().map(|report| report.seq), "no report is missing");
    assert_eq!(windows_with_faults(&reports), [0; 0], "the memory is locked: the task waits for no page");
    assert_eq!(controller.terminate(), Some(0));
    let (jobs, misses) = (last.total.jobs, last.total.misses);
    guest.machine.note(&format!("ended; {} reports, {jobs} jobs, {misses} misses", reports.len()));

    // Killed, it leaves its lines as they are.
    guest.start();
    guest.machine.lines.wait_for(&[NORMAL], &[DEGRADED]);
    guest.status_where("the first jobs", |status| status.total.jobs > 0);
    let safe = format!("device-agent safe --config {FILE}");
    let refused = guest.machine.run(&safe);
    assert_eq!(refused.code, 1, "{}", refused.text);
    assert!(refused.text.contains("running agent has the lines"), "{}", refused.text);
    guest.machine.lines.wait_for(&[NORMAL], &[DEGRADED]);
    guest.machine.succeed("kill -KILL $(pidof device-agent)");
    eventually("the agent's end", || (guest.machine.run("pidof device-agent").code != 0).then_some(()));
    guest.machine.lines.wait_for(&[NORMAL], &[DEGRADED]);
    guest.machine.succeed(&safe);
    guest.machine.lines.wait_for(&[], &[NORMAL, DEGRADED, HEARTBEAT]);
    guest.machine.note("killed, and its lines put to their safe levels");
}
