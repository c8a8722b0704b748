//! Two devices at one broker do not hear each other.

use device_agent::agent::CommandCounts;
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::wire::Outcome;

use crate::harness::{Agent, Probe, Site, degraded, with_each_broker};

with_each_broker!(a_command_reaches_its_device_alone);

fn a_command_reaches_its_device_alone(site: Site) {
    let mut probe = Probe::connect(&site.broker.url());
    let mut one = Agent::start(&site, "device1", &[]);
    let mut two = Agent::start(&site, "device2", &[]);
    for device in ["device1", "device2"] {
        probe.status(device, "its birth", |status| status.online);
    }

    probe.send("device1", &degraded("c-1"));
    assert_eq!(probe.ack("device1", "c-1").result, Outcome::Applied);
    one.wait_for_lines([("17", "low"), ("27", "high")]);
    let other = two.status();
    assert_eq!((other.mode, other.mode_source), (Mode::Normal, ModeSource::Default));
    assert_eq!(other.commands, CommandCounts::default());
    two.wait_for_lines([("17", "high"), ("27", "low")]);

    // Sent after the first, so that a stray copy of the first would have been counted before.
    probe.send("device2", &degraded("c-2"));
    let ack = probe.ack("device2", "c-2");
    assert_eq!((ack.device.as_str(), ack.result), ("device2", Outcome::Applied));
    for agent in [&mut one, &mut two] {
        assert_eq!(agent.status().commands, CommandCounts { accepted: 1, ..CommandCounts::default() });
    }
    for device in ["device1", "device2"] {
        let report = probe.report(device, "DEGRADED by the gateway", |report| report.mode == Mode::Degraded);
        assert_eq!((report.device.as_str(), report.mode_source), (device, ModeSource::Gateway));
    }
}
