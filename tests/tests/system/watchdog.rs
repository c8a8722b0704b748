//! A real-time thread that is stalled is told to the service manager, the log and the status, and so is its recovery.

use std::os::unix::net::UnixDatagram;
use std::process::Child;

use shared_proto::mode::Mode;

use crate::harness::{Agent, DEVICE, Probe, Site, eventually, tool};

/// Plays systemd: what came on its notification socket, in order.
struct ServiceManager {
    socket: UnixDatagram,
    heard: Vec<String>,
}

impl ServiceManager {
    /// Listens until a message holds `wanted`; returns how many messages came before it.
    fn wait_for(&mut self, wanted: &str) -> usize {
        eventually(&format!("{wanted} on the notification socket"), || {
            let mut buffer = [0; 4096];
            while let Ok(length) = self.socket.recv(&mut buffer) {
                self.heard.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
            }
            self.heard.iter().rposition(|message| message.contains(wanted))
        })
    }
}

/// strace, until it is dropped: a thread that it still held would never end.
struct Held(Child);

impl Drop for Held {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_stalled_thread_is_told_and_gives_no_sign_of_life() {
    let site = Site::embedded();
    let path = site.home("systemd").join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_nonblocking(true).unwrap();
    let mut manager = ServiceManager { socket, heard: Vec::new() };
    let path = path.to_str().unwrap();
    // Half of the limit between two signs of life.
    let environment = [("NOTIFY_SOCKET", path), ("WATCHDOG_USEC", "200000")];
    let mut probe = Probe::connect(&site.broker.url());
    let mut agent = Agent::start_with_environment(&site, &[], &environment);
    manager.wait_for("READY=1");
    manager.wait_for("WATCHDOG=1");

    // strace holds the thread at the end of its sleep, for longer than anybody waits.
    let thread = agent.rt_thread().to_string();
    let mut strace = tool("strace", ["-qq", "-p", &thread, "-e", "trace=clock_nanosleep"]);
    strace.args(["-e", "inject=clock_nanosleep:delay_exit=600s:when=1", "-o", "/dev/null"]);
    let strace = Held(strace.spawn().expect("strace; Debian: apt-get install strace"));
    let stalled = manager.wait_for("the real-time thread is stalled");
    let status = agent.status_where("the danger", |status| status.danger.is_some());
    assert!(status.danger.unwrap().contains("does not finish its job"));
    assert_eq!(status.mode, Mode::Normal, "the thread cannot take the mode that is ordered");
    probe.status(DEVICE, "the danger on the wire", |status| status.danger.is_some());
    assert!(agent.log().contains("does not finish its job"));

    // A sign of life for each of them, if there were any.
    probe.skip_to_now();
    for _ in 0..10 {
        probe.report(DEVICE, "reports without jobs", |report| report.jobs == 0);
    }
    drop(strace);
    manager.wait_for("STATUS=running again");
    let running = manager.heard.iter().rposition(|message| message.contains("STATUS=running again")).unwrap();
    let between = &manager.heard[stalled..running];
    assert!(
        !between.iter().any(|message| message.contains("WATCHDOG=1")),
        "no sign of life while stalled: {between:?}"
    );
    manager.heard.clear();
    manager.wait_for("WATCHDOG=1");
    agent.status_where("the end of the danger", |status| status.danger.is_none());
    probe.status(DEVICE, "no danger on the wire", |status| status.danger.is_none() && status.mode == Mode::Normal);
    agent.terminate();
    manager.wait_for("STOPPING=1");
}
