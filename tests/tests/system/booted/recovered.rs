//! What hangs or dies is started again. How long that takes is told, not judged: systemd's own limits are.

use shared_proto::wire::Departure;

use super::Device;
use super::device::{DEGRADED, ERROR, HEARTBEAT, NAME, NORMAL};

/// `WatchdogSec=` of the unit.
const WATCHDOG_S: f64 = 10.0;

/// The real-time thread alone is held, as a blocked driver would hold it; the rest of the agent lives.
pub(super) fn stalled_thread(device: &mut Device) {
    let process = device.process();
    let thread = device.thread(&process);
    device.probe.skip_to_now();
    let begin = device.now();
    device.machine.succeed(&format!("systemd-run --quiet --collect --unit=hold /mnt/hold {thread}"));

    let told = device.journal_line(begin, &[ERROR, "the real-time thread does not finish its job"]);
    device.probe.status(NAME, "the danger", |status| status.online && status.danger.is_some());
    // The lines are the thread's: until the end they are as its last job left them.
    let held = device.machine.lines.levels();
    assert!(held.is_high(NORMAL) && !held.is_high(DEGRADED), "{held:?}");
    let sign = device.property("WatchdogTimestampMonotonic");
    device.status_where("an answer beside the stalled thread", |status| status.danger.is_some());
    assert_eq!(device.property("WatchdogTimestampMonotonic"), sign, "no sign of life any more");
    assert_eq!(device.machine.lines.levels(), held, "no heartbeat");

    device.dies_of_the_watchdog("thread stalled", begin, 1);
    let told_after = told.at - begin;
    device.machine.note(&format!("thread stalled: error in the journal after {told_after:.1} s"));
    assert_eq!(device.machine.run("systemctl is-active hold").text, "inactive\n", "nothing holds the new one");
}

/// All of it is stopped.
pub(super) fn stopped_process(device: &mut Device) {
    device.probe.skip_to_now();
    let begin = device.now();
    device.machine.succeed("systemctl kill --kill-whom=main --signal=SIGSTOP device-agent");
    device.dies_of_the_watchdog("process stopped", begin, 2);
}

/// It is killed, as the kernel kills when memory runs out.
pub(super) fn killed_process(device: &mut Device) {
    device.probe.skip_to_now();
    let begin = device.now();
    device.machine.succeed("systemctl kill --kill-whom=main --signal=SIGKILL device-agent");
    device.journal_line(begin, &["Main process exited", "status=9/KILL"]);
    device.comes_back("process killed", begin, 3);
}

impl Device {
    /// Its real-time thread.
    pub(super) fn thread(&mut self, process: &str) -> String {
        let find = format!("grep -lx rt-task /proc/{process}/task/*/comm | cut -d / -f 5");
        let thread = self.machine.succeed(&find).trim().to_owned();
        assert!(thread.parse::<u32>().is_ok(), "the real-time thread: {thread}");
        thread
    }

    /// systemd misses its sign of life, kills it and starts it again.
    fn dies_of_the_watchdog(&mut self, what: &str, begin: f64, restarts: u32) {
        let missed = self.journal_line(begin, &["Watchdog timeout"]);
        let missed_after = missed.at - begin;
        assert!(missed_after <= 2.0 * WATCHDOG_S, "missed after {missed_after} s");
        let died = self.journal_line(begin, &["Main process exited", "status=6/ABRT"]);
        let died_after = died.at - begin;
        self.machine
            .note(&format!("{what}: watchdog after {missed_after:.1} s, SIGABRT, ended after {died_after:.1} s"));
        self.comes_back(what, begin, restarts);
    }

    /// It runs again by itself, with its lines.
    fn comes_back(&mut self, what: &str, begin: f64, restarts: u32) {
        let lost = self.probe.status(NAME, "the broker's word that it is lost", |status| !status.online);
        assert_eq!((lost.departure, Some(lost.boot)), (Some(Departure::Lost), self.run));
        // Not only the next agent makes the lines safe: what the unit runs after the old one's end did it before.
        self.machine.lines.wait_for(&[], &[NORMAL, DEGRADED, HEARTBEAT]);
        let safe = self.journal_line(begin, &["the lines are at their safe levels"]);
        self.born();
        let started = self.journal_line(begin, &["Started"]);
        assert!(safe.at < started.at, "safe at {}, started at {}", safe.at, started.at);
        assert_eq!(self.property("NRestarts"), restarts.to_string());
        let [safe_after, started_after, back_after] = [safe.at, started.at, self.now()].map(|at| at - begin);
        self.machine.note(&format!(
            "{what}: lines safe after {safe_after:.1} s, ready after {started_after:.1} s, seen back after {back_after:.1} s"
        ));
    }
}
