//! EdgeX' wire: a device with a made-up clock, and what it says to device-mqtt.

use serde_json::{Value, json};
use shared_proto::dialect::edgex::{Membership, RESOURCES};
use shared_proto::wire::Totals;

use super::*;
use crate::rt::{Effect, JobRecord};

const METRICS: &str = "incoming/data/pi/metrics";

struct Rig {
    agent: Agent<Token>,
    session: Session,
    line: Line,
    now_ms: u64,
    total: Totals,
    effect: Effect,
    host: Host,
}

impl Rig {
    /// Connected, and nothing said yet.
    fn new(settings: EdgexSettings) -> Self {
        Self::speaking(&[DialectName::Edgex], settings)
    }

    fn speaking(dialects: &[DialectName], settings: EdgexSettings) -> Self {
        let mut agent = agent();
        let plan = Plan {
            client_id: "pi",
            root: &"edge".parse().unwrap(),
            dialects: &dialects.iter().copied().collect(),
            trust: Trust::Broker,
            edgex: settings,
            catch_up_per_s: 1_000,
            settings: Settings::default(),
            platform: &Platform::default(),
        };
        let mut session = Session::new(&plan, &agent);
        agent.gather(&context(0, Host::default()));
        session.up(1, &mut agent, after(0));
        let effect = Effect { mode: Mode::Normal, change: 0, job: 0, at: START };
        let line = Line::new(1, 10_000);
        Self { agent, session, line, now_ms: 0, total: Totals::default(), effect, host: Host::default() }
    }

    /// A job every 20 ms, a window every 200 ms, and a chance to send after each job.
    fn run(&mut self, jobs: u64) {
        for _ in 0..jobs {
            self.now_ms += 20;
            let missed = self.total.jobs.is_multiple_of(7);
            if let Some(order) = self.agent.take_order() {
                let (job, at) = (self.total.jobs, after(self.now_ms));
                self.effect = Effect { mode: order.mode, change: order.change, job, at };
            }
            let job = self.total.jobs;
            self.total.jobs += 1;
            self.total.misses += u64::from(missed);
            let release = after(self.now_ms);
            let record = JobRecord {
                job,
                period_ns: 20_000_000,
                release,
                start: release.plus_nanos(50_000),
                end: release.plus_nanos(1_000_000 * (job + 1)),
                missed,
                total: self.total,
                effect: self.effect,
                ..JobRecord::default()
            };
            self.agent.job(&record, &context(self.now_ms, self.host.clone()));
            if self.now_ms.is_multiple_of(200) {
                self.agent.close_window(&context(self.now_ms, self.host.clone()));
            }
            self.send();
        }
    }

    fn send(&mut self) {
        self.session.send(&mut self.agent, &mut self.line, after(self.now_ms));
    }

    fn hears(&mut self, topic: &str, payload: &str) {
        let payload = payload.as_bytes().to_vec();
        let message = Received { topic: topic.to_owned(), payload, retained: Retained::Live };
        self.session.message(&message, &mut self.agent, after(self.now_ms), Wall::Unknown);
        self.send();
    }

    fn said(&self, topic: &str) -> Vec<Value> {
        let on_topic = self.line.sent.iter().filter(|message| message.topic == topic);
        on_topic.map(|message| serde_json::from_slice(&message.payload).unwrap()).collect()
    }

    fn answer(&mut self, topic: &str, payload: &str) -> Vec<Value> {
        self.line.sent.clear();
        self.hears(topic, payload);
        self.said(&format!("command/response/{}", topic.rsplit('/').next().unwrap()))
    }

    fn modes(&self) -> Vec<String> {
        self.said(METRICS).iter().map(|metrics| metrics["mode"].as_str().unwrap().to_owned()).collect()
    }
}

fn context(at_ms: u64, host: Host) -> Context {
    let rt = RtContext {
        schedule: Schedule::Other,
        priority: 0,
        cpu: None,
        locked: false,
        self_overhead_ns: 0,
        preemptions: 0,
        faults: 0,
    };
    Context { now: after(at_ms), t_ms: 1_700_000_000_000 + at_ms, clock_synced: true, host, rt }
}

fn number(metrics: &Value, name: &str) -> u64 {
    metrics[name].as_str().unwrap().parse().unwrap()
}

fn sum(messages: &[Value], name: &str) -> u64 {
    messages.iter().map(|metrics| number(metrics, name)).sum()
}

#[test]
fn a_message_tells_all_that_happened_since_the_last_one() {
    let mut rig = Rig::new(EdgexSettings::default());
    rig.run(300);
    let messages = rig.said(METRICS);
    // With the first window, and then once a second.
    let times: Vec<_> = messages.iter().map(|metrics| number(metrics, "up_ms")).collect();
    assert_eq!(times, [200, 1_200, 2_200, 3_200, 4_200, 5_200]);
    let jobs: Vec<_> = messages.iter().map(|metrics| number(metrics, "jobs")).collect();
    assert_eq!(jobs, [10, 50, 50, 50, 50, 50]);
    for end in 1..=messages.len() {
        let so_far = &messages[..end];
        assert_eq!(sum(so_far, "jobs"), number(&so_far[end - 1], "total_jobs"));
        assert_eq!(sum(so_far, "misses"), number(&so_far[end - 1], "total_misses"));
        assert_eq!(number(&so_far[end - 1], "seq"), end as u64);
    }
    // The greatest of five windows, not of the latest one.
    assert_eq!(messages[1]["response_max_us"].as_f64(), Some(60_000.0));
    assert_eq!((messages[1]["jitter_max_us"].as_f64(), &messages[1]["boot"]), (Some(50.0), &json!("0000000000000007")));
    assert_eq!(messages[1]["dev_time_ns"], json!("1700000001200000000"));
    let plain = |message: &Message| message.qos == Qos::AtMostOnce && message.retain == Retain::No;
    assert!(rig.line.sent.iter().all(plain), "{:?}", rig.line.sent);
}

#[test]
fn every_member_of_the_message_is_there_and_none_is_null() {
    let mut rig = Rig::new(EdgexSettings::default());
    rig.run(10);
    let messages = rig.said(METRICS);
    let metrics = messages[0].as_object().unwrap();
    let members = RESOURCES.iter().filter(|resource| resource.in_metrics == Membership::Metrics);
    assert!(members.clone().all(|resource| metrics.contains_key(resource.name)), "{metrics:?}");
    assert_eq!(metrics.len(), members.count());
    assert!(metrics.values().all(|value| value.is_string() || value.is_number()), "{metrics:?}");
}

#[test]
fn an_outage_is_in_the_first_message_after_it() {
    let mut rig = Rig::new(EdgexSettings::default());
    rig.run(60);
    rig.session.down(1, "gone".to_owned(), &mut rig.agent, after(rig.now_ms));
    rig.run(200);
    assert_eq!(rig.said(METRICS).len(), 2);
    rig.session.up(2, &mut rig.agent, after(rig.now_ms));
    rig.send();
    let messages = rig.said(METRICS);
    assert_eq!((messages.len(), number(&messages[2], "jobs")), (3, 200));
    assert_eq!(sum(&messages, "jobs"), rig.total.jobs);
}

#[test]
fn a_message_that_was_not_taken_is_not_told() {
    let mut rig = Rig::new(EdgexSettings::default());
    rig.line.room = 0;
    rig.run(30);
    rig.line.room = 10;
    rig.run(1);
    let messages = rig.said(METRICS);
    assert_eq!((messages.len(), number(&messages[0], "jobs"), number(&messages[0], "seq")), (1, 30, 1));
}

#[test]
fn what_the_device_tells_at_its_end_completes_the_sums() {
    let mut rig = Rig::new(EdgexSettings::default());
    rig.run(33);
    rig.agent.close_window(&context(rig.now_ms, Host::default()));
    rig.session.status_departed(Departure::Stopped);
    rig.send();
    assert_eq!(sum(&rig.said(METRICS), "jobs"), 33);
    assert_eq!(sum(&rig.said(METRICS), "misses"), rig.total.misses);
}

#[test]
fn the_machine_is_told_of_by_itself_and_seldom() {
    let mut rig = Rig::new(EdgexSettings::default());
    rig.host = Host { temp_c: Some(48.2), cpu: Some(Ratio::of(1, 4)), ..Host::default() };
    rig.run(600);
    assert_eq!(rig.said("incoming/data/pi/temp_c"), [json!({"temp_c": 48.2}), json!({"temp_c": 48.2})]);
    assert_eq!(rig.said("incoming/data/pi/cpu").len(), 2);
    assert!(rig.said("incoming/data/pi/throttled").is_empty(), "it has no such flags");
}

#[test]
fn a_get_of_every_resource_is_answered_at_once_whatever_it_carries() {
    let mut rig = Rig::new(EdgexSettings::default());
    for resource in RESOURCES.iter().filter(|resource| resource.in_metrics == Membership::Metrics) {
        let answers = rig.answer(&format!("command/pi/{}/get/u-1", resource.name), "");
        assert!(answers[0][resource.name].is_string() || answers[0][resource.name].is_number(), "{answers:?}");
    }
    assert!(rig.answer("command/pi/temp_c/get/u-1", "").is_empty(), "the machine does not tell it");
    rig.host = Host { temp_c: Some(48.2), throttled: Some(1), cpu: Some(Ratio::ZERO), ..Host::default() };
    rig.run(60);
    let seq = number(rig.said(METRICS).last().unwrap(), "seq");
    for (name, payload, value) in [
        ("temp_c", "{}", json!(48.2)),
        ("throttled", "null", json!(1)),
        ("cpu", "\u{0}garbage", json!(0)),
        ("mode", "{", json!("NORMAL")),
        ("up_ms", "", json!("1200")),
        ("seq", "", json!(seq.to_string())),
    ] {
        assert_eq!(rig.answer(&format!("command/pi/{name}/get/u-2"), payload)[0][name], value, "{name}");
    }
    assert_eq!(rig.agent.counts().arrived(), 0, "a question is no command");
}

#[test]
fn a_mode_is_taken_answered_at_once_and_told_when_it_is_in_effect() {
    let mut rig = Rig::new(EdgexSettings::default());
    rig.run(20);
    assert_eq!(rig.answer("command/pi/mode/set/u-1", r#"{"mode":"DEGRADED"}"#), [json!({})]);
    assert!(rig.said(METRICS).is_empty(), "it is not in effect yet");
    rig.run(1);
    assert_eq!(rig.modes(), ["DEGRADED"]);
    assert_eq!(rig.said(METRICS)[0]["mode_source"], "gateway");
    assert_eq!(rig.answer("command/pi/mode/get/u-2", ""), [json!({"mode": "DEGRADED"})]);
    rig.run(100_000);
    assert_eq!(rig.agent.effective().mode, Mode::Degraded, "it holds until the next one");
    assert_eq!(sum(&rig.said(METRICS), "jobs") % 10, 0);
}

#[test]
fn a_lease_ends_by_itself() {
    let mut rig = Rig::new(EdgexSettings { lease_ms: Some(1_000), ..EdgexSettings::default() });
    rig.run(10);
    rig.hears("command/pi/mode/set/u-1", r#"{"mode":"DEGRADED"}"#);
    rig.run(40);
    assert_eq!(rig.agent.effective().mode, Mode::Degraded);
    for _ in 0..20 {
        rig.run(1);
        rig.agent.tick(after(rig.now_ms));
    }
    assert_eq!(rig.agent.effective().mode, Mode::Normal);
}

#[test]
fn a_repeated_command_is_answered_again_and_applied_once() {
    let mut rig = Rig::new(EdgexSettings::default());
    rig.hears("command/pi/mode/set/u-1", r#"{"mode":"DEGRADED"}"#);
    rig.hears("command/pi/mode/set/u-2", r#"{"mode":"NORMAL"}"#);
    assert_eq!(rig.answer("command/pi/mode/set/u-1", r#"{"mode":"DEGRADED"}"#), [json!({})]);
    rig.run(1);
    assert_eq!(rig.agent.effective().mode, Mode::Normal);
    assert_eq!((rig.agent.counts().accepted, rig.agent.counts().duplicate), (2, 1));
}

#[test]
fn an_invalid_mode_is_met_with_silence_and_the_real_mode() {
    for payload in ["", "{}", r#"{"mode":"degraded"}"#, r#"{"mode":"DEGRADED","x":1}"#, r#"["DEGRADED"]"#, "DEGRADED"] {
        let mut rig = Rig::new(EdgexSettings::default());
        rig.run(15);
        assert!(rig.answer("command/pi/mode/set/u-1", payload).is_empty(), "{payload}");
        assert_eq!(rig.modes(), ["NORMAL"], "{payload}");
        assert_eq!((rig.agent.counts().malformed, rig.agent.counts().accepted), (1, 0), "{payload}");
        // Said later, the same identifier is as good as any.
        assert_eq!(rig.answer("command/pi/mode/set/u-1", r#"{"mode":"DEGRADED"}"#), [json!({})]);
    }
    let mut rig = Rig::new(EdgexSettings::default());
    rig.hears("command/pi/mode/set/u-1", &" ".repeat(1_025));
    assert_eq!(rig.agent.counts().oversize, 1);
}

#[test]
fn an_overruled_command_is_answered_and_the_real_mode_told() {
    let mut rig = Rig::new(EdgexSettings::default());
    rig.agent.hold(Some(Mode::Normal), START);
    rig.run(15);
    assert_eq!(rig.answer("command/pi/mode/set/u-1", r#"{"mode":"DEGRADED"}"#), [json!({})]);
    assert_eq!(rig.modes(), ["NORMAL"]);
}

#[test]
fn a_flood_of_bad_commands_is_no_flood_of_messages() {
    let mut rig = Rig::new(EdgexSettings::default());
    rig.run(10);
    rig.line.sent.clear();
    for _ in 0..50 {
        for _ in 0..20 {
            rig.hears("command/pi/mode/set/u-1", "garbage");
        }
        rig.run(1);
    }
    assert!((9..=11).contains(&rig.said(METRICS).len()), "{}", rig.said(METRICS).len());
}

#[test]
fn what_is_no_command_is_counted_and_changes_nothing() {
    let mut rig = Rig::new(EdgexSettings::default());
    for (topic, payload) in [
        ("command/pi/jobs/set/u-1", r#"{"jobs":"1"}"#),
        ("command/pi/SetMode/set/u-1", r#"{"mode":"DEGRADED"}"#),
        ("command/pi/mode/put/u-1", r#"{"mode":"DEGRADED"}"#),
        ("command/pi/mode/set/u 1", r#"{"mode":"DEGRADED"}"#),
        ("command/pi/mode/set", r#"{"mode":"DEGRADED"}"#),
        ("command/pi/", ""),
    ] {
        rig.hears(topic, payload);
    }
    assert_eq!(rig.agent.counts().malformed, 6);
    assert!(rig.line.sent.is_empty() && rig.agent.take_order().is_none());
}

#[test]
fn an_answer_that_cannot_be_given_at_once_is_not_given() {
    let mut rig = Rig::new(EdgexSettings::default());
    rig.line.room = 0;
    rig.hears("command/pi/mode/get/narrow", "");
    rig.line.room = 10;
    let asked = Received { topic: "command/pi/mode/get/lost".to_owned(), payload: Vec::new(), ..command("") };
    rig.session.message(&asked, &mut rig.agent, after(0), Wall::Unknown);
    rig.session.down(1, "gone".to_owned(), &mut rig.agent, after(0));
    rig.session.up(2, &mut rig.agent, after(0));
    rig.send();
    assert!(rig.line.sent.is_empty(), "{:?}", rig.line.sent);
}

#[test]
fn one_connection_carries_both_wires() {
    let mut rig = Rig::speaking(&[DialectName::Native, DialectName::Edgex], EdgexSettings::default());
    let filters: Vec<_> = rig.session.filters().into_iter().map(|filter| filter.topic).collect();
    assert_eq!(filters, ["edge/pi/command", "command/pi/#"]);
    rig.run(10);
    assert_eq!(rig.line.topics(), ["status", "report", "metrics"]);
    rig.hears("command/pi/mode/set/u-1", r#"{"mode":"DEGRADED"}"#);
    rig.run(1);
    rig.session.message(
        &Received { payload: br#"{"v":1,"id":"c","mode":"NORMAL","lease_ms":1000}"#.to_vec(), ..command("c") },
        &mut rig.agent,
        after(rig.now_ms),
        Wall::Unknown,
    );
    rig.run(1);
    assert_eq!(rig.agent.effective().mode, Mode::Normal);
}
