use shared_host::config::ConfigError;
use shared_proto::ids::BootId;
use shared_proto::mode::Mode;
use shared_proto::wire::{Fresh, Lease, SetMode, Version};

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

mod group {
    use std::os::unix::fs::PermissionsExt;

    use shared_host::sections::{ControllerSecurity, Outgoing, Unsigned};

    use super::*;
    use crate::fleet::{DeviceView, Said, Wish, Wisher};

    fn keyring(key: &str) -> Keyring {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pi-1.key");
        std::fs::write(&file, key.repeat(64)).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let security = ControllerSecurity {
            keys_dir: directory.path().to_owned(),
            commands: Outgoing::Signed,
            unsigned_reports: Unsigned::Accepted,
        };
        Keyring::read(Some(&security)).unwrap()
    }

    /// One of a group that knows the device; with a key, it signs.
    fn desk(epoch: u32, key: Option<&str>) -> Desk {
        let config = config().unwrap();
        let name: GroupName = "one".parse().unwrap();
        let topics = Topics::new(config.root, Dialects::Native).in_group(Some(&name));
        let topics = match key {
            Some(key) => topics.with(keyring(key)),
            None => topics,
        };
        let fleet = Fleet::new(config.fleet, epoch).in_group(name.mark());
        let mut desk = Desk { fleet, topics, out: Vec::new() };
        let status = STATUS.replace("\"conn\":1,", "\"conn\":1,\"up_ms\":0,");
        desk.take("edge/pi-1/status", &status, Retained::Live).unwrap();
        desk
    }

    impl Desk {
        fn wish(&mut self, wish: Option<Wish>) -> Message {
            self.out.clear();
            self.fleet.wish(Moment::default(), &"pi-1".parse().unwrap(), wish, &mut self.out).unwrap();
            let shared = self.out.iter().find_map(|action| match action {
                Action::Share(shared) => self.topics.share(shared),
                _ => None,
            });
            shared.unwrap()
        }

        fn hear(&mut self, message: &Message) -> Result<(), (Subject, String)> {
            self.take(&message.topic, std::str::from_utf8(&message.payload).unwrap(), Retained::Retained)
        }

        fn view(&self) -> DeviceView {
            self.fleet.view_of(&"pi-1".parse().unwrap(), Moment::default()).unwrap()
        }
    }

    #[test]
    fn reports_are_shared_and_all_else_is_for_all() {
        let filters: Vec<_> = desk(1, None).topics.filters().into_iter().map(|filter| filter.topic).collect();
        let all =
            ["edge/+/status", "edge/@group/one/wish/+", "edge/+/command", "edge/+/ack", "$share/one/edge/+/report"];
        assert_eq!(filters, all);
    }

    #[test]
    fn a_wish_is_kept_by_the_broker_and_obeyed_by_the_others() {
        for key in [None, Some("a")] {
            let (mut one, mut other) = (desk(1, key), desk(2, key));
            let message = one.wish(Some(Wish::Mode(Mode::Degraded)));
            assert_eq!((message.topic.as_str(), message.retain), ("edge/@group/one/wish/pi-1", Retain::Yes));
            assert_eq!(message.payload.windows(6).any(|part| part == b"\"hmac\""), key.is_some());
            other.hear(&message).unwrap();
            assert_eq!(other.view().wanted, Some(Mode::Degraded));
            let message = other.wish(None);
            one.hear(&message).unwrap();
        }
    }

    #[test]
    fn where_commands_are_signed_so_are_wishes() {
        let mut signer = desk(1, Some("a"));
        let good = signer.wish(Some(Wish::Mode(Mode::Degraded)));
        let plain = desk(2, None).wish(Some(Wish::Mode(Mode::Degraded)));
        let forged = desk(3, Some("b")).wish(Some(Wish::Mode(Mode::Degraded)));
        let mut moved = good.clone();
        moved.topic = "edge/@group/one/wish/pi-2".to_owned();
        let mut listener = desk(4, Some("a"));
        for (message, words) in [(&plain, "not signed"), (&forged, "signature"), (&moved, "another device")] {
            let (subject, why) = listener.hear(message).unwrap_err();
            assert!(subject == Subject::Wish && why.contains(words), "{why}");
        }
        // Nor is it cleared by whoever may publish there.
        listener.hear(&good).unwrap();
        listener.take(&good.topic, "", Retained::Live).unwrap();
        assert_eq!(listener.view().wanted, Some(Mode::Degraded));
        let said = Said { wish: None, by: Wisher::SetMode, epoch: 9, number: 2 };
        let end = SharedWish { device: "pi-1".parse().unwrap(), said };
        listener.hear(&signer.topics.share(&end).unwrap()).unwrap();
        assert_eq!(listener.view().wanted, None);
    }

    #[test]
    fn a_peer_s_command_counts_if_it_is_signed_as_commands_are() {
        let mark = "one".parse::<GroupName>().unwrap().mark();
        let command = |id: String| SetMode {
            v: Version,
            id: id.parse().unwrap(),
            mode: Mode::Degraded,
            lease_ms: Lease::try_from(1_000).unwrap(),
            reason: "".into(),
            cause: None,
            fresh: Some(Fresh { boot: BootId(0xaa), up_ms: 0, ttl_ms: 1_000 }),
            missing: None,
        };
        let device: DeviceId = "pi-1".parse().unwrap();
        let peer = Command {
            device: device.clone(),
            payload: Payload::Native(Box::new(command(format!("{mark:08x}.00000007-1")))),
        };
        let stranger = Command { device, payload: Payload::Native(Box::new(command("00000007-1".to_owned()))) };
        let send = |signer: &Desk, command: &Command, listener: &mut Desk| {
            let message = signer.topics.message(command).unwrap();
            let payload = std::str::from_utf8(&message.payload).unwrap().to_owned();
            let taken = listener.take(&message.topic, &payload, Retained::Live).map_err(|(subject, _)| subject);
            (taken, listener.view().wanted)
        };
        let (signer, forger) = (desk(1, Some("a")), desk(1, Some("b")));
        assert_eq!(send(&forger, &peer, &mut desk(2, Some("a"))), (Err(Subject::Command), None));
        assert_eq!(send(&signer, &stranger, &mut desk(2, Some("a"))), (Ok(()), None));
        assert_eq!(send(&signer, &peer, &mut desk(2, Some("a"))), (Ok(()), Some(Mode::Degraded)));
        assert_eq!(send(&desk(1, None), &peer, &mut desk(2, None)), (Ok(()), Some(Mode::Degraded)));
    }
}
