//! What becomes of commands, and how each is answered.

use super::*;

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
