//! The controller is away for a while. The broker acknowledges what the device says, and has nobody to give it to: the
//! controller asks for it when it is back.

use std::net::Ipv4Addr;

use shared_proto::mode::ModeSource;
use system_tests::proxy::{Cut, Door, Faults, Proxy};

use crate::harness::{Agent, Controller, DEVICE, Probe, Site, with_each_broker};

with_each_broker!(what_nobody_heard_is_asked_for);

fn what_nobody_heard_is_asked_for(site: Site) {
    let mut probe = Probe::connect(&site.broker.url());
    let gate = Proxy::to((Ipv4Addr::LOCALHOST, site.broker.port()).into(), 0).unwrap();
    let url = gate.url();
    let mut controller = Controller::start(&site, "controller", &[("mqtt.url", &url), ("mqtt.reconnect_max_s", "1")]);
    let mut agent = Agent::start(&site, DEVICE, &[]);
    let before = probe.report(DEVICE, "led by the gateway", |report| report.mode_source == ModeSource::Gateway);

    gate.set(Faults { door: Door::Refused, ..Faults::default() });
    gate.cut(Cut::Close);
    controller.event("link", "the loss of its connection", |event| event["state"] == "down");
    let away = agent.status();
    agent.status_where("reports go on being acknowledged", |status| {
        status.link.reports_delivered >= away.link.reports_delivered + 5
    });
    gate.heal();
    controller.event("link", "its new connection", |event| event["state"] == "up");
    let asking = probe.command(DEVICE, "the question", |command| command.missing.is_some());
    let missing = asking.missing.unwrap();
    assert!(missing.boot == before.boot && missing.up_to > missing.after, "{missing:?}");
    controller.view(DEVICE, "nothing is missing", |view| view.missing_jobs == 0);

    let farewell = agent.terminate();
    let view = controller.view(DEVICE, "all is received", |view| view.jobs == farewell.total.jobs);
    assert_eq!((view.misses, view.skipped, view.missing_jobs), (farewell.total.misses, farewell.total.skipped, 0));
}
