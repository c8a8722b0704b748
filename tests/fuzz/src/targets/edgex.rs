//! What comes on EdgeX' command topics: any topic and payload, one after another.

use device_agent::agent::{Agent, Autonomy, Context, Identity, Setup, TaskPlan};
use device_agent::host::Platform;
use device_agent::link::{EdgexSettings, Outbox, Plan, Session, Trust};
use device_agent::rt::Timing;
use device_agent::time::MonoTime;
use device_agent::window::WindowConfig;
use serde_json::Value;
use shared_host::lab_sign::Wall;
use shared_host::mqtt::{Message, PublishError, Qos, Received, Retain, Retained, Token};
use shared_proto::dialect::edgex::{Method, parse_command, response_topic};
use shared_proto::ids::{BootId, DeviceId};
use shared_proto::policy::PolicyConfig;
use shared_proto::units::Ratio;
use shared_proto::wire::{DialectName, Host, OverrunPolicy, RtContext, Schedule, Settings};

/// All that the device says.
#[derive(Default)]
struct Said(Vec<Message>);

impl Outbox for Said {
    fn try_publish(&mut self, message: Message) -> Result<Token, PublishError> {
        self.0.push(message);
        Ok(Token::new(1, 1))
    }
}

/// A message in two lines each: what follows `command/device1/` in the topic, and the payload.
pub fn edgex_command(bytes: &[u8]) {
    let device: DeviceId = "device1".parse().expect("a name");
    let (mut agent, mut session) = device_of(&device);
    let mut lines = bytes.split(|&byte| byte == b'\n');
    let mut now = MonoTime::from_nanos(1);
    while let Some(rest) = lines.next() {
        now = now.plus_nanos(30_000_000);
        let Ok(rest) = std::str::from_utf8(rest) else { continue };
        let topic = format!("command/device1/{rest}");
        let payload = lines.next().unwrap_or_default().to_vec();
        let request = parse_command(&device, &topic);
        let answer_topic = request.and_then(|request| response_topic(request.uuid));
        assert_eq!(answer_topic.is_some(), request.is_some(), "what can be asked can be answered");
        let accepted = agent.counts().accepted;
        let message = Received { topic: topic.clone(), payload, retained: Retained::Live };
        session.message(&message, &mut agent, now, Wall::Unknown);
        let mut said = Said::default();
        session.send(&mut agent, &mut said, now);

        let (answers, others): (Vec<_>, Vec<_>) =
            said.0.iter().partition(|message| message.topic.starts_with("command/response/"));
        assert!(answers.len() <= 1 && others.len() <= 4, "{said:?}", said = said.0);
        for answer in answers {
            assert_eq!(Some(answer.topic.as_str()), answer_topic.as_ref().map(|topic| topic.as_str()));
            let value: Value = serde_json::from_slice(&answer.payload).expect("JSON");
            let members = value.as_object().expect("an object").len();
            assert_eq!(members, usize::from(request.is_some_and(|request| request.method == Method::Get)));
        }
        for Message { topic, payload, qos, retain } in &said.0 {
            assert_eq!((*qos, *retain), (Qos::AtMostOnce, Retain::No), "{topic}");
            let value: Value = serde_json::from_slice(payload).expect("JSON");
            assert!(value.as_object().expect("an object").values().all(|value| !value.is_null()), "{value}");
        }
        if agent.counts().accepted > accepted {
            let request = request.expect("a command");
            assert_eq!((request.resource, request.method), ("mode", Method::Set));
        }
    }
}

fn device_of(device: &DeviceId) -> (Agent<Token>, Session) {
    let timing = Timing {
        normal_period_ns: 20_000_000,
        degraded_period_ns: 20_000_000,
        deadline_ns: None,
        overrun: OverrunPolicy::SkipNext,
    };
    let setup = Setup {
        identity: Identity { device: device.clone(), boot: BootId(7) },
        plan: TaskPlan { workload: "spin".into(), timing, normal_load: Ratio::ZERO, degraded_load: Ratio::ZERO },
        window: WindowConfig { miss_window: 250, burst_jobs: 10 },
        policy: PolicyConfig::default(),
        autonomy: Autonomy::Normal,
        spool_capacity: 2,
    };
    let now = MonoTime::from_nanos(0);
    let mut agent = Agent::new(setup, now);
    let rt = RtContext {
        schedule: Schedule::Other,
        priority: 0,
        cpu: None,
        locked: false,
        self_overhead_ns: 0,
        preemptions: 0,
        faults: 0,
    };
    agent.gather(&Context { now, t_ms: 0, clock_synced: false, host: Host::default(), rt });
    let plan = Plan {
        client_id: "device1",
        root: &"edge".parse().expect("a root"),
        dialects: &[DialectName::Edgex].into_iter().collect(),
        trust: Trust::Broker,
        edgex: EdgexSettings::default(),
        catch_up_per_s: 1,
        settings: Settings::default(),
        platform: &Platform::default(),
    };
    let mut session = Session::new(&plan, &agent);
    session.up(1, &mut agent, now);
    (agent, session)
}
