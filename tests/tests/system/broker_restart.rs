//! The broker dies and comes back: the device goes on meanwhile, and tells everything afterwards.

use shared_proto::mode::{Mode, ModeSource};
use shared_proto::wire::Totals;

use crate::harness::{Agent, Controller, DEVICE, Gate, Probe, Site, sum, with_each_broker};

with_each_broker!(nothing_is_lost_when_the_broker_dies);

fn nothing_is_lost_when_the_broker_dies(mut site: Site) {
    let mut probe = Probe::connect(&site.broker.url());
    let mut controller = Controller::start(&site, "controller", &[]);
    // Through a gate: reports must be on their way when the broker dies; and probe and controller must be back first, as a
    // broker keeps nothing for those who are away.
    let gate = Gate::to(site.broker.port());
    let mut agent = Agent::start_at(&site, &gate.url(), DEVICE, &[]);
    probe.report(DEVICE, "NORMAL by the gateway", |report| report.mode_source == ModeSource::Gateway);
    let first_birth = probe.status(DEVICE, "its birth", |status| status.online);

    gate.shut();
    agent.status_where("reports are on their way", |status| status.link.up && status.link.reports_waiting >= 3);
    site.broker.kill();
    let alone = agent.status_where("the link is down", |status| !status.link.up);
    agent.status_where("the task goes on, and its reports wait", |status| {
        status.total.jobs >= alone.total.jobs + 50 && status.link.reports_waiting >= 5
    });
    probe.wait_until_down();
    probe.skip_to_now();

    site.broker.restart().unwrap();
    probe.wait_until_up();
    controller.event("link", "connection to the new broker", |event| event["state"] == "up");
    gate.open();
    let birth = probe.status(DEVICE, "another birth", |status| status.online);
    assert_eq!(birth.boot, first_birth.boot);
    assert!(birth.conn > first_birth.conn, "{} follows {}", birth.conn, first_birth.conn);
    let command = probe.command(DEVICE, "a command on the new connection", |_| true);
    assert_eq!(command.mode, Mode::Normal);
    let ack = probe.ack(DEVICE, command.id.as_str());
    assert_eq!((ack.mode, ack.mode_source), (Mode::Normal, ModeSource::Gateway));

    agent.status_where("the backlog is delivered", |status| status.link.reports_waiting <= 1);
    let farewell = agent.terminate();
    // What died with the broker is asked for, and delivered once more.
    assert!(farewell.delivered >= farewell.reports, "{farewell:?}");
    probe.report(DEVICE, "the last report", |report| report.seq == farewell.reports);
    // What the dead broker had acknowledged may have died with it. All that it had not is here.
    let mut reports = probe.reports(DEVICE);
    reports.retain(|report| report.seq > alone.link.reports_delivered);
    let numbers: Vec<_> = reports.iter().map(|report| report.seq).collect();
    assert_eq!(numbers, (alone.link.reports_delivered + 1..=farewell.reports).collect::<Vec<_>>());
    let oldest = reports.first().expect("reports of the time without a broker");
    let before = oldest.total.since(&Totals { jobs: oldest.jobs, misses: oldest.misses, skipped: oldest.skipped });
    assert_eq!(sum(&reports), farewell.total.since(&before), "every job since is in exactly one report");
    let view = controller.view(DEVICE, "every job is received or known to be missing", |view| {
        view.jobs + view.missing_jobs == farewell.total.jobs
    });
    assert!(view.jobs >= farewell.total.since(&before).jobs, "{view:?}");
}
