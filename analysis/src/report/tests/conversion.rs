//! From messages to runs: nothing is lost, nothing counts twice.

use shared_proto::wire::Report as Message;

use super::made::Made;
use crate::experiment::{Heard, Line, ReactionKind};
use crate::report::gather::Gathering;
use crate::report::over_time::{stretch_s, stretches};
use crate::report::recorded::{Happened, Recorded};

fn gathered(made: &Made, lines: &[Line]) -> Recorded {
    let mut gathering = Gathering::new(&made.begin());
    lines.iter().for_each(|line| gathering.take(line));
    gathering.finish(made.begin(), made.seconds as f64 * 1000.0)
}

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
    let times = recorded.applied_ms(ReactionKind::Injected);
    assert_eq!(times.len(), 3);
    assert_eq!(figures.reaction_ms, crate::stats::median(&times));
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
    for (seq, after_ms) in [(900, -5_000i64), (901, 3_200)] {
        let Some(Line::Report(heard)) = lines.iter().find(|line| matches!(line, Line::Report(_))).cloned() else {
            panic!()
        };
        let mut heard = heard.clone();
        heard.at_ms = 5_900.0;
        heard.message.seq = seq;
        heard.message.t_ms = made.begin().started_unix_ms.saturating_add_signed(after_ms);
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
    assert!(
        after.notes.iter().any(|note| note == "1 reports of before the beginning were left out"),
        "{:?}",
        after.notes
    );
}
