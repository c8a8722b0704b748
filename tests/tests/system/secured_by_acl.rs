//! A device whose certificate is right, and which pretends to be another one, or the gateway.
//!
//! Under MQTT 3.1.1 the broker acknowledges what it drops. So each story ends with a message that may pass, on the same
//! way: once it has arrived, what was sent before it has been dropped.

use serde_json::Value;
use shared_host::json;
use shared_proto::limits::MAX_COMMAND;
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::wire::Outcome;

use crate::harness::{Agent, Controller, Probe, Secured, borrowed, degraded, normal};

const VICTIM: &str = "device2";

/// A gateway and its device, both in good order; and who hears all that passes.
fn fleet(place: &Secured) -> (Probe, Controller, Agent) {
    let hearer = place.gateway_probe();
    let mut gateway = Controller::start(&place.site, "controller", &borrowed(&place.keys("gateway")));
    let mut victim = Agent::start_at(&place.site, &place.url(), VICTIM, &borrowed(&place.keys("devices/device2")));
    victim.status_where("the gateway leads", |status| status.mode_source == ModeSource::Gateway);
    gateway.view(VICTIM, "reports", |view| view.jobs > 0);
    (hearer, gateway, victim)
}

#[test]
fn a_device_cannot_speak_for_another_nor_for_the_gateway() {
    let place = Secured::new();
    let (mut hearer, mut gateway, mut victim) = fleet(&place);
    let mut impostor = place.probe("devices/device1");
    // As bad as can be: what the broker would pass on is what the victim and the controller would believe.
    let command = |id: &str| json::encode(&degraded(id), MAX_COMMAND).unwrap();
    let offline = hearer.heard("edge/device2/status").last().map(|message| {
        let mut status: Value = serde_json::from_slice(&message.payload).unwrap();
        status["online"] = false.into();
        status["departure"] = "lost".into();
        status.to_string()
    });
    let offline = offline.expect("the victim's status");
    let report = "{\"forged\":\"report\"}";
    for (topic, payload) in [
        ("edge/device2/report", report.as_bytes()),
        ("edge/device2/status", offline.as_bytes()),
        ("edge/device2/ack", br#"{"forged":"ack"}"#),
        ("edge/device2/command", &command("forged-1")),
        ("edge/device1/command", &command("forged-2")),
        ("edge/device9/command", &command("forged-3")),
        ("edge/device1/other", report.as_bytes()),
        ("edge/@group/fleet/wish/device2", br#"{"forged":"wish"}"#),
    ] {
        // Acknowledged, and dropped.
        impostor.publish(topic, payload);
        impostor.publish_retained(topic, payload);
        place.broker_says(&["Denied PUBLISH from device1", topic]);
    }
    impostor.publish("edge/device1/ack", r#"{"allowed":"its own"}"#);
    hearer.wait_for("edge/device1/ack", "what it may say", |message| {
        message.payload.starts_with(b"{\"allowed").then_some(())
    });
    let is_forged = |payload: &[u8]| payload.windows(6).any(|part| part == b"forged") || payload == offline.as_bytes();
    assert!(!hearer.all().iter().any(|message| is_forged(&message.payload)));

    // What the gateway orders arrives, and nothing else had.
    hearer.send(VICTIM, &normal("genuine"));
    assert_eq!(hearer.ack(VICTIM, "genuine").mode, Mode::Normal);
    let status = victim.status();
    assert_eq!((status.commands.malformed, status.commands.oversize, status.commands.retained), (0, 0, 0));
    assert_eq!(status.mode, Mode::Normal);
    assert!(!victim.log().contains("forged"));
    assert!(gateway.events("offline").is_empty());
    let mut newcomer = place.gateway_probe();
    newcomer.status(VICTIM, "its status as the broker keeps it", |status| status.online);
    assert_eq!(gateway.terminate(), Some(0));
}

#[test]
fn a_device_hears_its_own_commands_only() {
    let place = Secured::new();
    let (mut hearer, _gateway, _victim) = fleet(&place);
    // It asks for everything, as each probe does.
    let mut spy = place.probe("devices/device1");
    hearer.send(VICTIM, &degraded("secret"));
    assert_eq!(hearer.ack(VICTIM, "secret").result, Outcome::Applied);
    hearer.send("device1", &degraded("for-the-spy"));
    spy.command("device1", "its own command", |command| command.id.as_str() == "for-the-spy");
    let heard: Vec<_> = spy.all().iter().map(|message| message.topic.clone()).collect();
    assert_eq!(heard, ["edge/device1/command"]);
}
