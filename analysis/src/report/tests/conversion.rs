//! From messages to runs: nothing is lost, nothing counts twice.

use shared_proto::wire::{Outcome, Report as Message};

use super::made::Made;
use crate::Metric;
use crate::experiment::{Heard, Line};
use crate::report::gather::Gathering;
use crate::report::over_time::{stretch_s, stretches};
use crate::report::recorded::{Happened, Recorded};

fn gathered(made: &Made, lines: &[Line]) -> Recorded {
    let mut gathering = Gathering::new(&made.begin());
    lines.iter().for_each(|line| gathering.take(line));
    gathering.finish(made.begin(), made.seconds as f64 * 1000.0)
}

const LEFT_OUT: &str = "1 reports of before the beginning, or of an unknown time, were left out";

fn reports(lines: &[Line]) -> Vec<&Message> {
    lines.iter().filter_map(|line| if let Line::Report(heard) = line { Some(&*heard.message) } else { None }).collect()
}

#[test]
fn the_run_is_the_sum_of_its_windows() {
    let made = Made { seconds: 10, devices: 3, ..Made::default() };
    let lines = made.lines();
    let (recorded, messages) = (gathered(&made, &lines), reports(&lines));
    let sum = |figure: fn(&Message) -> u64| messages.iter().map(|report| figure(report)).sum::<u64>();
    let run = &recorded.run;
    assert_eq!((run.releases, run.misses, run.skipped), (sum(|r| r.jobs), sum(|r| r.misses), sum(|r| r.skipped)));
    assert_eq!(run.run, run.wakeup_us.count());
    assert_eq!(run.wakeup_us.count(), sum(|r| r.wakeup_us.count()));
    let most = messages.iter().filter_map(|report| report.wakeup_us.max_ns()).max().unwrap();
    assert_eq!(run.wakeup_us.max_us(), Some(most as f64 / 1000.0));
    // By device, by second and by stretch it is the same sum.
    assert_eq!(recorded.devices.len(), 3);
    assert_eq!(recorded.devices.values().map(|device| device.run.misses).sum::<u64>(), run.misses);
    assert_eq!(recorded.seconds.values().map(|second| second.misses).sum::<u64>(), run.misses);
    assert_eq!(recorded.seconds.values().map(|second| second.jobs).sum::<u64>(), run.releases);
    let length_s = stretch_s(&[&recorded]);
    let most_of_all =
        stretches(&recorded, length_s).iter().map(|one| one.max_us).filter(|us| us.is_finite()).fold(0.0, f64::max);
    assert_eq!(Some(most_of_all), run.wakeup_us.max_us());
    assert_eq!(run.settings.refused[0].setting, "governor=performance");
    assert_eq!(run.task.period_us, 5000.0);
}

#[test]
fn the_gateway_and_the_reactions_in_one_figure_each() {
    let made = Made { seconds: 12, ..Made::default() };
    let recorded = gathered(&made, &made.lines());
    let figures = recorded.run.gateway.unwrap();
    assert!((0.05..0.07).contains(&figures.cpu.unwrap()));
    assert!((400_000.0..409_000.0).contains(&figures.memory_kb.unwrap()));
    let times = recorded.injected_ms();
    assert_eq!(times.len(), 2, "the third is sent after the end");
    assert_eq!(figures.reaction_ms, crate::stats::median(&times));
}

#[test]
fn commands_that_came_too_late_or_were_lost_count_as_longer_than_any() {
    let made = Made { seconds: 22, ..Made::default() };
    let reaction = |outcomes: [Option<Outcome>; 5]| {
        let mut lines = made.lines();
        let mut outcomes = outcomes.into_iter();
        lines.retain_mut(|line| match line {
            Line::Ack(heard) => match outcomes.next().flatten() {
                Some(outcome) => {
                    heard.message.result = outcome;
                    true
                }
                None => false,
            },
            _ => true,
        });
        gathered(&made, &lines)
    };
    let (applied, expired) = (Some(Outcome::Applied), Some(Outcome::Expired));
    let good = reaction([applied; 5]).injected_ms();
    let greatest = good.iter().copied().fold(0.0, f64::max);
    let two_lost = reaction([applied, expired, None, applied, applied]);
    assert_eq!(two_lost.injected_ms().len(), 5);
    let median = two_lost.run.gateway.unwrap().reaction_ms.unwrap();
    assert!(median <= greatest && median == [good[0], good[3], good[4]].into_iter().fold(0.0, f64::max), "{median}");
    let most_lost = reaction([applied, expired, None, None, applied]);
    let why = Metric::ReactionMs.of(&most_lost.run).unwrap_err();
    assert_eq!(why, "half of the commands had no effect in time");
    let refused = reaction([applied, Some(Outcome::Rejected), Some(Outcome::Unchanged), applied, applied]);
    assert_eq!(refused.injected_ms(), [good[0], good[3], good[4]]);
}

#[test]
fn what_comes_twice_counts_once_and_what_is_missing_is_told() {
    let made = Made { seconds: 4, devices: 1, ..Made::default() };
    let lines = made.lines();
    let whole = gathered(&made, &lines);
    let twice: Vec<Line> = lines.iter().flat_map(|line| [line.clone(), line.clone()]).collect();
    let doubled = gathered(&made, &twice);
    assert_eq!((doubled.run.releases, doubled.run.misses), (whole.run.releases, whole.run.misses));
    assert!(doubled.notes.iter().any(|note| note == "8 reports came twice and count once"), "{:?}", doubled.notes);
    let third = lines.iter().position(|line| matches!(line, Line::Report(heard) if heard.message.seq == 3)).unwrap();
    let mut gap = lines.clone();
    gap.remove(third);
    let gap = gathered(&made, &gap);
    assert!(gap.notes.iter().any(|note| note == "1 windows of the devices never came"), "{:?}", gap.notes);
    assert_eq!(gap.devices["pi-00"].missing, 1);
}

#[test]
fn a_report_that_was_kept_is_put_where_it_belongs() {
    let made = Made { seconds: 8, devices: 1, ..Made::default() };
    let mut lines = made.lines();
    // Window 6 closed after 3 s and arrives at the end.
    let late = lines.iter().position(|line| matches!(line, Line::Report(heard) if heard.message.seq == 6)).unwrap();
    let Line::Report(heard) = lines.remove(late) else { panic!() };
    let jobs = heard.message.jobs;
    lines.push(Line::Report(Heard { at_ms: 7_990.0, ..heard }));
    let recorded = gathered(&made, &lines);
    assert_eq!(recorded.seconds[&3].jobs, 2 * jobs);
    assert_eq!(recorded.devices["pi-00"].missing, 0);
}

#[test]
fn a_device_that_goes_and_comes_is_away_meanwhile() {
    let made = Made { seconds: 20, devices: 2, ..Made::default() };
    let recorded = gathered(&made, &made.lines());
    let happened: Vec<(Happened, &str)> =
        recorded.events.iter().map(|event| (event.what, event.device.as_str())).collect();
    assert_eq!(happened, [(Happened::Away, "pi-00"), (Happened::Back, "pi-00")]);
    assert!((recorded.devices["pi-00"].away_ms - 1800.0).abs() < 1.0);
    assert_eq!(recorded.devices["pi-01"].away_ms, 0.0);
}

#[test]
fn a_restart_is_told_by_the_status_and_old_reports_make_none() {
    let made = Made { seconds: 6, devices: 1, ..Made::default() };
    let mut lines = made.lines();
    let Some(Line::Status(first)) = lines.first().cloned() else { panic!() };
    let mut again = first.clone();
    again.at_ms = 4_000.0;
    again.message.boot = shared_proto::ids::BootId(99);
    lines.push(Line::Status(again));
    // What the earlier run of the agent had kept comes after it: of before the recording, and of within it.
    for (seq, up_ms) in [(900, 4_000), (901, 12_200)] {
        let Some(Line::Report(heard)) = lines.iter().find(|line| matches!(line, Line::Report(_))).cloned() else {
            panic!()
        };
        let mut heard = heard.clone();
        heard.at_ms = 5_900.0;
        heard.message.seq = seq;
        heard.message.up_ms = up_ms;
        lines.push(Line::Report(heard));
    }
    let mut gone = first;
    gone.message.device = "gone".parse().unwrap();
    gone.message.online = false;
    lines.push(Line::Status(gone));
    let jobs = |recorded: &Recorded| recorded.seconds.get(&3).map(|second| second.jobs);
    let (before, after) = (gathered(&made, &made.lines()), gathered(&made, &lines));
    assert_eq!(after.devices.keys().collect::<Vec<_>>(), ["pi-00"]);
    assert_eq!(after.devices["pi-00"].restarts, 1);
    let happened: Vec<Happened> = after.events.iter().map(|event| event.what).collect();
    assert_eq!(happened, [Happened::Restart]);
    assert_eq!(jobs(&after), jobs(&before).map(|jobs| jobs + 100));
    assert!(after.notes.iter().any(|note| note == LEFT_OUT), "{:?}", after.notes);
}

/// All lines of a run of 8 s, and its reports apart.
fn apart(made: &Made) -> (Vec<Line>, Vec<Heard<Box<Message>>>) {
    let (reports, others): (Vec<Line>, Vec<Line>) =
        made.lines().into_iter().partition(|line| matches!(line, Line::Report(_)));
    let heard = |line| if let Line::Report(heard) = line { heard } else { panic!() };
    (others, reports.into_iter().map(heard).collect())
}

#[test]
fn what_was_kept_before_the_run_is_left_out_by_the_time_of_the_status() {
    let made = Made { seconds: 8, devices: 1, ..Made::default() };
    let (mut lines, reports) = apart(&made);
    // The device comes back at 5 s (its clock: 14 s) and sends first what closed before the run, then what closed in it.
    let Some(Line::Status(status)) = lines.first_mut() else { panic!() };
    (status.at_ms, status.message.up_ms) = (5_000.0, Some(14_000));
    for (seq, up_ms) in [(1, 8_000), (2, 12_000)] {
        let mut heard = reports[0].clone();
        (heard.at_ms, heard.message.seq, heard.message.up_ms) = (5_010.0, seq, up_ms);
        lines.push(Line::Report(heard));
    }
    // Three windows in one, of which the first began before the run.
    let mut merged = reports[0].clone();
    (merged.at_ms, merged.message.seq, merged.message.up_ms) = (5_020.0, 8, 10_000);
    (merged.message.merged, merged.message.span_ms) = (3, 1_500);
    let recorded = gathered(&made, &lines);
    assert_eq!(recorded.seconds.keys().copied().collect::<Vec<_>>(), [3]);
    assert!(recorded.notes.iter().any(|note| note == LEFT_OUT), "{:?}", recorded.notes);
    lines.push(Line::Report(merged));
    let with_merged = gathered(&made, &lines);
    assert_eq!(with_merged.run.releases, recorded.run.releases);
}

#[test]
fn an_earlier_run_of_the_agent_needs_a_clock_to_count() {
    let made = Made { seconds: 8, devices: 1, ..Made::default() };
    let (mut lines, reports) = apart(&made);
    for (seq, clock_synced) in [(900, false), (901, true)] {
        let mut heard = reports[0].clone();
        heard.at_ms = 6_000.0;
        heard.message.boot = shared_proto::ids::BootId(99);
        (heard.message.seq, heard.message.clock_synced) = (seq, clock_synced);
        heard.message.t_ms = made.begin().started_unix_ms + 2_500;
        lines.push(Line::Report(heard));
    }
    let recorded = gathered(&made, &lines);
    assert_eq!(recorded.seconds.keys().copied().collect::<Vec<_>>(), [2]);
    assert!(recorded.notes.iter().any(|note| note == LEFT_OUT), "{:?}", recorded.notes);
}

#[test]
fn a_report_with_the_greatest_number_is_counted() {
    let made = Made { seconds: 2, devices: 1, ..Made::default() };
    let mut lines = made.lines();
    for line in &mut lines {
        if let Line::Report(heard) = line
            && heard.message.seq == 4
        {
            heard.message.seq = u64::MAX;
        }
    }
    assert_eq!(gathered(&made, &lines).devices["pi-00"].missing, u64::MAX - 5);
}
