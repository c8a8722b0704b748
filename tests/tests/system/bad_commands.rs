//! Bad commands change nothing, and are counted.

use device_agent::agent::CommandCounts;
use shared_host::json;
use shared_host::mqtt::Received;
use shared_proto::limits::MAX_COMMAND;
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::wire::Outcome;

use crate::harness::{Agent, DEVICE, Probe, Site, degraded, with_each_broker};

with_each_broker!(bad_commands_change_nothing_and_are_counted);

const GOOD: &str = r#"{"v":1,"id":"ID","mode":"DEGRADED","lease_ms":15000,"reason":"test"}"#;

fn bad_commands_change_nothing_and_are_counted(site: Site) {
    let mut probe = Probe::connect(&site.broker.url());
    probe.publish_retained("edge/device1/command", GOOD.replace("ID", "retained"));
    let mut agent = Agent::start(&site, DEVICE, &[]);
    agent.status_where("the retained command is counted", |status| status.commands.retained == 1);

    let named = |id: &str| GOOD.replace("ID", id);
    let malformed = [
        String::new(),
        "null".to_owned(),
        "DEGRADED".to_owned(),
        "[".repeat(1_000),
        named("truncated").get(..40).unwrap().to_owned(),
        named("no-version").replace(r#""v":1,"#, ""),
        named("twice").replace(r#""v":1"#, r#""v":1,"v":1"#),
        named("wrong-mode").replace("DEGRADED", "degraded"),
        named("short-lease").replace("15000", "99"),
        named("long-lease").replace("15000", "86400001"),
        named("negative-lease").replace("15000", "-1"),
    ];
    let oversize = [format!("{}{}", named("oversize"), " ".repeat(MAX_COMMAND)), "x".repeat(50_000)];
    let version = [named("version-0").replace(r#""v":1"#, r#""v":0"#), r#"{"v":2,"id":"version-2"}"#.to_owned()];
    let mut not_utf8 = named("not-utf8").into_bytes();
    not_utf8.extend([0xff, 0xfe]);

    for payload in malformed.iter().chain(&oversize).chain(&version) {
        probe.send_raw(DEVICE, payload);
    }
    probe.send_raw(DEVICE, &not_utf8);
    for (id, why) in [
        ("wrong-mode", "unknown variant"),
        ("short-lease", "allowed are 100 to 86400000"),
        ("long-lease", "allowed are 100 to 86400000"),
        ("version-0", "unknown version 0"),
        ("version-2", "unknown version 2"),
    ] {
        // Acknowledgements come in the order of the commands.
        let ack = probe.ack(DEVICE, id);
        assert_eq!((ack.result, ack.mode, ack.mode_source), (Outcome::Rejected, Mode::Normal, ModeSource::Default));
        assert!(ack.reason.as_str().contains(why), "{id}: {:?}", ack.reason);
    }

    // The last in the same line: all others have been judged when it is acknowledged, and none had changed the mode.
    probe.send(DEVICE, &degraded("good"));
    assert_eq!(probe.ack(DEVICE, "good").result, Outcome::Applied);
    let status = agent.status();
    let expected = CommandCounts {
        accepted: 1,
        malformed: u64::try_from(malformed.len()).unwrap() + 1,
        oversize: 2,
        version: 2,
        retained: 1,
        duplicate: 0,
        expired: 0,
        unsigned: 0,
        forged: 0,
    };
    assert_eq!((status.mode, status.commands), (Mode::Degraded, expected));
    assert_eq!(status.link.conn, 1, "no bad command cost a connection");
    let readable = |message: &Received| json::decode_ack(&message.payload).unwrap().id.to_string();
    let answered: Vec<_> = probe.heard("edge/device1/ack").map(readable).collect();
    assert!(!answered.iter().any(|id| ["retained", "oversize"].contains(&id.as_str())), "{answered:?}");
}
