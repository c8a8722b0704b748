//! The gateway dies: when its lease ends the device decides for itself, and the next gateway takes over as things are.

use device_agent::load::{Hog, cpus_for_tasks};
use device_agent::mode::GatewayHold;
use shared_proto::mode::{Mode, ModeSource};

use crate::harness::{Agent, Controller, DECIDES, DEVICE, Probe, Site};
use crate::overload::{HOGS, TASK};

const SHORT_LEASE: [(&str, &str); 1] = [("command.lease_ms", "1000")];

#[test]
fn a_dead_gateway_is_outlived_and_replaced_without_flapping() {
    let site = Site::mosquitto();
    let cpu = *cpus_for_tasks().unwrap().first().expect("a CPU");
    let hog = Hog::new(cpu, HOGS).expect("threads");
    let mut probe = Probe::connect(&site.broker.url());
    let rules = [&DECIDES[..], &SHORT_LEASE[..]].concat();
    let mut controller = Controller::start(&site, "controller", &rules);
    let cpu = cpu.to_string();
    // The device's own policy has the same thresholds as the controller's.
    let own = [&TASK[..], &DECIDES[..], &[("policy.enabled", "true"), ("realtime.cpu", &cpu)]].concat();
    let mut agent = Agent::start(&site, DEVICE, &own);
    probe.report(DEVICE, "NORMAL by the gateway", |report| report.mode_source == ModeSource::Gateway);

    hog.turn_on();
    let degraded = probe.report(DEVICE, "DEGRADED by the gateway", |report| {
        report.mode == Mode::Degraded && report.mode_source == ModeSource::Gateway
    });
    controller.kill();
    let alone = probe.report(DEVICE, "the device decides for itself", |report| report.mode_source == ModeSource::Local);
    assert_eq!(alone.mode, Mode::Degraded);
    let status = agent.status();
    assert!(matches!(status.gateway, GatewayHold::Ended { .. }), "{:?}", status.gateway);
    assert_eq!(status.reason, "the gateway's lease ended");

    let mut next = Controller::start(&site, "next controller", &rules);
    let led = probe.report(DEVICE, "the next gateway decides", |report| report.mode_source == ModeSource::Gateway);
    assert_eq!(led.mode, Mode::Degraded);
    // The overload is still there, so no report since the first gateway's may tell of anything else.
    let since = probe.reports(DEVICE).into_iter().filter(|report| report.seq >= degraded.seq && report.seq <= led.seq);
    let flaps: Vec<_> = since.filter(|report| report.mode != Mode::Degraded).collect();
    assert!(flaps.is_empty(), "{flaps:?}");
    assert!(next.events("decision").is_empty(), "{:?}", next.events("decision"));

    hog.turn_off();
    next.event("decision", "back to NORMAL", |event| event["to"] == "NORMAL" && event["source"] == "policy");
    probe.report(DEVICE, "NORMAL by the next gateway", |report| {
        report.mode == Mode::Normal && report.mode_source == ModeSource::Gateway
    });
}
