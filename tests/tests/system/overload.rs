//! Overload: the gateway degrades the device, and lets it recover when the overload is over.

use device_agent::load::{Hog, cpus_for_tasks};
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::units::Ratio;
use shared_proto::wire::{Outcome, Report};

use crate::harness::{Agent, Controller, DECIDES, DEVICE, Probe, Site, sum, with_each_broker};

with_each_broker!(overload_degrades_and_calm_recovers);

/// So many that the task gets too little of its CPU even for what it does in DEGRADED.
pub(crate) const HOGS: usize = 32;
/// A task on one CPU, light enough to keep its deadlines beside one other process.
pub(crate) const TASK: [(&str, &str); 3] =
    [("task.period_ms", "20"), ("spin.normal_ratio", "0.3"), ("spin.degraded_ratio", "0.1")];

fn overload_degrades_and_calm_recovers(site: Site) {
    let cpu = *cpus_for_tasks().unwrap().first().expect("a CPU");
    let hog = Hog::new(cpu, HOGS).expect("threads");
    let mut probe = Probe::connect(&site.broker.url());
    let mut controller = Controller::start(&site, "controller", &DECIDES);
    let cpu = cpu.to_string();
    let mut agent = Agent::start(&site, DEVICE, &[&TASK[..], &[("realtime.cpu", &cpu)]].concat());

    let calm = probe.report(DEVICE, "NORMAL by the gateway", by_gateway(Mode::Normal));
    assert_eq!(calm.workload, Ratio::of(3, 10));
    agent.wait_for_lines([("17", "high"), ("27", "low")]);

    hog.turn_on();
    let decision = turn(&mut probe, &mut controller, "NORMAL", Mode::Degraded, "miss rate ");
    let cause = (decision["boot"].as_str(), decision["seq"].as_u64());
    assert_eq!(cause.0, Some(calm.boot.to_string().as_str()));
    let report = probe.report(DEVICE, "DEGRADED by the gateway", by_gateway(Mode::Degraded));
    assert_eq!(report.workload, Ratio::of(1, 10));
    agent.wait_for_lines([("17", "low"), ("27", "high")]);
    let led_to_it = probe.reports(DEVICE).into_iter().find(|report| Some(report.seq) == cause.1);
    assert!(led_to_it.is_some_and(|report| report.misses > 0), "the decision's report has misses");

    hog.turn_off();
    turn(&mut probe, &mut controller, "DEGRADED", Mode::Normal, " calm windows");
    let report = probe.report(DEVICE, "NORMAL by the gateway again", by_gateway(Mode::Normal));
    assert_eq!(report.workload, Ratio::of(3, 10));
    agent.wait_for_lines([("17", "high"), ("27", "low")]);

    let farewell = agent.terminate();
    let last = probe.report(DEVICE, "the last report", |report| report.seq == farewell.reports);
    assert_eq!(last.total, farewell.total);
    assert_eq!(sum(&probe.reports(DEVICE)), farewell.total, "every job is in exactly one report");
    assert!(farewell.total.misses > 0);
}

/// A change of mode as everybody tells it: decision, command, acknowledgement. Gives back the decision.
fn turn(probe: &mut Probe, controller: &mut Controller, from: &str, to: Mode, because: &str) -> serde_json::Value {
    let decision = controller.event("decision", &format!("to {to}"), |event| event["to"] == to.as_str());
    assert_eq!((&decision["source"], &decision["from"]), (&"policy".into(), &from.into()), "{decision}");
    assert!(decision["reason"].as_str().is_some_and(|why| why.contains(because)), "{decision}");
    let id = decision["command_id"].as_str().expect("the command of the decision");

    let command = probe.command(DEVICE, "the command of the decision", |command| command.id.as_str() == id);
    let cause = command.cause.expect("the report that led to it");
    assert_eq!((command.mode, Some(cause.seq)), (to, decision["seq"].as_u64()));
    let ack = probe.ack(DEVICE, id);
    assert_eq!((ack.result, ack.mode, ack.mode_source), (Outcome::Applied, to, ModeSource::Gateway), "{ack:?}");
    assert!(ack.reaction_us > ack.receipt_to_effect_us && ack.receipt_to_effect_us > Some(0.0), "{ack:?}");
    controller.event("applied", "the acknowledgement", |event| event["command_id"] == id);
    decision
}

fn by_gateway(mode: Mode) -> impl Fn(&Report) -> bool {
    move |report| report.mode == mode && report.mode_source == ModeSource::Gateway
}
