//! Who decides the mode, and what is told of it.

use super::*;

#[test]
fn a_lease_shorter_than_a_window_leaves_the_device_as_it_is() {
    let mut rig = rig();
    rig.command("c1", Mode::Degraded, 100);
    (0..20).for_each(|_| rig.job(false));
    rig.agent.tick(rig.now);
    assert_eq!(rig.mode(), (Mode::Degraded, ModeSource::Local));
    assert_eq!(rig.agent.effective().reason.as_str(), "the gateway's lease ended");
    // Nor does an older wish come back: here that of the lease before.
    rig.command("c2", Mode::Normal, 100);
    (0..20).for_each(|_| rig.job(false));
    rig.agent.tick(rig.now);
    assert_eq!(rig.mode(), (Mode::Normal, ModeSource::Local));
}

#[test]
fn status_is_news_only_when_something_changed() {
    let mut rig = rig();
    rig.agent.danger(Some("under-voltage".into()), rig.now);
    rig.agent.danger(None, rig.now);
    rig.window(false);
    rig.agent.take_status_news();
    rig.window(false);
    assert!(!rig.agent.take_status_news());
    rig.command("c1", Mode::Degraded, 15_000);
    rig.job(false);
    assert!(rig.agent.take_status_news());
}

#[test]
fn an_operator_is_stronger_and_the_command_waits_behind() {
    let mut rig = rig();
    rig.agent.hold(Some(Mode::Normal), rig.now);
    assert_eq!(rig.mode(), (Mode::Normal, ModeSource::Operator));
    rig.command("c1", Mode::Degraded, 15_000);
    let ack = rig.ack();
    assert_eq!((ack.result, ack.mode_source), (Outcome::Unchanged, ModeSource::Operator));
    assert!(ack.reason.as_str().contains("overruled"));
    rig.agent.hold(None, rig.now);
    rig.job(false);
    assert_eq!(rig.mode(), (Mode::Degraded, ModeSource::Gateway));
}

#[test]
fn the_button_holds_degraded_and_lets_go_again() {
    let mut rig = rig();
    rig.command("c1", Mode::Normal, 15_000);
    assert_eq!(rig.agent.press_button(rig.now), Some(Mode::Degraded));
    rig.job(false);
    assert_eq!(rig.mode(), (Mode::Degraded, ModeSource::Operator));
    assert!(rig.agent.effective().reason.as_str().contains("button"));
    assert_eq!(rig.agent.press_button(rig.now), None);
    rig.job(false);
    assert_eq!(rig.mode(), (Mode::Normal, ModeSource::Gateway));
}

#[test]
fn the_button_overrules_another_hold_and_ends_one_of_degraded() {
    let mut rig = rig();
    rig.agent.hold(Some(Mode::Normal), rig.now);
    assert_eq!(rig.agent.press_button(rig.now), Some(Mode::Degraded));
    rig.agent.hold(Some(Mode::Degraded), rig.now);
    rig.job(false);
    assert!(rig.agent.effective().reason.as_str().contains("operator"));
    assert_eq!(rig.agent.press_button(rig.now), None);
    rig.job(false);
    assert_eq!(rig.mode(), (Mode::Degraded, ModeSource::Local), "the policy goes on from there, as after any hold");
}

#[test]
fn alone_the_device_degrades_and_recovers_by_itself() {
    let mut rig = rig();
    rig.window(false);
    rig.window(true);
    rig.job(false);
    assert_eq!(rig.mode(), (Mode::Degraded, ModeSource::Local));
    let report = rig.window(false);
    assert_eq!((report.mode, report.mode_source), (Mode::Degraded, ModeSource::Local));
    assert_eq!(report.workload, Ratio::of(3, 10));
    // 250 jobs until the miss window is clean, then ten calm windows.
    let windows = (1..200).find(|_| rig.window(false).mode == Mode::Normal).unwrap();
    assert!((25..45).contains(&windows), "{windows} windows");
    assert_eq!(rig.mode(), (Mode::Normal, ModeSource::Local));
}

#[test]
fn a_policys_command_that_crosses_the_devices_own_change_flips_nothing_and_a_persons_does() {
    let mut rig = rig();
    rig.window(false);
    let before = rig.window(true);
    rig.job(false);
    assert_eq!(rig.mode(), (Mode::Degraded, ModeSource::Local));
    // Sent when the device was in NORMAL still.
    let cause = Some(ReportRef { boot: before.boot, seq: before.seq - 1 });
    let policys = |id| SetMode { cause, ..set_mode(id, Mode::Normal, 15_000) };
    rig.agent.command(&policys("c1"), rig.now).unwrap();
    rig.job(false);
    assert_eq!(rig.mode(), (Mode::Degraded, ModeSource::Local));
    let ack = rig.ack();
    assert_eq!((ack.result, ack.mode, ack.mode_source), (Outcome::Unchanged, Mode::Degraded, ModeSource::Local));
    assert!(ack.reason.as_str().starts_with("too soon"), "{}", ack.reason);
    // The same mode may be claimed at any time, and a person need not wait.
    rig.agent.command(&SetMode { mode: Mode::Degraded, ..policys("c2") }, rig.now).unwrap();
    assert_eq!(rig.mode(), (Mode::Degraded, ModeSource::Gateway));
    rig.command("c3", Mode::Normal, 15_000);
    rig.job(false);
    assert_eq!(rig.mode(), (Mode::Normal, ModeSource::Gateway));
    // Once the dwell is over a policy changes the mode again.
    rig.now = rig.now.plus_nanos(5_000 * MS);
    rig.agent.command(&SetMode { mode: Mode::Degraded, ..policys("c4") }, rig.now).unwrap();
    rig.job(false);
    assert_eq!(rig.mode(), (Mode::Degraded, ModeSource::Gateway));
}

#[test]
fn of_a_window_in_which_the_mode_changed_only_the_time_since_counts() {
    let mut rig = rig();
    (0..9).for_each(|_| rig.job(false));
    rig.command("c1", Mode::Degraded, 15_000);
    (0..2).for_each(|_| rig.job(false));
    rig.agent.close_window(&rig.context());
    let age_ms = rig.agent.mode_age_ms(rig.now);
    assert_eq!((rig.agent.policy.in_mode_ms, age_ms < 50), (Some(age_ms), true));
}

#[test]
fn without_a_policy_of_its_own_the_device_stays_normal_and_goes_back_when_the_lease_ends() {
    let mut rig = Rig::new(Autonomy::Normal);
    (0..5).for_each(|_| drop(rig.window(true)));
    assert_eq!(rig.mode(), (Mode::Normal, ModeSource::Default));
    rig.command("c1", Mode::Degraded, 300);
    rig.window(false);
    assert_eq!(rig.mode().0, Mode::Degraded);
    (0..2).for_each(|_| drop(rig.window(false)));
    assert_eq!(rig.mode(), (Mode::Normal, ModeSource::Default));
}

#[test]
fn the_gateway_overrules_the_local_policy() {
    let mut rig = rig();
    rig.command("c1", Mode::Normal, 15_000);
    rig.ack();
    (0..5).for_each(|_| drop(rig.window(true)));
    assert_eq!(rig.mode(), (Mode::Normal, ModeSource::Gateway));
}

#[test]
fn a_released_lease_leaves_the_device_as_it_is() {
    let mut rig = rig();
    rig.command("c1", Mode::Degraded, 15_000);
    rig.window(false);
    rig.ack();
    rig.command("c2", Mode::Normal, 0);
    assert_eq!(rig.ack().result, Outcome::Unchanged);
    assert_eq!(rig.mode(), (Mode::Degraded, ModeSource::Local));
    assert_eq!(rig.agent.effective().reason.as_str(), "the gateway let go");
}

#[test]
fn a_classroom_command_holds_until_the_next_one() {
    let mut rig = rig();
    rig.agent.lab_command(&lab::Command { mode: Mode::Degraded }, rig.now);
    (0..1_000).for_each(|_| rig.job(false));
    assert_eq!(rig.mode(), (Mode::Degraded, ModeSource::Gateway));
    rig.agent.lab_command(&lab::Command { mode: Mode::Normal }, rig.now);
    rig.job(false);
    assert_eq!(rig.mode(), (Mode::Normal, ModeSource::Gateway));
    assert_eq!(rig.agent.next_ack(), None);
}

#[test]
fn danger_degrades_whatever_the_gateway_wants() {
    let mut rig = rig();
    rig.command("c1", Mode::Normal, 15_000);
    rig.agent.danger(Some("under-voltage".into()), rig.now);
    rig.job(false);
    assert_eq!(rig.mode(), (Mode::Degraded, ModeSource::Safety));
    rig.agent.danger(None, rig.now);
    rig.job(false);
    assert_eq!(rig.mode(), (Mode::Normal, ModeSource::Gateway));
}

#[test]
fn reports_are_numbered_and_their_totals_add_up() {
    let mut rig = rig();
    let reports: Vec<_> = (0..20).map(|n| rig.window(n % 3 == 0)).collect();
    assert!(reports.iter().zip(1..).all(|(report, seq)| report.seq == seq));
    let last = reports.last().unwrap();
    assert_eq!(reports.iter().map(|r| r.jobs).sum::<u64>(), last.total.jobs);
    assert_eq!(reports.iter().map(|r| r.misses).sum::<u64>(), last.total.misses);
    assert_eq!(reports.iter().map(|r| r.span_ms).sum::<u64>(), 20 * 200);
    assert_eq!(last.total, rig.total);
}
