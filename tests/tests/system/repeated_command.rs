//! A command that comes twice is acknowledged twice and applied once.

use shared_proto::mode::Mode;
use shared_proto::wire::Outcome;

use crate::harness::{Agent, DEVICE, Probe, Site, degraded, normal, with_each_broker};

with_each_broker!(a_repeated_command_is_answered_again_and_applied_once);

fn a_repeated_command_is_answered_again_and_applied_once(site: Site) {
    let mut probe = Probe::connect(&site.broker.url());
    let mut agent = Agent::start(&site, DEVICE, &[]);
    probe.status(DEVICE, "its birth", |status| status.online);

    probe.send(DEVICE, &degraded("c-1"));
    let first = probe.ack(DEVICE, "c-1");
    assert_eq!((first.result, first.mode), (Outcome::Applied, Mode::Degraded));
    probe.send(DEVICE, &degraded("c-1"));
    assert_eq!(probe.ack(DEVICE, "c-1"), first);
    let counts = agent.status().commands;
    assert_eq!((counts.accepted, counts.duplicate), (1, 1));

    // A straggler: the copy of a command that another one has replaced since.
    probe.send(DEVICE, &normal("c-2"));
    assert_eq!(probe.ack(DEVICE, "c-2").result, Outcome::Applied);
    probe.send(DEVICE, &degraded("c-1"));
    assert_eq!(probe.ack(DEVICE, "c-1"), first);
    let status = agent.status();
    assert_eq!((status.commands.accepted, status.commands.duplicate), (2, 2));
    assert_eq!(status.mode, Mode::Normal);

    let farewell = agent.terminate();
    probe.report(DEVICE, "the last report", |report| report.seq == farewell.reports);
    let mut modes: Vec<_> = probe.reports(DEVICE).into_iter().map(|report| report.mode).collect();
    modes.dedup();
    let once_at_most = [Mode::Normal, Mode::Degraded, Mode::Normal];
    assert!(once_at_most.windows(modes.len()).any(|part| part == modes), "{modes:?}");
}
