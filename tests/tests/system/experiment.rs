//! A fleet and its gateway are recorded, whatever becomes of the recorder.

use analysis::experiment::{End, Ending, Line, Note, ReactionKind, reactions};
use shared_host::json;
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::wire::{Outcome, Report};

use crate::harness::{Agent, Controller, DEVICE, Probe, Recorder, Site, controller, run};

const REPORT: &str = "edge/device1/report";

fn reports(lines: &[Line]) -> Vec<&Report> {
    let reports =
        lines.iter().filter_map(|line| if let Line::Report(heard) = line { Some(&*heard.message) } else { None });
    reports.collect()
}

/// None between the first and the last is missing, or there twice.
fn assert_gapless(reports: &[&Report]) {
    for pair in reports.windows(2) {
        assert_eq!(pair[1].seq, pair[0].seq + u64::from(pair[1].merged), "{:?}", pair[1]);
    }
}

fn count(lines: &[Line], fits: impl Fn(&Line) -> bool) -> usize {
    lines.iter().filter(|line| fits(line)).count()
}

#[test]
fn every_report_is_recorded_and_every_injected_change_has_its_answer() {
    let site = Site::mosquitto();
    let mut probe = Probe::connect(&site.broker.url());
    let mut agent = Agent::start(&site, DEVICE, &[]);
    let _gateway = Controller::start(&site, "controller", &[]);
    probe.report(DEVICE, "led by the gateway", |report| report.mode_source == ModeSource::Gateway);

    let args = ["--duration", "6s", "--inject-every", "2s", "--sample-every", "200ms", "--note", "a test"];
    let mut recorder = Recorder::start(&site, "plain", &args);
    let (code, said) = recorder.wait();
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("complete") && said.contains("0 windows missing") && said.contains("0 without answer"),
        "{said}"
    );
    let recorded = recorder.read();
    assert_eq!(recorded.notes, []);
    let begin = &recorded.begin;
    assert_eq!((begin.label.as_str(), begin.run, begin.setup.note.as_str()), ("plain", 1, "a test"));
    assert!(!begin.machine.kernel.is_empty());

    // Word for word what another client heard.
    let lines = &recorded.lines;
    let kept = reports(lines);
    assert_gapless(&kept);
    let (first, last) = (kept[0], kept[kept.len() - 1]);
    assert!(last.up_ms - first.up_ms > 5_000, "{} to {}", first.up_ms, last.up_ms);
    probe.report(DEVICE, "all that was recorded", |report| report.seq >= last.seq);
    let heard = probe.heard(REPORT).map(|message| json::decode_report(&message.payload).unwrap());
    let heard: Vec<_> = heard.filter(|report| (first.seq..=last.seq).contains(&report.seq)).collect();
    assert_eq!(kept, heard.iter().collect::<Vec<_>>());
    assert!(matches!(lines.last(), Some(Line::End(End { reason: Ending::Complete, .. }))));

    // Two changes there and back; in between the controller asks for its own mode again, which is there as well.
    let paired = reactions(lines, begin.setup.degrade_above);
    let injected: Vec<_> = paired.iter().filter(|reaction| reaction.kind == ReactionKind::Injected).collect();
    let modes: Vec<_> = injected.iter().map(|reaction| reaction.mode).collect();
    assert_eq!(modes, [Mode::Degraded, Mode::Normal, Mode::Degraded, Mode::Normal]);
    for reaction in &injected {
        assert!(matches!(reaction.outcome, Some(Outcome::Applied | Outcome::Unchanged)), "{reaction:?}");
        assert!(reaction.sent_to_broker_ms <= reaction.sent_to_ack_ms, "{reaction:?}");
        if reaction.mode == Mode::Degraded {
            assert!(reaction.is_applied() && reaction.job.is_some(), "{reaction:?}");
            assert!(reaction.receipt_to_effect_us.is_some_and(|us| us > 0.0), "{reaction:?}");
        }
    }
    let commands = count(lines, |line| matches!(line, Line::Command(_)));
    assert!(commands > injected.len(), "the controller's own commands are recorded");
    assert!(count(lines, |line| matches!(line, Line::Status(_))) >= 1, "the retained status");

    let looks: Vec<_> =
        lines.iter().filter_map(|line| if let Line::Gateway(gateway) = line { Some(gateway) } else { None }).collect();
    assert!(looks.len() >= 20, "{}", looks.len());
    let group = |name: &str| looks[looks.len() - 1].groups.iter().find(|group| group.name == name);
    assert!(group("mosquitto").is_some_and(|group| group.processes >= 1 && group.memory_kb > 0), "{looks:?}");
    assert_eq!(group("recorder").map(|group| group.processes), Some(1));
    agent.status_where("NORMAL again", |status| status.mode == Mode::Normal);
}

#[test]
fn a_killed_recorder_leaves_a_file_that_can_be_read() {
    let site = Site::mosquitto();
    let _agent = Agent::start(&site, DEVICE, &[]);
    let mut recorder = Recorder::start(&site, "killed", &["--no-inject", "--duration", "1h"]);
    recorder.wait_for("reports on the disk", |lines| reports(lines).len() >= 10);
    recorder.kill();
    let recorded = recorder.read();
    assert_gapless(&reports(&recorded.lines));
    assert_eq!(count(&recorded.lines, |line| matches!(line, Line::Injected(_) | Line::End(_))), 0);
    assert!(matches!(recorded.notes[..], [Note::CutShort { after_ms }] if after_ms > 0.0), "{:?}", recorded.notes);
}

#[test]
fn a_broker_that_goes_and_a_user_who_stops_it_end_nothing_badly() {
    let mut site = Site::mosquitto();
    let mut agent = Agent::start(&site, DEVICE, &[]);
    let mut recorder = Recorder::start(&site, "stopped", &["--inject-every", "1s", "--duration", "1h"]);
    recorder.wait_for("reports on the disk", |lines| !reports(lines).is_empty());
    site.broker.kill();
    site.broker.restart().unwrap();
    let is_up = |line: &Line| matches!(line, Line::Up(_));
    let goes_on = |lines: &[Line]| {
        let (mut ups, mut after) = (0, 0);
        for line in lines {
            ups += usize::from(is_up(line));
            after += usize::from(ups == 2 && matches!(line, Line::Injected(_)));
        }
        after >= 1
    };
    recorder.wait_for("a change after the broker's return", goes_on);
    assert_eq!(recorder.terminate(), Some(0));
    let recorded = recorder.read();
    assert_eq!(recorded.notes, []);
    let lines = &recorded.lines;
    assert!(matches!(lines.last(), Some(Line::End(End { reason: Ending::Interrupted, .. }))));
    assert!(count(lines, |line| matches!(line, Line::Down(_))) >= 1);
    // What was taken is given back, even in the middle of a change.
    let injected =
        lines.iter().rev().find_map(|line| if let Line::Injected(last) = line { Some(last.mode) } else { None });
    assert_eq!(injected, Some(Mode::Normal));
    agent.status_where("NORMAL again", |status| status.mode == Mode::Normal);
}

#[test]
fn what_cannot_be_recorded_is_said() {
    let error = run(controller(["experiment", "--label", "a/b"])).failure(2);
    assert!(error.contains("--label") && error.contains("1 to 64"), "{error}");
    let error = run(controller(["experiment", "--label", "x", "--sample-every", "1ms"])).failure(2);
    assert!(error.contains("100ms to 1m"), "{error}");
    let site = Site::mosquitto();
    let mut recorder = Recorder::start(&site, "nobody", &["--duration", "1s"]);
    let (code, said) = recorder.wait();
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(reports(&recorder.read().lines).len(), 0);
}
