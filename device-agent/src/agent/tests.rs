use shared_proto::ids::{BootId, CommandId};
use shared_proto::units::Ratio;
use shared_proto::wire::{Fresh, Host, Lease, OverrunPolicy, ReportRef, RtContext, Schedule, Version};

use super::*;
use crate::rt::{Effect, Timing};
use crate::spool::{Journalled, Lane};

const MS: u64 = 1_000_000;
const PERIOD: u64 = 20 * MS;

/// An agent with a real-time thread that obeys at each release, on a made-up clock.
struct Rig {
    agent: Agent<u64>,
    now: MonoTime,
    effect: Effect,
    ordered: Option<Order>,
    total: Totals,
}

impl Rig {
    fn new(autonomy: Autonomy) -> Self {
        let timing = Timing {
            normal_period_ns: PERIOD,
            degraded_period_ns: PERIOD,
            deadline_ns: None,
            overrun: OverrunPolicy::SkipNext,
        };
        let setup = Setup {
            identity: Identity { device: "pi".parse().unwrap(), boot: BootId(7) },
            plan: TaskPlan {
                workload: "spin".into(),
                timing,
                normal_load: Ratio::of(7, 10),
                degraded_load: Ratio::of(3, 10),
            },
            window: WindowConfig { miss_window: 250, burst_jobs: 10 },
            policy: PolicyConfig::default(),
            autonomy,
            spool_capacity: 64,
        };
        let now = MonoTime::from_nanos(1_000 * MS);
        let effect = Effect { mode: Mode::Normal, change: 0, job: 0, at: now };
        Self { agent: Agent::new(setup, now), now, effect, ordered: None, total: Totals::default() }
    }

    fn context(&self) -> Context {
        Context {
            now: self.now,
            t_ms: 0,
            clock_synced: false,
            host: Host::default(),
            rt: RtContext {
                schedule: Schedule::Other,
                priority: 0,
                cpu: None,
                locked: false,
                self_overhead_ns: 0,
                preemptions: 0,
                faults: 0,
            },
        }
    }

    /// Runs one job of the next release.
    fn job(&mut self, missed: bool) {
        let record = self.run_job(missed);
        self.agent.job(&record, &self.context());
    }

    /// Runs one job; its record is still in the ring.
    fn run_job(&mut self, missed: bool) -> JobRecord {
        self.obey();
        self.now = self.now.plus_nanos(PERIOD);
        let job = self.total.jobs;
        if let Some(Order { mode, change }) = self.ordered.take() {
            self.effect = Effect { mode, change, job, at: self.now };
        }
        self.total.jobs += 1;
        self.total.misses += u64::from(missed);
        JobRecord {
            job,
            epoch: 0,
            period_ns: PERIOD,
            epoch_base: Totals::default(),
            release: self.now,
            start: self.now,
            end: self.now.plus_nanos(MS),
            missed,
            skipped: 0,
            total: self.total,
            effect: self.effect,
        }
    }

    fn obey(&mut self) {
        if let Some(order) = self.agent.take_order() {
            self.ordered = Some(order);
        }
    }

    /// Runs ten jobs and closes the window.
    fn window(&mut self, missed: bool) -> Report {
        (0..10).for_each(|_| self.job(missed));
        self.agent.close_window(&self.context());
        self.obey();
        let report = self.agent.spool().next_to_send(Lane::Backlog).unwrap().clone();
        self.agent.spool().sent(Lane::Backlog, 0);
        assert!(self.agent.spool().acknowledged(0));
        report.validate().unwrap();
        report
    }

    fn mode(&self) -> (Mode, ModeSource) {
        (self.agent.effective().mode, self.agent.effective().source)
    }

    fn command(&mut self, id: &str, mode: Mode, lease_ms: u32) {
        let command = set_mode(id, mode, lease_ms);
        self.agent.command(&command, self.now).unwrap();
    }

    fn ack(&mut self) -> Ack {
        let ack = self.agent.next_ack().expect("an acknowledgement").clone();
        self.agent.ack_sent(0);
        assert!(!self.agent.acknowledged(0), "no report");
        ack
    }
}

fn set_mode(id: &str, mode: Mode, lease_ms: u32) -> SetMode {
    SetMode {
        v: Version,
        id: id.parse().unwrap(),
        mode,
        lease_ms: Lease::try_from(lease_ms).unwrap(),
        reason: "test".into(),
        cause: None,
        fresh: None,
        missing: None,
    }
}

fn rig() -> Rig {
    Rig::new(Autonomy::Policy)
}

#[test]
fn a_command_is_acknowledged_when_it_has_taken_effect_not_before() {
    let mut rig = rig();
    rig.window(false);
    rig.command("c1", Mode::Degraded, 15_000);
    assert_eq!(rig.agent.next_ack(), None);
    assert_eq!(rig.mode().0, Mode::Normal);
    rig.job(false);
    assert_eq!(rig.mode(), (Mode::Degraded, ModeSource::Gateway));
    let ack = rig.ack();
    assert_eq!((ack.result, ack.mode, ack.job), (Outcome::Applied, Mode::Degraded, Some(10)));
    assert_eq!(ack.receipt_to_effect_us, Some(20_000.0));
    assert_eq!(ack.reaction_us, None);
}

#[test]
fn a_command_that_names_its_report_is_answered_with_the_reaction_time() {
    let mut rig = rig();
    let report = rig.window(false);
    let cause = |boot| Some(ReportRef { boot, seq: report.seq });
    rig.now = rig.now.plus_nanos(3 * MS);
    rig.agent
        .command(&SetMode { cause: cause(report.boot), ..set_mode("c1", Mode::Degraded, 15_000) }, rig.now)
        .unwrap();
    rig.job(false);
    assert_eq!(rig.ack().reaction_us, Some(23_000.0));
    rig.now = rig.now.plus_nanos(5_000 * MS);
    rig.agent.command(&SetMode { cause: cause(BootId(8)), ..set_mode("c2", Mode::Normal, 15_000) }, rig.now).unwrap();
    rig.job(false);
    assert_eq!(rig.ack().reaction_us, None);
}

#[test]
fn a_repeated_command_is_answered_again_and_applied_once() {
    let mut rig = rig();
    rig.command("c1", Mode::Degraded, 15_000);
    rig.command("c1", Mode::Degraded, 15_000);
    rig.job(false);
    let first = rig.ack();
    assert_eq!(rig.agent.next_ack(), None);
    rig.command("c2", Mode::Normal, 15_000);
    rig.job(false);
    rig.ack();
    rig.command("c1", Mode::Degraded, 15_000);
    assert_eq!(rig.ack(), first);
    rig.job(false);
    assert_eq!(rig.mode().0, Mode::Normal);
    assert_eq!((rig.agent.counts().accepted, rig.agent.counts().duplicate), (2, 2));
}

#[test]
fn a_renewal_is_unchanged_and_prolongs_the_lease() {
    let mut rig = rig();
    rig.command("c1", Mode::Degraded, 1_000);
    rig.window(false);
    assert_eq!(rig.ack().result, Outcome::Applied);
    rig.command("c2", Mode::Degraded, 1_000);
    assert_eq!(rig.ack().result, Outcome::Unchanged);
    (0..4).for_each(|_| drop(rig.window(false)));
    assert_eq!(rig.mode().1, ModeSource::Gateway);
    (0..2).for_each(|_| drop(rig.window(false)));
    assert_eq!(rig.mode(), (Mode::Degraded, ModeSource::Local));
}

#[test]
fn a_command_overtaken_before_the_release_is_superseded() {
    let mut rig = rig();
    rig.command("c1", Mode::Degraded, 15_000);
    rig.command("c2", Mode::Normal, 15_000);
    rig.job(false);
    let (first, second) = (rig.ack(), rig.ack());
    assert_eq!((first.id.as_str(), first.result), ("c1", Outcome::Unchanged));
    assert!(first.reason.as_str().contains("superseded"));
    assert_eq!((second.id.as_str(), second.result), ("c2", Outcome::Applied));
    assert_eq!(rig.mode(), (Mode::Normal, ModeSource::Gateway));
}

#[test]
fn an_answer_tells_what_was_when_it_took_effect_whatever_came_since() {
    let mut rig = rig();
    rig.command("c1", Mode::Degraded, 15_000);
    let record = rig.run_job(false);
    rig.command("c2", Mode::Normal, 15_000);
    rig.agent.job(&record, &rig.context());
    let ack = rig.ack();
    assert_eq!((ack.id.as_str(), ack.result, ack.mode), ("c1", Outcome::Applied, Mode::Degraded));
    rig.job(false);
    let ack = rig.ack();
    assert_eq!((ack.id.as_str(), ack.result, ack.mode), ("c2", Outcome::Applied, Mode::Normal));
}

#[test]
fn many_commands_between_two_releases_cost_bounded_memory_and_each_is_answered() {
    let mut rig = rig();
    for number in 0..1_000 {
        rig.command(&format!("c{number}"), if number % 2 == 0 { Mode::Degraded } else { Mode::Normal }, 15_000);
        rig.command(&format!("c{number}"), Mode::Degraded, 15_000);
        assert!(rig.agent.pending.len() <= COMMANDS_UNDER_WAY);
    }
    assert_eq!((rig.agent.counts().accepted, rig.agent.counts().duplicate), (1_000, 1_000));
    rig.job(false);
    assert_eq!(rig.mode(), (Mode::Normal, ModeSource::Gateway));
    let last = std::iter::from_fn(|| {
        let ack = rig.agent.next_ack().cloned();
        rig.agent.ack_sent(0);
        assert!(!rig.agent.acknowledged(0));
        ack
    })
    .last()
    .unwrap();
    assert_eq!((last.id.as_str(), last.result), ("c999", Outcome::Applied));
}

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
fn a_release_that_changes_the_mode_is_acknowledged_when_it_has_taken_effect() {
    let mut rig = Rig::new(Autonomy::Normal);
    rig.command("c1", Mode::Degraded, 15_000);
    rig.job(false);
    rig.ack();
    rig.command("c2", Mode::Degraded, 0);
    assert_eq!(rig.agent.next_ack(), None);
    rig.job(false);
    let ack = rig.ack();
    assert_eq!((ack.result, ack.mode, ack.mode_source), (Outcome::Applied, Mode::Normal, ModeSource::Default));
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
fn an_answer_goes_out_when_the_store_has_it_and_not_before() {
    let mut rig = rig();
    rig.agent.spool().ledger().begin();
    rig.agent.spool().set_journalled(Journalled::UpTo(0));
    rig.command("c1", Mode::Degraded, 15_000);
    let taken = rig.agent.take_changes().last().expect("the command is to be kept").serial;
    rig.agent.spool().set_journalled(Journalled::UpTo(taken));
    rig.job(false);
    assert!(rig.agent.next_ack().is_none() && rig.agent.waits_for_store());
    let answered = rig.agent.take_changes().last().expect("the answer is to be kept").serial;
    rig.agent.spool().set_journalled(Journalled::UpTo(answered - 1));
    assert!(rig.agent.next_ack().is_none() && rig.agent.waits_for_store());
    rig.agent.spool().set_journalled(Journalled::UpTo(answered));
    assert!(!rig.agent.waits_for_store());
    assert_eq!(rig.ack().result, Outcome::Applied);
}

#[test]
fn an_answer_does_not_wait_for_a_store_in_trouble() {
    let mut rig = rig();
    rig.agent.spool().ledger().begin();
    rig.agent.spool().set_journalled(Journalled::UpTo(0));
    rig.command("c1", Mode::Normal, 15_000);
    assert_eq!(rig.agent.next_ack(), None);
    rig.agent.spool().set_journalled(Journalled::NotWaitedFor);
    assert_eq!(rig.ack().result, Outcome::Unchanged);
}

#[test]
fn a_refused_command_changes_nothing_and_is_answered_if_it_can_be() {
    let mut rig = rig();
    rig.agent.refuse(Refused::Malformed, None, "no JSON");
    assert_eq!(rig.agent.next_ack(), None);
    let id: CommandId = "c9".parse().unwrap();
    rig.agent.refuse(Refused::Version, Some(id), "unknown version 2: known is 1");
    let ack = rig.ack();
    assert_eq!((ack.result, ack.reason.as_str()), (Outcome::Rejected, "unknown version 2: known is 1"));
    assert_eq!((rig.agent.counts().malformed, rig.agent.counts().version), (1, 1));
    assert_eq!(rig.agent.take_order(), None);
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
