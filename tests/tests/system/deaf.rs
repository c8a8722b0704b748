//! Standard error is a pipe that nobody reads: neither program waits for it.

use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Stdio;

use gateway_controller::protocol::{Devices, Request};
use shared_host::control::ask;

use crate::harness::{Process, Site, agent, controller, eventually};

/// A standard error that has no room left, and the end that would have to be read.
fn full() -> (Stdio, UnixStream) {
    let (reader, mut writer) = UnixStream::pair().unwrap();
    writer.set_nonblocking(true).unwrap();
    for piece in [&[b'\n'; 4096][..], b"\n"] {
        while writer.write(piece).is_ok() {}
    }
    writer.set_nonblocking(false).unwrap();
    (OwnedFd::from(writer).into(), reader)
}

#[test]
fn a_controller_works_and_ends_though_nobody_reads_its_log() {
    let site = Site::embedded();
    let home = site.home("controller");
    let socket = home.join("control.sock");
    let mut command = controller(["run"]);
    command.env("GATEWAY_MQTT__URL", site.broker.url()).env("GATEWAY_CONTROL__SOCKET", &socket);
    let (stderr, _unread) = full();
    let mut process = Process::start_with_stderr("controller", command, &home, stderr);
    eventually("a controller with a broker", || {
        assert!(process.is_running());
        ask::<_, Devices>(&socket, &Request::Devices).ok().filter(|devices| devices.broker.down.is_none())
    });
    assert_eq!(process.terminate().0.code(), Some(0));
}

#[test]
fn an_agent_works_and_ends_though_nobody_reads_its_log() {
    let site = Site::embedded();
    let home = site.home("agent");
    let socket = home.join("control.sock");
    let mut command = agent(["run"]);
    command.env("AGENT_DEVICE__NAME", "deaf").env("AGENT_MQTT__URL", site.broker.url());
    command.env("AGENT_CONTROL__SOCKET", &socket).env("AGENT_REALTIME__SCHEDULER", "other");
    let (stderr, _unread) = full();
    let mut process = Process::start_with_stderr("agent", command, &home, stderr);
    eventually("an agent with a broker", || {
        assert!(process.is_running());
        let answer = ask::<_, device_agent::supervisor::Answer>(&socket, &device_agent::supervisor::Request::Status);
        answer.ok().filter(|answer| answer.total.jobs > 0)
    });
    assert_eq!(process.terminate().0.code(), Some(0));
}
