//! SIGKILL: the broker tells, the controller tells, and old news is not believed.

use shared_host::json;
use shared_proto::wire::{Departure, Status};

use crate::harness::{self, Agent, Controller, DEVICE, Probe, Site, run, with_each_broker};

with_each_broker!(a_killed_agent_is_offline_until_it_is_back);

const STATUS: &str = "edge/device1/status";

fn a_killed_agent_is_offline_until_it_is_back(site: Site) {
    let mut probe = Probe::connect(&site.broker.url());
    let mut controller = Controller::start(&site, "controller", &[]);
    let mut agent = Agent::start(&site, DEVICE, &[]);
    let birth = probe.status(DEVICE, "its birth", |status| status.online);
    controller.event("online", "the device", |event| event["boot"] == birth.boot.to_string());

    // The will was made with the connection, so it tells of another mode than the one that the device dies in.
    let socket = controller.socket().to_str().unwrap().to_owned();
    let args = ["set-mode", DEVICE, "degraded", "--wait", "60s", "--socket", &socket];
    run(harness::controller(args)).success();

    agent.kill();
    let (will, payload) = probe.wait_for(STATUS, "the will", |message| {
        let status: Status = json::decode_status(&message.payload).unwrap();
        (!status.online).then(|| (status, message.payload.clone()))
    });
    assert_eq!(will.departure, Some(Departure::Lost));
    assert_eq!((will.boot, will.conn), (birth.boot, birth.conn));
    let offline = controller.event("offline", "the device", |_| true);
    assert_eq!(offline["departure"], "lost");
    assert_eq!(offline["boot"], birth.boot.to_string());

    agent.restart();
    let rebirth = probe.status(DEVICE, "another birth", |status| status.online);
    assert_ne!(rebirth.boot, birth.boot);
    controller.event("online", "the new run", |event| event["boot"] == rebirth.boot.to_string());

    // As a broker does that notices only now that the old connection is dead.
    probe.publish_retained(STATUS, payload);
    agent.terminate();
    // Statuses of one topic arrive in order: had the will been believed, it would come first.
    let offline = controller.event("offline", "the new run", |_| true);
    assert_eq!((&offline["departure"], &offline["boot"]), (&"stopped".into(), &rebirth.boot.to_string().into()));
    let modes = controller.events("device_mode");
    assert!(modes.is_empty(), "no mode changed but by the controller's command: {modes:?}");
}
