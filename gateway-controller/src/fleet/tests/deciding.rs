use shared_proto::dialect::lab::Observed;
use shared_proto::wire::ReportRef;

use super::*;
use crate::event::{Decision, DecisionSource};

fn decisions(actions: &[Action]) -> Vec<Decision> {
    let decision = |event| match event {
        Event::Decision(decision) => Some(decision),
        _ => None,
    };
    events(actions).into_iter().filter_map(decision).collect()
}

#[test]
fn the_report_that_crosses_the_threshold_is_answered_at_once() {
    let mut site = Site::settled();
    assert_eq!(decisions(&site.window(0.05)), []);
    let actions = site.window(0.2);
    let command = commands(&actions).pop().unwrap();
    assert_eq!(command.mode, Mode::Degraded);
    assert_eq!(command.lease_ms.millis(), Some(15_000));
    assert_eq!(command.reason.as_str(), "miss rate 0.2000 > 0.05");
    assert_eq!(command.cause, Some(ReportRef { boot: BootId(1), seq: 3 }));
    let decision = decisions(&actions).pop().unwrap();
    assert_eq!((decision.from, decision.to), (Some(Mode::Normal), Some(Mode::Degraded)));
    assert_eq!((decision.source, decision.boot, decision.seq), (DecisionSource::Policy, Some(BootId(1)), Some(3)));
    assert_eq!(decision.command_id, Some(command.id));
}

#[test]
fn the_first_report_is_judged_with_what_the_device_remembers() {
    let mut site = Site::new(settings());
    site.birth();
    // It degraded half a second ago and backs off: a controller that starts now neither flips it nor forgets the wait.
    site.pass(500);
    site.device.mode = Mode::Degraded;
    site.device.since_ms = (Mode::Degraded, 0);
    site.device.source = ModeSource::Gateway;
    site.device.policy =
        PolicyState { mode: Mode::Degraded, in_mode_ms: Some(500), backoff: 2, ..PolicyState::default() };
    assert_eq!(modes(&site.window(0.0)), [Mode::Degraded]);
    // The wait is 5 s doubled twice; 500 ms of it are over, and each window takes 200 ms. The first of them has been.
    let windows = (1..200).find(|_| !decisions(&site.window(0.0)).is_empty());
    assert_eq!(windows, Some((20_000u64 - 500).div_ceil(SPAN_MS) - 1));
}

#[test]
fn the_dwell_counts_from_when_the_device_took_the_mode_however_long_the_command_was_on_its_way() {
    let mut site = Site::settled();
    let degrade = site.window(0.2);
    // The device follows only 3 s later; by then the windows are calm.
    (0..15).for_each(|_| assert_eq!(decisions(&site.window(0.0)), []));
    site.obey(&degrade);
    let windows = (1..100).find(|_| !decisions(&site.window(0.0)).is_empty());
    assert_eq!(windows, Some(5_000 / SPAN_MS));
}

#[test]
fn a_policys_command_names_the_latest_report_and_a_persons_none() {
    let mut site = Site::new(settings());
    site.birth();
    let first = commands(&site.window(0.0)).pop().unwrap();
    assert_eq!(first.cause, Some(ReportRef { boot: BootId(1), seq: 1 }));
    let wished = commands(&site.wish(Some(Wish::Mode(Mode::Degraded)))).pop().unwrap();
    assert_eq!(wished.cause, None);
}

#[test]
fn a_policy_that_disagrees_with_the_mode_follows_the_mode() {
    let mut site = Site::new(settings());
    site.birth();
    site.device.mode = Mode::Degraded;
    assert_eq!(decisions(&site.window(0.02)), []);
    assert_eq!(site.view().wanted, Some(Mode::Degraded));
}

#[test]
fn a_new_run_of_the_agent_is_seeded_anew() {
    let mut site = Site::settled();
    let degrade = site.window(0.2);
    site.obey(&degrade);
    site.device = Sim { boot: BootId(2), ..Sim::new("pi-1") };
    site.birth();
    assert_eq!(site.view().wanted, None);
    site.window(0.0);
    assert_eq!(site.view().wanted, Some(Mode::Normal));
}

#[test]
fn reports_older_than_the_newest_decide_nothing() {
    let mut site = Site::settled();
    let late = site.device.report(0.9);
    assert_eq!(decisions(&site.window(0.0)), []);
    let actions = site.take(late);
    assert_eq!((decisions(&actions), reports(&actions)), (vec![], 1));
    assert_eq!(site.view().miss_rate, Some(Ratio::ZERO));
}

#[test]
fn a_backlog_decides_nothing_until_it_tells_of_now() {
    let mut site = Site::settled();
    let kept: Vec<_> = (0..100).map(|_| site.device.report(0.9)).collect();
    site.pass(100 * SPAN_MS);
    site.device.conn += 1;
    site.birth();
    // The device has degraded by itself in the meantime; what it kept tells of the time before.
    site.device.mode = Mode::Degraded;
    site.device.source = ModeSource::Local;
    site.device.policy = PolicyState { mode: Mode::Degraded, in_mode_ms: Some(9_000), ..PolicyState::default() };
    for report in kept.into_iter().take(80) {
        site.now_ms += 1;
        assert_eq!(decisions(&site.take(report)), []);
        assert_eq!(site.view().wanted, None);
    }
    let actions = site.window(0.0);
    assert_eq!(modes(&actions), [Mode::Degraded]);
    assert_eq!(site.view().wanted, Some(Mode::Degraded));
    told_as_reported(&site, &actions);
}

/// The device decided for itself in the meantime: from now on DEGRADED is wanted, and that is told with its reason.
fn told_as_reported(site: &Site, actions: &[Action]) {
    let decision = decisions(actions).pop().unwrap();
    assert_eq!((decision.from, decision.to), (Some(Mode::Normal), Some(Mode::Degraded)));
    assert_eq!((decision.source, decision.boot), (DecisionSource::Policy, Some(site.device.boot)));
    assert_eq!(decision.seq, Some(site.device.seq));
    let command = commands(actions).pop().unwrap();
    assert_eq!(decision.command_id, Some(command.id));
    let cause = Some(ReportRef { boot: site.device.boot, seq: site.device.seq });
    assert_eq!((command.reason.as_str(), command.cause), ("the mode that it reports", cause));
    assert_eq!(decision.reason.as_str(), "the mode that it reports");
}

#[test]
fn a_change_that_was_open_when_the_policy_is_seeded_anew_is_forgotten() {
    let mut site = Site::settled();
    // Asked for, never followed: the device is out of reach, recovers by itself, and comes back in its own mode.
    assert_eq!(modes(&site.window(0.2)), [Mode::Degraded]);
    site.fleet.link_down(1, "gone".to_owned(), &mut Vec::new());
    site.pass(LEASE_MS + 1_000);
    site.fleet.link_up(2, &mut Vec::new());
    site.device.source = ModeSource::Local;
    let actions = site.window(0.0);
    let decision = decisions(&actions).pop().unwrap();
    assert_eq!((decision.from, decision.to), (Some(Mode::Degraded), Some(Mode::Normal)));
    let command = commands(&actions).pop().unwrap();
    assert_eq!(
        (command.mode, command.cause.unwrap().seq, command.reason.as_str()),
        (Mode::Normal, site.device.seq, "the mode that it reports")
    );
}

#[test]
fn a_new_run_that_is_in_another_mode_is_told_of_and_a_wish_keeps_its_reason() {
    let mut site = Site::settled();
    let degrade = site.window(0.2);
    site.obey(&degrade);
    site.device = Sim { boot: BootId(2), ..Sim::new("pi-1") };
    site.birth();
    let decision = decisions(&site.window(0.0)).pop().unwrap();
    assert_eq!((decision.from, decision.to), (Some(Mode::Degraded), Some(Mode::Normal)));
    site.wish(Some(Wish::Mode(Mode::Degraded)));
    site.device = Sim { boot: BootId(3), ..Sim::new("pi-1") };
    let mut actions = site.birth();
    actions.extend(site.pass(RETRY_MS));
    actions.extend(site.window(0.0));
    assert_eq!(decisions(&actions), []);
    assert!(commands(&actions).iter().all(|command| command.reason.as_str() == "set-mode"), "{actions:?}");
}

#[test]
fn after_a_time_alone_the_device_knows_more() {
    let mut site = Site::settled();
    site.fleet.link_down(1, "gone".to_owned(), &mut Vec::new());
    let kept = site.device.status();
    site.pass(LEASE_MS + 1_000);
    site.fleet.link_up(2, &mut Vec::new());
    // The broker first hands out what it kept: that is no sign of life, and nothing to command by.
    assert_eq!(modes(&site.take_status(&kept, Freshness::Retained)), []);
    site.device.seq += 80;
    site.device.total.jobs += 800;
    site.device.mode = Mode::Degraded;
    site.device.source = ModeSource::Local;
    site.device.policy = PolicyState { mode: Mode::Degraded, in_mode_ms: Some(9_000), ..PolicyState::default() };
    let actions = site.window(0.0);
    assert_eq!(modes(&actions), [Mode::Degraded]);
    told_as_reported(&site, &actions);
}

#[test]
fn an_outage_that_the_lease_did_not_outlast_was_a_time_alone() {
    let mut site = Site::settled();
    site.window(0.0);
    // Silent for less than a lease, but the lease was given a while before.
    site.pass(LEASE_MS / 5);
    site.window(0.0);
    site.fleet.link_down(1, "gone".to_owned(), &mut Vec::new());
    site.pass(LEASE_MS - 1_000);
    site.fleet.link_up(2, &mut Vec::new());
    site.device.mode = Mode::Degraded;
    site.device.source = ModeSource::Local;
    site.device.policy = PolicyState { mode: Mode::Degraded, in_mode_ms: Some(500), ..PolicyState::default() };
    assert_eq!(modes(&site.window(0.0)), [Mode::Degraded]);
}

#[test]
fn an_operators_wish_overrides_the_policy_until_auto() {
    let mut site = Site::settled();
    let actions = site.wish(Some(Wish::Mode(Mode::Degraded)));
    assert_eq!(modes(&actions), [Mode::Degraded]);
    let decision = decisions(&actions).pop().unwrap();
    assert_eq!((decision.source, decision.to), (DecisionSource::SetMode, Some(Mode::Degraded)));
    assert!(decision.command_id.is_some());
    site.obey(&actions);
    for _ in 0..100 {
        assert!(modes(&site.window(0.0)).iter().all(|mode| *mode == Mode::Degraded));
    }
    // The same wish again is no news.
    assert_eq!(site.wish(Some(Wish::Mode(Mode::Degraded))), []);
    assert_eq!(site.view().wanted_by, WantedBy::SetMode);
    assert_eq!(modes(&site.wish(None)), [Mode::Normal]);
    assert_eq!(site.view().wanted_by, WantedBy::Policy);
}

#[test]
fn under_a_wish_the_policy_changes_its_mind_in_silence() {
    let mut site = Site::settled();
    let wish = site.wish(Some(Wish::Mode(Mode::Normal)));
    assert_eq!(modes(&wish), []);
    assert_eq!(decisions(&site.window(0.5)), []);
    assert_eq!(modes(&site.wish(None)), [Mode::Degraded]);
}

#[test]
fn a_released_device_is_let_go_at_once_and_left_alone() {
    let mut site = Site::settled();
    let actions = site.wish(Some(Wish::Release));
    let released = commands(&actions);
    assert_eq!(released.len(), 1);
    assert_eq!(released[0].lease_ms.millis(), None);
    assert_eq!(decisions(&actions)[0].to, None);
    let ack = site.device.let_go(&released[0]);
    site.take_ack(&ack);
    for _ in 0..200 {
        assert_eq!(modes(&site.window(0.9)), []);
    }
    assert_eq!(modes(&site.wish(None)), [Mode::Degraded]);
}

/// Times in milliseconds from now at which the device is told that it is let go.
fn releases(site: &mut Site, for_ms: u64) -> Vec<u64> {
    let start = site.now_ms;
    let mut times = Vec::new();
    while site.now_ms < start + for_ms {
        let sent = commands(&site.pass(10));
        assert!(sent.iter().all(|command| command.lease_ms.millis().is_none()), "{sent:?}");
        times.extend(sent.iter().map(|_| site.now_ms - start));
    }
    times
}

#[test]
fn a_release_is_repeated_ever_more_slowly_while_the_device_is_still_under_a_lease() {
    let mut site = Site::settled();
    let released = commands(&site.wish(Some(Wish::Release)));
    assert_eq!(releases(&mut site, 10_000), [500, 1_500, 3_500, 7_500]);
    let ack = site.device.let_go(&released[0]);
    site.take_ack(&ack);
    assert!(releases(&mut site, 60_000).is_empty());
}

#[test]
fn a_lease_of_another_controller_is_released_too() {
    let mut site = Site::new(settings());
    site.birth();
    assert_eq!(commands(&site.wish(Some(Wish::Release))), [], "nothing to let go of");
    site.device.source = ModeSource::Gateway;
    let sent = commands(&site.window(0.0));
    assert!(sent.len() == 1 && sent[0].lease_ms.millis().is_none(), "{sent:?}");
    assert!(sent[0].reason.as_str() == "set-mode" && sent[0].mode == Mode::Normal, "{sent:?}");
}

#[test]
fn a_device_that_was_away_when_it_was_released_is_let_go_when_it_is_back() {
    let mut site = Site::settled();
    site.take_status(&site.device.will(), Freshness::Live);
    assert_eq!(commands(&site.wish(Some(Wish::Release))), []);
    site.device.conn = 2;
    let sent = commands(&site.birth());
    assert!(sent.len() == 1 && sent[0].lease_ms.millis().is_none(), "{sent:?}");
}

#[test]
fn observing_sends_nothing_but_wishes() {
    let mut site = Site::new(Settings { rule: Rule::Observe, ..settings() });
    site.birth();
    for _ in 0..200 {
        assert_eq!(modes(&site.window(0.9)), []);
    }
    assert_eq!(modes(&site.wish(Some(Wish::Mode(Mode::Degraded)))), [Mode::Degraded]);
    let back = site.wish(None);
    assert_eq!(commands(&back)[0].lease_ms.millis(), None);
}

#[test]
fn a_wish_for_an_unknown_device_is_refused() {
    let mut site = Site::new(settings());
    let nobody: DeviceId = "nobody".parse().unwrap();
    assert_eq!(site.fleet.wish(site.now(), &nobody, None, &mut Vec::new()), Err(Refused::UnknownDevice));
}

fn lab(site: &mut Site, miss_rate: f64, mode: Option<Mode>) -> Vec<Mode> {
    site.pass(SPAN_MS);
    let mut out = Vec::new();
    let observed = Observed { mode, miss_rate: Ratio::try_from(miss_rate).unwrap() };
    site.fleet.lab(site.now(), &site.device.id.clone(), &observed, &mut out).unwrap();
    let sent = |action: &Action| match action {
        Action::Send(Command { payload: Payload::Lab(command), .. }) => Some(command.mode),
        Action::Send(Command { payload: Payload::Native(_) | Payload::Edgex(_), .. }) => {
            panic!("a command of another wire on the classroom's")
        }
        Action::Tell(_) | Action::ClearStatus(_) | Action::Share(_) => None,
    };
    out.iter().filter_map(sent).collect()
}

#[test]
fn a_classroom_device_is_commanded_on_change_and_again_while_it_does_not_follow() {
    let mut site = Site::new(settings());
    assert_eq!(lab(&mut site, 0.0, Some(Mode::Normal)), []);
    assert_eq!(lab(&mut site, 0.2, Some(Mode::Normal)), [Mode::Degraded]);
    assert_eq!(lab(&mut site, 0.2, Some(Mode::Normal)), []);
    assert_eq!(lab(&mut site, 0.2, Some(Mode::Normal)), []);
    assert_eq!(lab(&mut site, 0.2, Some(Mode::Normal)), [Mode::Degraded]);
    for _ in 0..20 {
        assert_eq!(lab(&mut site, 0.0, Some(Mode::Degraded)), []);
    }
    let windows = (1..50).find(|_| lab(&mut site, 0.0, Some(Mode::Degraded)) == [Mode::Normal]);
    assert!(windows.is_some());
}

#[test]
fn a_classroom_device_that_hides_its_mode_is_taken_to_obey() {
    let mut site = Site::new(settings());
    assert_eq!(lab(&mut site, 0.2, None), [Mode::Degraded]);
    for _ in 0..10 {
        assert_eq!(lab(&mut site, 0.2, None), []);
    }
}

#[test]
fn a_device_on_both_wires_is_driven_by_the_native_one_alone() {
    let mut site = Site::new(settings());
    lab(&mut site, 0.0, Some(Mode::Normal));
    site.birth();
    site.window(0.0);
    assert_eq!(lab(&mut site, 0.9, Some(Mode::Normal)), []);
    assert_eq!(site.view().dialect, DialectView::Native);
    assert_eq!(site.view().wanted, Some(Mode::Normal));
}

#[test]
fn a_controller_that_just_started_does_not_take_a_backlog_for_news() {
    let mut site = Site::new(settings());
    let kept: Vec<_> = (0..3).map(|_| site.device.report(0.9)).collect();
    // What the broker kept was said when the device connected, a minute after those windows.
    site.device.up_ms += 60_000;
    site.take_status(&site.device.status(), Freshness::Retained);
    for report in kept {
        assert_eq!(decisions(&site.take(report)), []);
        assert_eq!(site.view().wanted, None);
    }
    assert_eq!(modes(&site.window(0.9)), [Mode::Degraded]);
}

#[test]
fn what_waited_for_a_controller_that_slept_decides_nothing() {
    let mut site = Site::settled();
    let mut waited = Vec::new();
    for _ in 0..5 {
        site.device.up_ms += SPAN_MS;
        waited.push(site.device.report(0.9));
    }
    site.now_ms += 600_000;
    for report in waited {
        assert_eq!(decisions(&site.take(report)), []);
    }
    site.device.up_ms += 600_000;
    assert_eq!(modes(&site.window(0.9)), [Mode::Degraded]);
}
