mod edgex;

use shared_proto::ids::BootId;
use shared_proto::mode::Mode;
use shared_proto::policy::PolicyConfig;
use shared_proto::units::Ratio;
use shared_proto::wire::{Host, OverrunPolicy, RtContext, Schedule};

use super::*;
use crate::agent::{Autonomy, Context, Identity, Setup, TaskPlan};
use crate::rt::Timing;
use crate::window::WindowConfig;

const START: MonoTime = MonoTime::from_nanos(5_000_000_000);

/// A connection that takes so many publishes.
struct Line {
    conn: u64,
    room: usize,
    sent: Vec<Message>,
}

impl Outbox for Line {
    fn try_publish(&mut self, message: Message) -> Result<Token, PublishError> {
        if self.sent.len() == self.room {
            return Err(PublishError::Full { in_flight: self.room, max: self.room });
        }
        self.sent.push(message);
        Ok(Token::new(self.conn, self.sent.len() as u64))
    }
}

impl Line {
    fn new(conn: u64, room: usize) -> Self {
        Self { conn, room, sent: Vec::new() }
    }

    fn topics(&self) -> Vec<&str> {
        self.sent.iter().map(|message| message.topic.rsplit('/').next().unwrap()).collect()
    }

    fn status(&self) -> Status {
        let message = self.sent.iter().find(|message| message.topic == "edge/pi/status").expect("a status");
        shared_host::json::decode_status(&message.payload).unwrap()
    }
}

fn agent() -> Agent<Token> {
    let timing = Timing {
        normal_period_ns: 20_000_000,
        degraded_period_ns: 20_000_000,
        deadline_ns: None,
        overrun: OverrunPolicy::SkipNext,
    };
    let plan = TaskPlan { workload: "spin".into(), timing, normal_load: Ratio::ZERO, degraded_load: Ratio::ZERO };
    let setup = Setup {
        identity: Identity { device: "pi".parse().unwrap(), boot: BootId(7) },
        plan,
        window: WindowConfig { miss_window: 250, burst_jobs: 10 },
        policy: PolicyConfig::default(),
        autonomy: Autonomy::Normal,
        spool_capacity: 64,
    };
    Agent::new(setup, START)
}

fn after(ms: u64) -> MonoTime {
    START.plus_nanos(ms * 1_000_000)
}

fn window(agent: &mut Agent<Token>, at_ms: u64) {
    let rt = RtContext {
        schedule: Schedule::Other,
        priority: 0,
        cpu: None,
        locked: false,
        self_overhead_ns: 0,
        preemptions: 0,
        faults: 0,
    };
    agent.close_window(&Context { now: after(at_ms), t_ms: 0, clock_synced: false, host: Host::default(), rt });
}

fn session(agent: &Agent<Token>) -> Session {
    session_with(agent, Trust::Broker)
}

fn session_with(agent: &Agent<Token>, trust: Trust) -> Session {
    let native = [DialectName::Native].into_iter().collect();
    let root = "edge".parse().unwrap();
    let settings = Settings::default();
    let platform = Platform { model: Some("Raspberry Pi 4".to_owned()), ..Platform::default() };
    let plan = Plan {
        client_id: "pi",
        root: &root,
        dialects: &native,
        trust,
        edgex: EdgexSettings::default(),
        catch_up_per_s: 1_000,
        settings,
        platform: &platform,
    };
    Session::new(&plan, agent)
}

fn command(id: &str) -> Received {
    let payload = format!(r#"{{"v":1,"id":"{id}","mode":"DEGRADED","lease_ms":1000}}"#).into_bytes();
    Received { topic: "edge/pi/command".to_owned(), payload, retained: Retained::Live }
}

#[test]
fn nothing_is_said_before_the_connection_is_up_and_the_status_comes_first() {
    let mut agent = agent();
    let mut session = session(&agent);
    let mut line = Line::new(3, 10);
    window(&mut agent, 200);
    session.send(&mut agent, &mut line, after(200));
    assert!(line.sent.is_empty());
    session.up(3, &mut agent, after(300));
    session.send(&mut agent, &mut line, after(350));
    assert_eq!(line.topics(), ["status", "report"]);
    let status = line.status();
    assert_eq!((status.conn, status.up_ms, status.online), (3, Some(350), true));
    assert_eq!((status.model.as_ref().map(Text::as_str), status.preempt_rt), (Some("Raspberry Pi 4"), None));
}

#[test]
fn a_will_tells_its_connection_and_no_time() {
    let mut agent = agent();
    let mut session = session(&agent);
    session.up(3, &mut agent, after(0));
    session.send(&mut agent, &mut Line::new(3, 10), after(0));
    let will = session.testament().will(session.status(), 4).expect("a will");
    let will = shared_host::json::decode_status(&will.payload).unwrap();
    assert_eq!((will.conn, will.up_ms, will.departure), (4, None, Some(Departure::Lost)));
}

#[test]
fn what_the_broker_did_not_acknowledge_is_sent_again_on_the_next_connection() {
    let mut agent = agent();
    let mut session = session(&agent);
    window(&mut agent, 200);
    window(&mut agent, 400);
    session.up(1, &mut agent, after(0));
    let mut first = Line::new(1, 10);
    session.send(&mut agent, &mut first, after(400));
    // Old reports go one by one.
    assert_eq!(first.topics(), ["status", "report"]);
    session.send(&mut agent, &mut first, after(401));
    assert_eq!(first.topics(), ["status", "report", "report"]);
    session.acked(Token::new(1, 2), &mut agent);
    session.down(1, "gone".to_owned(), &mut agent, after(500));
    session.up(2, &mut agent, after(600));
    let mut second = Line::new(2, 10);
    session.send(&mut agent, &mut second, after(600));
    assert_eq!(second.topics(), ["status", "report"]);
    assert_eq!(first.sent[2].payload, second.sent[1].payload);
    session.acked(Token::new(2, 2), &mut agent);
    assert!(agent.spool().is_empty());
    assert_eq!(session.delivered(), 2);
}

#[test]
fn the_end_of_a_connection_takes_nothing_from_the_next_one() {
    let mut agent = agent();
    let mut session = session(&agent);
    session.up(1, &mut agent, after(0));
    window(&mut agent, 200);
    // The transport has connected anew already, and the news of it still waits.
    session.send(&mut agent, &mut Line::new(2, 10), after(200));
    session.down(1, "gone".to_owned(), &mut agent, after(200));
    session.up(2, &mut agent, after(200));
    let mut line = Line::new(2, 10);
    session.send(&mut agent, &mut line, after(200));
    assert_eq!(line.topics(), ["status"]);
}

#[test]
fn answers_and_reports_take_turns_on_a_narrow_line() {
    let mut agent = agent();
    let mut session = session(&agent);
    session.up(1, &mut agent, after(0));
    (1..=3).for_each(|number| window(&mut agent, number * 200));
    for id in ["a", "b", "c"] {
        let payload = format!(r#"{{"v":9,"id":"{id}"}}"#).into_bytes();
        session.message(&Received { payload, ..command(id) }, &mut agent, after(600), Wall::Unknown);
    }
    let mut line = Line::new(1, 5);
    session.send(&mut agent, &mut line, after(600));
    assert_eq!(line.topics(), ["status", "ack", "report", "ack", "report"]);
    session.acked(Token::new(1, 1), &mut agent);
    let mut line = Line::new(1, 2);
    session.send(&mut agent, &mut line, after(600));
    assert_eq!(line.topics(), ["ack", "report"], "the one that was refused goes first");
}

#[test]
fn a_retained_command_is_counted_and_neither_obeyed_nor_answered() {
    let mut agent = agent();
    let mut session = session(&agent);
    session.up(1, &mut agent, after(0));
    session.message(&Received { retained: Retained::Retained, ..command("c1") }, &mut agent, after(1), Wall::Unknown);
    assert_eq!((agent.counts().retained, agent.counts().accepted), (1, 0));
    assert!(agent.next_ack().is_none() && agent.take_order().is_none());
    session.message(&command("c1"), &mut agent, after(2), Wall::Unknown);
    assert_eq!(agent.take_order().map(|order| order.mode), Some(Mode::Degraded));
}

#[test]
fn an_answer_that_the_broker_did_not_acknowledge_is_given_again() {
    let mut agent = agent();
    let mut session = session(&agent);
    session.up(1, &mut agent, after(0));
    session.message(
        &Received { payload: b"{\"v\":9,\"id\":\"x\"}".to_vec(), ..command("a") },
        &mut agent,
        after(1),
        Wall::Unknown,
    );
    let mut first = Line::new(1, 5);
    session.send(&mut agent, &mut first, after(1));
    assert_eq!(first.topics(), ["status", "ack"]);
    session.down(1, "gone".to_owned(), &mut agent, after(2));
    session.up(2, &mut agent, after(3));
    let mut second = Line::new(2, 5);
    session.send(&mut agent, &mut second, after(3));
    assert_eq!(second.topics(), ["status", "ack"]);
    assert_eq!(first.sent[1].payload, second.sent[1].payload);
    session.acked(Token::new(2, 2), &mut agent);
    session.down(2, "gone".to_owned(), &mut agent, after(4));
    session.up(3, &mut agent, after(5));
    let mut third = Line::new(3, 5);
    session.send(&mut agent, &mut third, after(5));
    assert_eq!(third.topics(), ["status"]);
}

mod with_a_key {
    use shared_host::key_file::DeviceKeys;
    use shared_host::lab_sign::{CommandMessage, Nonce};
    use shared_proto::sign::{Key, sign, verify};
    use shared_proto::wire::Status;

    use super::*;

    fn key(byte: u8) -> Key {
        Key::from_bytes(&[byte; 32]).unwrap()
    }

    fn trust(commands: Commands) -> Trust {
        Trust::Key { keys: Box::new(DeviceKeys::from_text(&"07".repeat(32)).unwrap()), commands, own: Own::Signed }
    }

    fn signed(key: &Key, topic: &str, text: &str) -> Received {
        let mut payload = vec![0; text.len() + OVERHEAD];
        let length = sign(key, topic, text.as_bytes(), &mut payload).unwrap();
        payload.truncate(length);
        Received { topic: "edge/pi/command".to_owned(), payload, retained: Retained::Live }
    }

    const TOPIC: &str = "edge/pi/command";
    const LIMITED: &str = r#"{"v":1,"id":"c1","mode":"DEGRADED","lease_ms":1000,"fresh":{"boot":"0000000000000007","up_ms":0,"ttl_ms":5000}}"#;
    const UNLIMITED: &str = r#"{"v":1,"id":"c1","mode":"DEGRADED","lease_ms":1000}"#;

    /// Whether the device obeys, and what it counts of unsigned and forged ones.
    fn outcome(commands: Commands, message: &Received) -> (bool, u64, u64) {
        let mut agent = agent();
        let mut session = session_with(&agent, trust(commands));
        session.up(1, &mut agent, after(0));
        session.message(message, &mut agent, after(1), Wall::Unknown);
        let counts = *agent.counts();
        let obeyed = agent.take_order().is_some();
        assert_eq!(obeyed, counts.accepted == 1);
        assert_eq!(counts.arrived(), 1);
        assert!(agent.next_ack().is_none(), "only what is believed is answered, and not before it has taken effect");
        (obeyed, counts.unsigned, counts.forged)
    }

    #[test]
    fn only_what_the_key_signed_for_this_topic_is_obeyed() {
        let good = signed(&key(7), TOPIC, LIMITED);
        let mut altered = good.clone();
        altered.payload[20] ^= 1;
        for commands in [Commands::Any, Commands::Signed] {
            assert_eq!(outcome(commands, &good), (true, 0, 0));
            assert_eq!(outcome(commands, &altered), (false, 0, 1));
            assert_eq!(outcome(commands, &signed(&key(8), TOPIC, LIMITED)), (false, 0, 1));
            assert_eq!(outcome(commands, &signed(&key(7), "edge/pj/command", LIMITED)), (false, 0, 1));
        }
    }

    #[test]
    fn unsigned_or_unlimited_commands_are_obeyed_only_where_they_may() {
        let unsigned = command("c1");
        let unlimited = signed(&key(7), TOPIC, UNLIMITED);
        assert_eq!(outcome(Commands::Any, &unsigned), (true, 0, 0));
        assert_eq!(outcome(Commands::Any, &unlimited), (true, 0, 0));
        assert_eq!(outcome(Commands::Signed, &unsigned), (false, 1, 0));
        assert_eq!(outcome(Commands::Signed, &unlimited), (false, 1, 0));
    }

    #[test]
    fn a_recorded_command_is_worth_nothing_later_however_often_it_comes() {
        let mut agent = agent();
        let mut session = session_with(&agent, trust(Commands::Signed));
        session.up(1, &mut agent, after(0));
        session.message(&signed(&key(7), TOPIC, LIMITED), &mut agent, after(1), Wall::Unknown);
        assert!(agent.take_order().is_some());
        // A hundred others push it out of the log of commands.
        for number in 0..100 {
            let other = LIMITED.replace("c1", &format!("d{number}"));
            session.message(&signed(&key(7), TOPIC, &other), &mut agent, after(2), Wall::Unknown);
        }
        let accepted = agent.counts().accepted;
        for ms in [5_001, 60_000] {
            session.message(&signed(&key(7), TOPIC, LIMITED), &mut agent, after(ms), Wall::Unknown);
        }
        assert_eq!((agent.counts().accepted, agent.counts().expired), (accepted, 2));
    }

    /// A classroom command signed at this time of day.
    fn lab_command(ts_ms: u64, nonce: u32) -> Received {
        let keys = DeviceKeys::from_text(&"07".repeat(32)).unwrap();
        let message =
            CommandMessage { device_id: "pi".parse().unwrap(), ts_ms, nonce: Nonce(nonce), mode: Mode::Degraded };
        let payload = shared_host::lab_sign::sign(&keys.lab, &message).unwrap();
        Received { topic: "tp/pi/cmd".to_owned(), payload, retained: Retained::Live }
    }

    #[test]
    fn a_recorded_classroom_command_is_worth_nothing_in_this_run_or_the_next() {
        let mut agent = agent();
        let mut session = session_with(&agent, trust(Commands::Signed));
        for (ts_ms, nonce) in [(1_000_000, 1), (1_060_000, 2)] {
            session.message(&lab_command(ts_ms, nonce), &mut agent, after(ts_ms - 999_999), Wall::Unknown);
        }
        assert_eq!(agent.counts().accepted, 2);
        session.message(&lab_command(1_060_000, 2), &mut agent, after(60_500), Wall::Unknown);
        session.message(&lab_command(1_000_000, 3), &mut agent, after(60_500), Wall::Unknown);
        assert_eq!((agent.counts().accepted, agent.counts().expired), (2, 2));

        let mut next = super::agent();
        next.keep_value(LAB_MARK, agent.kept_value(LAB_MARK).unwrap().to_owned(), Urgency::None);
        let mut session = session_with(&next, trust(Commands::Signed));
        session.message(&lab_command(1_000_000, 4), &mut next, after(1), Wall::Unknown);
        session.message(
            &Received { payload: br#"{"Mode":"DEGRADED"}"#.to_vec(), ..lab_command(0, 0) },
            &mut next,
            after(1),
            Wall::Unknown,
        );
        assert_eq!((next.counts().accepted, next.counts().expired, next.counts().unsigned), (0, 1, 1));
        session.message(&lab_command(1_070_000, 5), &mut next, after(2), Wall::Unknown);
        assert_eq!(next.counts().accepted, 1);
    }

    #[test]
    fn everything_that_it_says_is_signed_for_its_topic_the_will_too() {
        let mut agent = agent();
        let mut session = session_with(&agent, trust(Commands::Any));
        session.up(1, &mut agent, after(0));
        window(&mut agent, 200);
        session.message(&signed(&key(7), TOPIC, r#"{"v":9,"id":"x"}"#), &mut agent, after(1), Wall::Unknown);
        let mut line = Line::new(1, 10);
        session.send(&mut agent, &mut line, after(200));
        assert_eq!(line.topics(), ["status", "ack", "report"]);
        let status: Status = line.status();
        line.sent.extend(session.testament().will(&status, 2));
        for message in &line.sent {
            assert!(verify(&key(7), &message.topic, &message.payload).is_ok(), "{}", message.topic);
        }
    }
}
