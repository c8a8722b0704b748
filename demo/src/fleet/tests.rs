//! What a device promises, without a broker.

use fastrand::Rng;
use shared_proto::ids::BootId;
use shared_proto::mode::Mode;
use shared_proto::policy::PolicyConfig;
use shared_proto::wire::{Fresh, Lease, Missing, Outcome, ReportRef, SetMode, Totals, Version};

use super::device::{Common, Device, Load};
use super::scenario::Plan;
use super::sent::Decision;
use super::spool::Which;
use super::workload::Spreads;

const INTERVAL_US: u64 = 200_000;

fn common() -> Common {
    Common { interval_us: INTERVAL_US, policy: PolicyConfig::default(), spreads: Spreads::default(), epoch_ms: 1_000 }
}

fn device(common: &Common) -> Device {
    let mut device = Device::new("sim-1".parse().unwrap(), Plan::new(), 0, Rng::with_seed(3), Rng::with_seed(4));
    device.begin(0, common);
    device
}

fn command(id: &str, mode: Mode, cause: Option<ReportRef>) -> SetMode {
    let lease_ms = Lease::try_from(15_000).unwrap();
    SetMode {
        v: Version,
        id: id.parse().unwrap(),
        mode,
        lease_ms,
        reason: "".into(),
        cause,
        fresh: None,
        missing: None,
    }
}

/// Closes `count` windows; the time after.
fn close(device: &mut Device, common: &Common, count: u64) -> u64 {
    for _ in 0..count {
        let at_us = device.next_window_us;
        device.close_window(at_us, common);
    }
    device.next_window_us - INTERVAL_US
}

#[test]
fn every_report_is_valid_and_together_they_hold_every_job() {
    let common = common();
    let mut device = device(&common);
    device.set_load(Load::Heavy, 0);
    close(&mut device, &common, 40);
    let (mut sum, mut packet, mut merged) = (Totals::default(), 1, 0);
    while let Some(next) = device.spool.send(Which::Oldest, packet, 0) {
        let report = next.stretch.report(&device.id, &common.spreads).unwrap();
        report.validate().unwrap();
        sum.jobs += report.jobs;
        sum.misses += report.misses;
        sum.skipped += report.skipped;
        merged += report.merged;
        assert_eq!(report.total, sum, "totals are those at the close of the newest window");
        device.spool.acked(packet).unwrap();
        packet += 1;
    }
    assert_eq!((sum, merged), (device.lifetime, 40));
    assert!(sum.misses > 0 && sum.skipped > 0 && packet < 12, "{sum:?} in {packet} reports");
}

#[test]
fn what_was_sent_is_sent_again_as_it_was() {
    let common = common();
    let mut device = device(&common);
    close(&mut device, &common, 1);
    let report = |device: &mut Device| {
        let next = device.spool.send(Which::Oldest, 1, 0).unwrap();
        (next.stretch.report(&device.id, &common.spreads).unwrap(), next.again)
    };
    let (first, again) = report(&mut device);
    assert!(!again);
    device.lose_link();
    close(&mut device, &common, 30);
    assert_eq!(report(&mut device), (first.clone(), true));
    device.spool.acked(1).unwrap();
    assert!(device.spool.duplicate());
    assert_eq!(report(&mut device), (first.clone(), true));
    device.spool.acked(1).unwrap();
    let others = Missing { boot: BootId(first.boot.0 ^ 1), after: 0, up_to: 1 };
    assert_eq!(device.spool.resend(&others), 0);
    assert_eq!(device.spool.resend(&Missing { boot: first.boot, after: 0, up_to: 1 }), 1);
    assert_eq!(report(&mut device), (first, true));
}

#[test]
fn a_command_lowers_the_load_and_is_answered_once() {
    let common = common();
    let mut device = device(&common);
    device.set_load(Load::Heavy, 0);
    let now_us = close(&mut device, &common, 1);
    let first = ReportRef { boot: device.status(now_us).boot, seq: 1 };
    device.note_sent(first, now_us, &common);
    let cause = Some(first);
    // Its own policy decides too, where no gateway does.
    assert_eq!(device.status(now_us).mode, Mode::Degraded);
    device.restart(now_us, &common);
    let boot = device.status(now_us).boot;
    device.note_sent(ReportRef { boot, seq: 1 }, now_us, &common);
    let effect = device.command(&command("c-1", Mode::Degraded, cause), now_us + 5_000, &common);
    let late = (Some(Mode::Degraded), Some(Decision::Late));
    assert_eq!((effect.changed_to, effect.decision), late, "another run's report led to it");
    let misses = device.lifetime.misses;
    close(&mut device, &common, 5);
    assert!(device.lifetime.misses <= misses + 2, "{} after {misses}", device.lifetime.misses);

    let now_us = now_us + 6_000_000;
    device.note_sent(ReportRef { boot, seq: 2 }, now_us, &common);
    let back = command("c-2", Mode::Normal, Some(ReportRef { boot, seq: 2 }));
    let effect = device.command(&back, now_us + 7_000, &common);
    assert_eq!((effect.changed_to, effect.decision), (Some(Mode::Normal), Some(Decision::Took(7_000))));
    assert_eq!(device.command(&back, now_us + 9_000, &common).changed_to, None);
    let answers: Vec<_> = device.answers.iter().map(|answer| (answer.ack.id.as_str(), answer.ack.result)).collect();
    assert_eq!(answers, [("c-1", Outcome::Applied), ("c-2", Outcome::Applied), ("c-2", Outcome::Applied)]);
    let soon = command("c-3", Mode::Degraded, cause);
    assert_eq!(device.command(&soon, now_us + 10_000, &common).changed_to, None);
    assert_eq!(device.answers.back().unwrap().ack.result, Outcome::Rejected);
}

#[test]
fn a_command_that_comes_late_is_measured_or_counted() {
    let common = common();
    let mut device = device(&common);
    let boot = device.status(0).boot;
    let report = |seq| ReportRef { boot, seq };
    // The spool still holds a report of the run before, with the same number.
    device.note_sent(ReportRef { boot: BootId(boot.0 ^ 1), seq: 1 }, 0, &common);
    for seq in 1..=40 {
        device.note_sent(report(seq), seq * INTERVAL_US, &common);
    }
    let now_us = 41 * INTERVAL_US;
    let effect = device.command(&command("c-1", Mode::Degraded, Some(report(1))), now_us, &common);
    assert_eq!((effect.changed_to, effect.decision), (Some(Mode::Degraded), Some(Decision::Took(8_000_000))));
    let late = device.command(&command("c-2", Mode::Normal, Some(report(2))), 30_000_000, &common);
    assert_eq!((late.outcome, late.decision), (Some(Outcome::Applied), Some(Decision::Late)));
    let by_hand = device.command(&command("c-3", Mode::Degraded, None), 31_000_000, &common);
    assert_eq!((by_hand.outcome, by_hand.decision), (Some(Outcome::Applied), None), "no report led to it");

    let fresh = Some(Fresh { boot, up_ms: 20_000, ttl_ms: 10_000 });
    let old = SetMode { fresh, ..command("c-4", Mode::Normal, Some(report(40))) };
    let effect = device.command(&old, 32_000_000, &common);
    assert_eq!((effect.outcome, effect.changed_to, effect.decision), (Some(Outcome::Expired), None, None));
    assert_eq!(device.command(&old, 32_000_000, &common).outcome, None, "it is counted once");
}
