//! Commands and their answers.

use shared_proto::ids::BootId;
use shared_proto::mode::Mode;
use shared_proto::units::Ratio;
use shared_proto::wire::{Outcome, ReportRef};

use super::fixture::{ack, command, report};
use super::*;

fn injected(at_ms: f64, number: u64, mode: Mode) -> Line {
    let (device, id) = ("pi-1".parse().unwrap(), format!("c-{number}").parse().unwrap());
    Line::Injected(Injected { at_ms, device, id, mode })
}

fn report_of(at_ms: f64, seq: u64, miss_rate: f64, mode: Mode) -> Line {
    let mut line = report(at_ms, seq, 5);
    if let Line::Report(heard) = &mut line {
        heard.message.miss_rate = Ratio::try_from(miss_rate).unwrap();
        heard.message.mode = mode;
    }
    line
}

fn caused(at_ms: f64, number: u64, seq: u64) -> Line {
    let mut line = command(at_ms, number);
    if let Line::Command(command) = &mut line {
        command.message.cause = Some(ReportRef { boot: BootId(7), seq });
    }
    line
}

fn answered(at_ms: f64, number: u64, result: Outcome) -> Line {
    let mut line = ack(at_ms, number);
    if let Line::Ack(heard) = &mut line {
        heard.message.result = result;
        heard.message.reaction_us = Some(9_000.0);
    }
    line
}

#[test]
fn an_injected_change_is_paired_with_its_first_answer() {
    let lines = [
        injected(100.0, 1, Mode::Degraded),
        command(100.5, 1),
        // Somebody else's.
        ack(101.0, 99),
        ack(102.0, 1),
        ack(109.0, 1),
        injected(2000.0, 2, Mode::Normal),
    ];
    let list = reactions(&lines, 0.05);
    assert_eq!(list.len(), 2);
    let [first, second] = &list[..] else { panic!() };
    assert_eq!((first.kind, first.mode, first.at_ms), (ReactionKind::Injected, Mode::Degraded, 100.0));
    assert_eq!((first.sent_to_broker_ms, first.sent_to_ack_ms), (Some(0.5), Some(2.0)));
    assert_eq!((first.job, first.receipt_to_effect_us), (Some(1), Some(412.123)));
    assert!(first.is_applied());
    assert_eq!((second.outcome, second.sent_to_ack_ms), (None, None), "it is counted, not dropped");
}

#[test]
fn a_crossing_is_paired_through_the_report_that_its_command_names() {
    let lines = [
        report_of(0.0, 1, 0.01, Mode::Normal),
        report_of(200.0, 2, 0.2, Mode::Normal),
        report_of(400.0, 3, 0.2, Mode::Normal),
        caused(401.0, 1, 3),
        // Not answered, asked again.
        caused(901.0, 2, 3),
        answered(903.0, 2, Outcome::Applied),
        report_of(1000.0, 4, 0.2, Mode::Degraded),
        // A renewal is no crossing.
        caused(5000.0, 3, 4),
        answered(5001.0, 3, Outcome::Unchanged),
    ];
    let list = reactions(&lines, 0.05);
    let [crossing] = &list[..] else { panic!("{list:?}") };
    assert_eq!((crossing.kind, crossing.id.as_str()), (ReactionKind::Crossing, "c-1"));
    assert_eq!((crossing.report_to_command_ms, crossing.streak_to_command_ms), (Some(1.0), Some(201.0)));
    assert_eq!((crossing.sent_to_ack_ms, crossing.reaction_us), (Some(502.0), Some(9_000.0)));
}

#[test]
fn what_is_below_the_threshold_refused_or_of_another_run_is_told_apart() {
    let below = [report_of(0.0, 1, 0.05, Mode::Normal), caused(1.0, 1, 1), answered(2.0, 1, Outcome::Applied)];
    assert_eq!(reactions(&below, 0.05), []);
    let other_run = [report_of(0.0, 1, 0.2, Mode::Normal), caused(1.0, 1, 2), answered(2.0, 1, Outcome::Applied)];
    assert_eq!(reactions(&other_run, 0.05), []);
    let refused = [report_of(0.0, 1, 0.2, Mode::Normal), caused(1.0, 1, 1), answered(2.0, 1, Outcome::Rejected)];
    let list = reactions(&refused, 0.05);
    assert_eq!(list[0].outcome, Some(Outcome::Rejected));
    assert!(!list[0].is_applied());
    // The next try is another one.
    let again = [caused(3.0, 2, 1), answered(4.0, 2, Outcome::Applied)];
    let mut all = Reactions::new(0.05);
    refused.iter().chain(&again).for_each(|line| all.take(line));
    assert_eq!((all.list().len(), all.unanswered()), (2, 0));
}

#[test]
fn a_later_row_of_reports_is_another_crossing() {
    let lines = [
        report_of(0.0, 1, 0.2, Mode::Normal),
        caused(1.0, 1, 1),
        report_of(200.0, 2, 0.2, Mode::Normal),
        caused(201.0, 2, 2),
        report_of(400.0, 3, 0.0, Mode::Normal),
        report_of(600.0, 4, 0.2, Mode::Normal),
        caused(601.0, 3, 4),
        answered(610.0, 3, Outcome::Applied),
    ];
    let told: Vec<_> = reactions(&lines, 0.05).into_iter().map(|one| (one.at_ms, one.sent_to_ack_ms)).collect();
    assert_eq!(told, [(1.0, None), (601.0, Some(9.0))]);
}

#[test]
fn giving_back_again_is_the_same_reaction_until_there_is_an_answer() {
    let lines = [
        injected(0.0, 1, Mode::Degraded),
        answered(5.0, 1, Outcome::Applied),
        injected(10.0, 2, Mode::Normal),
        injected(1010.0, 3, Mode::Normal),
        answered(1020.0, 3, Outcome::Expired),
        injected(2010.0, 4, Mode::Normal),
        answered(2020.0, 4, Outcome::Applied),
    ];
    let told: Vec<_> = reactions(&lines, 0.05).into_iter().map(|one| (one.at_ms, one.sent_to_ack_ms)).collect();
    assert_eq!(told, [(0.0, Some(5.0)), (10.0, Some(1010.0)), (2010.0, Some(10.0))]);
}
