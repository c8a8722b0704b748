use shared_host::config::ConfigError;
use shared_proto::mode::Mode;
use shared_proto::wire::{Lease, SetMode, Version};

use super::*;

fn config() -> Result<Config, ConfigError> {
    Config::embedded("mqtt://localhost".parse().unwrap())
}

struct Desk {
    fleet: Fleet,
    topics: Topics,
    out: Vec<Action>,
}

impl Desk {
    fn new(dialects: Dialects) -> Self {
        let config = config().unwrap();
        Self { fleet: Fleet::new(config.fleet, 0), topics: Topics::new(config.root, dialects), out: Vec::new() }
    }

    /// What a message comes to; the words of the refusal, if it is refused.
    fn take(&mut self, topic: &str, payload: &str, retained: Retained) -> Result<(), (Subject, String)> {
        let received = Received { topic: topic.to_owned(), payload: payload.as_bytes().to_vec(), retained };
        self.topics.try_take(&mut self.fleet, Moment::default(), &received, &mut self.out)
    }
}

const STATUS: &str = r#"{"v":1,"device":"pi-1","boot":"00000000000000aa","conn":1,"online":true,"version":"0.1.0",
    "mode":"NORMAL","mode_source":"default","task":{"name":"busy","period_us":20000,"deadline_us":20000,"overrun":"skip-next"}}"#;

#[test]
fn a_status_is_taken_live_and_retained() {
    for retained in [Retained::Live, Retained::Retained] {
        let mut desk = Desk::new(Dialects::Native);
        desk.take("edge/pi-1/status", STATUS, retained).unwrap();
        assert_eq!(desk.fleet.view(Moment::default()).len(), 1);
    }
}

#[test]
fn every_message_that_cannot_be_used_is_refused_with_its_reason() {
    let mut desk = Desk::new(Dialects::Both);
    let version = STATUS.replace("\"v\":1", "\"v\":2");
    let oversize = " ".repeat(20_000);
    for (topic, payload, retained, subject, words) in [
        ("edge/pi-2/status", STATUS, Retained::Live, Subject::Status, "another device, pi-1"),
        ("edge/pi-1/status", "{", Retained::Live, Subject::Status, "EOF"),
        ("edge/pi-1/status", &version, Retained::Live, Subject::Status, "unknown version 2"),
        ("edge/pi-1/report", &oversize, Retained::Live, Subject::Report, "allowed are"),
        ("edge/pi-1/report", "{}", Retained::Retained, Subject::Report, "retained"),
        ("edge/pi-1/ack", "{}", Retained::Retained, Subject::Ack, "retained"),
        ("edge/pi-1/ack", "[]", Retained::Live, Subject::Ack, "invalid"),
        ("edge/p i/report", "{}", Retained::Live, Subject::Topic, "not allowed"),
        ("tp/pi-1/metrics", "{\"miss_rate\":2}", Retained::Live, Subject::Metrics, "0 to 1"),
        ("tp/pi-1/metrics", "{\"miss_rate\":0}", Retained::Retained, Subject::Metrics, "retained"),
    ] {
        let (refused, reason) = desk.take(topic, payload, retained).unwrap_err();
        assert_eq!(refused, subject, "{topic}");
        assert!(reason.contains(words), "{topic}: {reason}");
    }
    assert!(desk.fleet.view(Moment::default()).is_empty());
}

#[test]
fn a_message_without_content_changes_nothing() {
    let mut desk = Desk::new(Dialects::Native);
    for kind in ["status", "report", "ack"] {
        desk.take(&format!("edge/pi-1/{kind}"), "", Retained::Live).unwrap();
    }
    assert!(desk.fleet.view(Moment::default()).is_empty());
}

#[test]
fn only_the_configured_dialects_are_listened_to() {
    let filters = |dialects| {
        let topics = Topics::new(config().unwrap().root, dialects);
        topics.filters().into_iter().map(|filter| filter.topic).collect::<Vec<_>>()
    };
    assert_eq!(filters(Dialects::Native), ["edge/+/status", "edge/+/report", "edge/+/ack"]);
    assert_eq!(filters(Dialects::Lab), ["tp/+/metrics"]);
    assert_eq!(filters(Dialects::Both).len(), 4);
    let mut desk = Desk::new(Dialects::Native);
    assert!(desk.take("tp/pi-1/metrics", "{\"miss_rate\":0}", Retained::Live).is_err());
}

#[test]
fn commands_go_to_their_topics_and_are_never_retained() {
    let topics = Topics::new("site/a".parse().unwrap(), Dialects::Both);
    let device: DeviceId = "pi-1".parse().unwrap();
    let set_mode = SetMode {
        v: Version,
        id: "c-1".parse().unwrap(),
        mode: Mode::Degraded,
        lease_ms: Lease::RELEASE,
        reason: "".into(),
        cause: None,
        fresh: None,
        missing: None,
    };
    let native =
        topics.message(&Command { device: device.clone(), payload: Payload::Native(Box::new(set_mode)) }).unwrap();
    assert_eq!(
        (native.topic.as_str(), native.qos, native.retain),
        ("site/a/pi-1/command", Qos::AtLeastOnce, Retain::No)
    );
    let lab = Command { device, payload: Payload::Lab(lab::Command { mode: Mode::Degraded }) };
    let lab = topics.message(&lab).unwrap();
    assert_eq!((lab.topic.as_str(), lab.qos, lab.retain), ("tp/pi-1/cmd", Qos::AtMostOnce, Retain::No));
    assert_eq!(lab.payload, br#"{"Mode":"DEGRADED"}"#);
}
