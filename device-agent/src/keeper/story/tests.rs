//! What may happen to runs, in any order.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;
use crate::store::{Trouble, Urgency};

#[derive(Debug, Clone)]
enum Step {
    Job(bool),
    Close,
    Command(bool),
    Up,
    Down,
    /// Whether it arrives before the connection is lost.
    Send(bool),
    Ack,
    WorkVolatile(usize),
    WorkDurable(usize),
    Wait(u64),
    End(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => any::<bool>().prop_map(Step::Job),
        6 => Just(Step::Close),
        1 => any::<bool>().prop_map(Step::Command),
        1 => Just(Step::Up),
        1 => Just(Step::Down),
        6 => any::<bool>().prop_map(Step::Send),
        4 => Just(Step::Ack),
        12 => (1usize..5).prop_map(Step::WorkVolatile),
        3 => (1usize..3).prop_map(Step::WorkDurable),
        2 => (1u64..300).prop_map(Step::Wait),
        1 => any::<u64>().prop_map(Step::End),
    ];
    prop::collection::vec(step, 1..250)
}

/// Plays the steps. `crash` tells what ends a run.
fn play(world: &mut World, steps: Vec<Step>, crash: impl Fn(u64) -> Crash) {
    let mut run = world.start();
    let mut under_way: VecDeque<u64> = VecDeque::new();
    let (mut up, mut token, mut ids, mut waited_ms) = (false, 0, 0, 0);
    for step in steps {
        match step {
            Step::Job(missed) => run.job(missed),
            Step::Close => run.close(),
            Step::Command(normal) => {
                ids += 1;
                run.command(&format!("c{ids}"), if normal { Mode::Normal } else { Mode::Degraded });
            }
            Step::Up if !up => {
                up = true;
                run.agent.connection_made();
                run.step();
            }
            Step::Down => {
                up = false;
                under_way.clear();
                run.agent.connection_lost(|_| true);
                run.step();
            }
            Step::Send(arrives) if up && under_way.len() < 16 => {
                if let Some((report, lane)) = run.next() {
                    token += 1;
                    run.agent.spool().sent(lane, token);
                    if arrives {
                        world.receive(&report);
                        under_way.push_back(token);
                    }
                }
                run.step();
            }
            Step::Ack => {
                if let Some(token) = under_way.pop_front() {
                    assert!(run.agent.acknowledged(token));
                }
                run.step();
            }
            Step::WorkVolatile(jobs) => {
                run.work(Role::Volatile, jobs);
                run.step();
            }
            Step::WorkDurable(jobs) => {
                run.work(Role::Durable, jobs);
                run.step();
            }
            Step::Wait(ms) => {
                // The volatile place is quicker than that.
                run.work(Role::Volatile, usize::MAX);
                run.step();
                // Nor does the other one take longer than it is waited for.
                waited_ms += ms;
                if waited_ms > 1_000 {
                    waited_ms = 0;
                    run.work(Role::Durable, usize::MAX);
                    run.step();
                }
                run.now = run.now.plus_nanos(ms * MS);
                run.step();
            }
            Step::End(seed) => {
                if seed % 2 == 0 {
                    // All of it was written.
                    run.work(Role::Volatile, usize::MAX);
                    world.safe.insert(world.boot, run.total.jobs);
                } else {
                    // In the middle of a write.
                    world.volatile.set_trouble(Trouble::CrashAfter(seed / 2 % 4_000));
                    run.work(Role::Volatile, usize::MAX);
                    world.safe.insert(world.boot, 0);
                }
                up = false;
                under_way.clear();
                world.end(run, crash(seed));
                run = world.start();
            }
            Step::Up | Step::Send(_) => {}
        }
    }
    world.deliver_all(&mut run);
    run.close();
    world.safe.insert(world.boot, run.total.jobs);
    world.deliver_all(&mut run);
    world.given_up += run.agent.given_up();
}

proptest! {
    /// Killed again and again, with changes still on their way to the disk: each job counts once, none is invented.
    #[test]
    fn a_killed_agent_loses_no_job(steps in steps(), durable in any::<bool>()) {
        let mut world = World::new((true, durable), 200);
        play(&mut world, steps, |_| Crash::Process);
        world.check_exact();
    }

    /// The power fails again and again: something is lost, but what comes is right, and no name has two contents.
    #[test]
    fn a_power_cut_invents_nothing(steps in steps(), volatile in any::<bool>(), capacity in 2usize..20) {
        let mut world = World::new((volatile, true), capacity);
        play(&mut world, steps, |seed| Crash::PowerCut { seed });
        world.check_consistent();
    }

    /// Killed, and the power fails.
    #[test]
    fn kills_and_power_cuts_invent_nothing(steps in steps(), capacity in 2usize..20) {
        let mut world = World::new((true, true), capacity);
        play(&mut world, steps, |seed| if seed % 3 == 0 { Crash::PowerCut { seed } } else { Crash::Process });
        world.check_consistent();
    }
}

#[test]
fn old_reports_are_held_until_the_disk_knows_that_they_may_be_sent() {
    let mut world = World::new((false, true), 64);
    let mut run = world.start();
    run.close();
    run.now = run.now.plus_nanos(301 * MS);
    run.step();
    run.now = run.now.plus_nanos(301 * MS);
    // It is on its way to the disk now.
    run.step();
    run.agent.connection_made();
    run.step();
    assert!(run.next().is_none(), "the report may be there, and does not say that it was sent");
    let durable = |run: &mut Run| run.work(Role::Durable, usize::MAX);
    durable(&mut run);
    run.step();
    assert!(run.next().is_none(), "the word is on its way");
    durable(&mut run);
    run.step();
    assert!(run.next().is_some());
    // A disk that hangs is not waited for.
    run.agent.connection_lost(|_| true);
    run.agent.connection_made();
    run.step();
    assert!(run.next().is_none());
    run.now = run.now.plus_nanos(2_001 * MS);
    run.step();
    assert!(run.next().is_some());
}

#[test]
fn a_repeated_command_gets_the_answer_of_an_earlier_run_or_is_called_a_duplicate() {
    let mut world = World::new((true, false), 64);
    let mut run = world.start();
    run.command("c1", Mode::Degraded);
    run.job(false);
    assert_eq!(run.agent.next_ack(), None, "not in the store yet");
    let first = run.answer().expect("an answer");
    run.agent.ack_sent(1);
    run.command("c2", Mode::Normal);
    run.settle();
    world.end(run, Crash::Process);

    let mut run = world.start();
    run.command("c1", Mode::Degraded);
    assert_eq!(run.answer().as_ref(), Some(&first), "the very same");
    run.agent.ack_sent(2);
    run.command("c2", Mode::Normal);
    let second = run.answer().expect("an answer");
    assert_eq!((second.id.as_str(), second.result), ("c2", Outcome::Duplicate));
    assert_eq!((run.agent.take_order(), run.agent.counts().duplicate), (None, 2));
    run.settle();
    world.end(run, Crash::Process);

    let mut run = world.start();
    run.command("c2", Mode::Normal);
    assert_eq!(run.answer(), Some(second), "however often");
}

#[test]
fn after_a_power_cut_a_command_that_changed_the_mode_is_still_known_and_so_are_values() {
    let mut world = World::new((true, true), 64);
    let mut run = world.start();
    run.agent.keep_value("replay-guard", "17".to_owned(), Urgency::Soon);
    run.command("c1", Mode::Degraded);
    run.job(false);
    assert_eq!(run.agent.next_ack(), None, "not in the store yet");
    let first = run.answer().expect("an answer");
    run.settle();
    world.end(run, Crash::PowerCut { seed: 1 });
    let mut run = world.start();
    assert_eq!(run.agent.kept_value("replay-guard"), Some("17"));
    run.command("c1", Mode::Degraded);
    assert_eq!(run.answer(), Some(first));
}

#[test]
fn a_disk_in_trouble_keeps_nothing_back_and_has_everything_again_afterwards() {
    for trouble in [Trouble::FullAfter(0), Trouble::ReadOnly, Trouble::SyncFails] {
        let mut world = World::new((true, true), 64);
        let mut run = world.start();
        run.settle();
        world.durable.set_trouble(trouble);
        world.volatile.set_trouble(trouble);
        for _ in 0..10 {
            run.job(true);
            run.close();
            run.settle();
        }
        let status = run.keeper.status();
        let failing =
            |place: &Option<PlaceStatus>| matches!(place.as_ref().map(|it| &it.health), Some(Health::Failing { .. }));
        assert!(failing(&status.durable), "{status:?}");
        // fsync is not asked of the volatile place.
        assert_eq!(failing(&status.volatile), trouble != Trouble::SyncFails, "{status:?}");
        assert_eq!(run.agent.waiting(), 10);
        run.agent.connection_made();
        run.step();
        assert!(run.next().is_some(), "it is sent all the same");
        run.agent.connection_lost(|_| true);

        world.durable.set_trouble(Trouble::None);
        world.volatile.set_trouble(Trouble::None);
        (0..20).for_each(|_| run.settle());
        let status = run.keeper.status();
        assert!(!failing(&status.durable) && !failing(&status.volatile), "{status:?}");
        world.end(run, Crash::PowerCut { seed: 3 });
        let mut run = world.start();
        assert_eq!(run.agent.waiting(), 10);
        world.deliver_all(&mut run);
        assert_eq!(world.received.len(), 10);
    }
}

#[test]
fn a_place_that_opens_late_is_taken_up_then() {
    let mut world = World::new((true, true), 64);
    let mut run = world.start();
    for _ in 0..5 {
        run.job(false);
        run.close();
    }
    run.settle();
    world.end(run, Crash::PowerCut { seed: 1 });

    let mut run = world.start_with(Opening::Late);
    run.job(false);
    run.close();
    run.command("c1", Mode::Degraded);
    assert_eq!(run.agent.waiting(), 1);
    run.settle();
    assert_eq!(run.agent.waiting(), 6, "those on the disk too");
    world.end(run, Crash::Process);
    let mut run = world.start();
    world.deliver_all(&mut run);
    let jobs = |boot| world.received.values().filter(|it| it.boot.0 == boot).map(|it| it.jobs).sum::<u64>();
    assert_eq!((jobs(1), jobs(2)), (5, 1));
    run.command("c1", Mode::Degraded);
    assert_eq!(run.answer().map(|ack| ack.result), Some(Outcome::Duplicate));
}
