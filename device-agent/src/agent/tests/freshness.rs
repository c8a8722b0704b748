//! Commands that come too late, or for another run.

use super::*;

/// A command that may be taken until `ttl_ms` after the device time `up_ms`.
fn quoting(boot: u64, up_ms: u64, ttl_ms: u32) -> SetMode {
    SetMode { fresh: Some(Fresh { boot: BootId(boot), up_ms, ttl_ms }), ..set_mode("c1", Mode::Degraded, 15_000) }
}

#[test]
fn a_command_is_taken_until_its_time_is_over_on_the_devices_clock_and_changes_nothing_after() {
    for (up_ms, ttl_ms, taken) in
        [(0, 200, true), (0, 199, false), (200, 0, true), (2_200, 10, true), (2_201, 10, false)]
    {
        let mut rig = rig();
        (0..10).for_each(|_| rig.job(false));
        let result = rig.agent.command(&quoting(7, up_ms, ttl_ms), rig.now);
        assert_eq!(result.is_ok(), taken, "{up_ms} {ttl_ms}");
        rig.job(false);
        let ack = rig.ack();
        assert_eq!(ack.result, if taken { Outcome::Applied } else { Outcome::Expired });
        assert_eq!(rig.mode().0, if taken { Mode::Degraded } else { Mode::Normal });
        assert_eq!(rig.agent.counts().expired, u64::from(!taken));
    }
}

#[test]
fn a_command_for_another_run_is_expired_however_often_it_comes() {
    let mut rig = rig();
    for _ in 0..3 {
        assert_eq!(rig.agent.command(&quoting(6, 0, 60_000), rig.now), Err(NotFresh::OtherRun));
        assert_eq!(rig.ack().result, Outcome::Expired);
        rig.job(false);
    }
    assert_eq!(rig.mode().0, Mode::Normal);
}

#[test]
fn a_repeat_of_a_taken_command_is_answered_alike_even_when_its_time_is_over() {
    let mut rig = rig();
    rig.agent.command(&quoting(7, 0, 100), rig.now).unwrap();
    rig.job(false);
    let first = rig.ack();
    (0..20).for_each(|_| rig.job(false));
    rig.agent.command(&quoting(7, 0, 100), rig.now).unwrap();
    assert_eq!(rig.ack(), first);
    assert_eq!(first.result, Outcome::Applied);
}

#[test]
fn a_command_from_the_future_is_not_taken_when_that_comes() {
    let mut rig = rig();
    assert!(rig.agent.command(&quoting(7, 3_000, 60_000), rig.now).is_err());
    let first = rig.ack();
    assert_eq!(first.result, Outcome::Expired);
    (0..200).for_each(|_| rig.job(false));
    rig.agent.command(&quoting(7, 3_000, 60_000), rig.now).unwrap();
    assert_eq!(rig.ack(), first);
    assert_eq!(rig.mode().0, Mode::Normal);
}
