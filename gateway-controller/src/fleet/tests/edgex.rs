//! Devices behind EdgeX: readings judged once, one command at a time, answers of core-command.

use std::time::Duration;

use shared_proto::wire::ReportRef;

use super::*;
use crate::event::{CommandResult, Commanded};

const SILENT_AFTER_MS: u64 = 7_000;
const ORIGIN: i64 = 1_763_690_000_000_000_000;

/// A fleet that commands through EdgeX.
struct Edge {
    fleet: Fleet,
    now_ms: u64,
    /// Tells its mode, if there is one.
    mode: Option<Mode>,
    seq: u64,
}

impl Edge {
    fn new(mode: Option<Mode>) -> Self {
        let tie = Tie { carrier: Carrier::Edgex, silent_after_ms: SILENT_AFTER_MS };
        Self { fleet: Fleet::new(settings(), 7).tied(tie), now_ms: 10_000, mode, seq: 0 }
    }

    fn now(&self) -> Moment {
        Moment::from_millis(self.now_ms)
    }

    fn observed(&self, miss_rate: f64) -> EdgexObserved {
        EdgexObserved {
            miss_rate: Ratio::try_from(miss_rate).unwrap(),
            origin_ns: ORIGIN + i64::try_from(self.now_ms).unwrap() * 1_000_000,
            report: self.mode.map(|_| ReportRef { boot: BootId(1), seq: self.seq }),
            jobs: None,
            mode: self.mode,
            mode_source: None,
            cpu: None,
        }
    }

    fn take(&mut self, observed: &EdgexObserved) -> (EdgexTaken, Vec<Action>) {
        let mut out = Vec::new();
        let taken = self.fleet.edgex(self.now(), &device(), observed, &mut out).unwrap();
        (taken, out)
    }

    /// The next reading, so much later.
    fn reading(&mut self, later_ms: u64, miss_rate: f64) -> Vec<Action> {
        self.now_ms += later_ms;
        self.seq += 1;
        let (taken, out) = self.take(&self.observed(miss_rate));
        assert_eq!(taken, EdgexTaken::New);
        out
    }

    fn answer(
        &mut self,
        later_ms: u64,
        command: &EdgexCommand,
        result: CommandResult,
        status: Option<u16>,
    ) -> Vec<Action> {
        self.now_ms += later_ms;
        let took = Duration::from_millis(later_ms);
        let answer = EdgexAnswer { device: device(), command: command.id.clone(), result, status, took };
        let mut out = Vec::new();
        self.fleet.edgex_answer(self.now(), &answer, &mut out);
        out
    }

    fn wish(&mut self, wish: Option<Wish>) -> Vec<Action> {
        let mut out = Vec::new();
        self.fleet.wish(self.now(), &device(), wish, &mut out).unwrap();
        out
    }

    fn view(&self) -> DeviceView {
        self.fleet.view_of(&device(), self.now()).unwrap()
    }
}

fn device() -> DeviceId {
    "pi-1".parse().unwrap()
}

fn commands(out: &[Action]) -> Vec<EdgexCommand> {
    let command = |action: &Action| match action {
        Action::Send(Command { payload: Payload::Edgex(command), .. }) => Some(command.clone()),
        Action::Send(other) => panic!("{other:?}"),
        _ => None,
    };
    out.iter().filter_map(command).collect()
}

fn command(out: &[Action]) -> EdgexCommand {
    let [command] = &commands(out)[..] else { panic!("{out:?}") };
    command.clone()
}

fn commanded(out: &[Action]) -> Option<Commanded> {
    out.iter().find_map(|action| match action {
        Action::Tell(Event::Commanded(told)) => Some(told.clone()),
        _ => None,
    })
}

#[test]
fn a_miss_rate_above_the_threshold_is_commanded_once_and_confirmed_by_readings() {
    let mut edge = Edge::new(Some(Mode::Normal));
    assert_eq!(commands(&edge.reading(0, 0.0)), []);
    assert_eq!(edge.view().dialect, DialectView::Edgex);
    let out = edge.reading(1_000, 0.2);
    let degrade = command(&out);
    assert_eq!(degrade.mode, Mode::Degraded);
    let decision = out.iter().find_map(|action| match action {
        Action::Tell(Event::Decision(decision)) => Some(decision.clone()),
        _ => None,
    });
    let decision = decision.unwrap();
    assert_eq!(
        (decision.boot, decision.seq, decision.command_id),
        (Some(BootId(1)), Some(2), Some(degrade.id.clone()))
    );
    for _ in 0..20 {
        assert_eq!(commands(&edge.reading(200, 0.2)), [], "while it is under way, it is not sent again");
    }
    let out = edge.answer(500, &degrade, CommandResult::Done, Some(200));
    let told = commanded(&out).unwrap();
    assert_eq!((told.mode, told.status, told.put_ms), (Mode::Degraded, Some(200), 500.0));
    assert_eq!(told.round_trip_ms, Some(4_500.0));
    assert_eq!(commands(&edge.reading(200, 0.2)), [], "this reading may be older than the command");
    edge.mode = Some(Mode::Degraded);
    assert_eq!(commands(&edge.reading(200, 0.0)), []);
    assert_eq!((edge.view().mode, edge.view().wanted), (Some(Mode::Degraded), Some(Mode::Degraded)));
}

#[test]
fn what_was_not_done_is_sent_again_and_what_cannot_work_seldom() {
    for (result, status, least_ms, most_ms) in [
        (CommandResult::NoAnswer, Some(500), 500, 2_000),
        (CommandResult::Unavailable, Some(503), 4_500, 6_000),
        (CommandResult::Unavailable, None, 4_500, 6_000),
        (CommandResult::Misfit, Some(404), 59_000, 61_000),
        (CommandResult::Locked, Some(423), 59_000, 61_000),
        (CommandResult::Unauthorized, Some(401), 59_000, 61_000),
    ] {
        let mut edge = Edge::new(Some(Mode::Normal));
        let first = command(&edge.reading(0, 0.2));
        assert_eq!(commanded(&edge.answer(2_500, &first, result, status)).unwrap().result, result);
        let mut waited = 0;
        let again = loop {
            waited += 100;
            let out = edge.reading(100, 0.2);
            if let [again] = &commands(&out)[..] {
                break again.clone();
            }
            assert!(waited <= most_ms, "{result:?}");
        };
        assert!(waited >= least_ms, "{result:?}: after {waited} ms");
        assert!(again.id != first.id && again.mode == Mode::Degraded);
        assert_eq!(commanded(&edge.answer(10, &again, result, status)), None, "told once");
        assert_eq!(commands(&edge.answer(10, &again, result, status)), [], "a late answer changes nothing");
    }
}

#[test]
fn a_newer_wish_goes_out_while_an_older_command_is_under_way() {
    let mut edge = Edge::new(Some(Mode::Normal));
    let degrade = command(&edge.reading(0, 0.2));
    assert_eq!(commands(&edge.wish(Some(Wish::Mode(Mode::Degraded)))), [], "that is under way already");
    edge.mode = Some(Mode::Degraded);
    edge.reading(100, 0.2);
    let normal = command(&edge.wish(Some(Wish::Mode(Mode::Normal))));
    assert_eq!(normal.mode, Mode::Normal);
    edge.answer(100, &degrade, CommandResult::Done, Some(200));
    edge.answer(100, &normal, CommandResult::Done, Some(200));
    edge.mode = Some(Mode::Normal);
    assert_eq!(commands(&edge.reading(100, 0.2)), []);
}

#[test]
fn the_same_reading_is_judged_once_and_an_older_one_never() {
    let mut edge = Edge::new(Some(Mode::Normal));
    edge.reading(0, 0.0);
    edge.reading(1_000, 0.0);
    let known = edge.observed(0.9);
    let heard = edge.view().age_ms;
    edge.now_ms += 500;
    // From the bus and from core-data, with the same number; then one that was overtaken; then a slow one of the run before.
    let overtaken = EdgexObserved { report: Some(ReportRef { boot: BootId(1), seq: 1 }), ..edge.observed(0.9) };
    let foreign =
        EdgexObserved { report: Some(ReportRef { boot: BootId(9), seq: 99 }), origin_ns: ORIGIN, ..edge.observed(0.9) };
    for old in [known, overtaken, foreign] {
        assert_eq!(edge.take(&old), (EdgexTaken::Known, vec![]));
    }
    assert_eq!(edge.view().age_ms, heard + 500, "it is no sign of life");
    // Without numbers the time when EdgeX received it counts.
    let mut plain = Edge::new(None);
    plain.reading(0, 0.0);
    let same = plain.observed(0.9);
    assert_eq!(plain.take(&same).0, EdgexTaken::Known);
    assert_eq!(plain.take(&EdgexObserved { origin_ns: same.origin_ns - 1, ..same.clone() }).0, EdgexTaken::Known);
    assert_eq!(plain.take(&EdgexObserved { origin_ns: same.origin_ns + 1, ..same }).0, EdgexTaken::New);
}

#[test]
fn a_forged_number_mutes_a_device_for_a_while_only() {
    let mut edge = Edge::new(Some(Mode::Normal));
    edge.reading(1_000, 0.0);
    edge.now_ms += 10;
    let forged = EdgexObserved { report: Some(ReportRef { boot: BootId(1), seq: u64::MAX }), ..edge.observed(0.0) };
    assert_eq!(edge.take(&forged).0, EdgexTaken::New);
    edge.now_ms += 1_000;
    edge.seq += 1;
    assert_eq!(edge.take(&edge.observed(0.0)).0, EdgexTaken::Known);
    edge.now_ms += SILENT_AFTER_MS;
    edge.seq += 1;
    assert_eq!(edge.take(&edge.observed(0.0)).0, EdgexTaken::New);
    assert_eq!(edge.take(&edge.observed(0.0)).0, EdgexTaken::Known, "the same one again");
}

#[test]
fn when_edgexs_clock_is_set_back_readings_count_again_after_a_while() {
    let mut edge = Edge::new(None);
    edge.reading(0, 0.0);
    let earlier = |edge: &Edge| EdgexObserved { origin_ns: ORIGIN - 3_600_000_000_000, ..edge.observed(0.0) };
    edge.now_ms += 1_000;
    assert_eq!(edge.take(&earlier(&edge)).0, EdgexTaken::Known);
    edge.now_ms += SILENT_AFTER_MS;
    assert_eq!(edge.take(&earlier(&edge)).0, EdgexTaken::New);
}

#[test]
fn a_device_that_is_silent_is_not_commanded_for_500_seconds_and_at_once_when_it_is_back() {
    let mut edge = Edge::new(Some(Mode::Normal));
    edge.reading(0, 0.0);
    let last = edge.observed(0.9);
    edge.now_ms += SILENT_AFTER_MS;
    assert_eq!(edge.view().presence, PresenceView::Online);
    for _ in 0..500 {
        edge.now_ms += 1_000;
        assert_eq!(edge.take(&last), (EdgexTaken::Known, vec![]));
        assert_eq!(edge.view().presence, PresenceView::Unknown);
        let mut out = Vec::new();
        edge.fleet.tick(edge.now(), &mut out);
        assert_eq!(out, []);
    }
    assert_eq!(commands(&edge.wish(Some(Wish::Mode(Mode::Degraded)))), [], "nobody would hear it");
    assert_eq!(command(&edge.reading(0, 0.0)).mode, Mode::Degraded);
    assert_eq!(edge.view().presence, PresenceView::Online);
}

#[test]
fn a_device_that_tells_no_mode_is_in_the_one_that_was_confirmed() {
    let mut edge = Edge::new(None);
    let normal = command(&edge.reading(0, 0.0));
    assert_eq!((normal.mode, edge.view().mode), (Mode::Normal, None), "its mode is made known by commanding it");
    edge.answer(500, &normal, CommandResult::NoAnswer, Some(500));
    assert_eq!(edge.view().mode, None);
    let again = command(&edge.reading(1_000, 0.0));
    edge.answer(500, &again, CommandResult::Done, Some(200));
    assert_eq!(edge.view().mode, Some(Mode::Normal));
    let degrade = command(&edge.reading(1_000, 0.5));
    assert_eq!(degrade.mode, Mode::Degraded);
    edge.answer(500, &degrade, CommandResult::Done, Some(200));
    assert_eq!(commands(&edge.reading(1_000, 0.5)), []);
    assert_eq!(edge.view().mode, Some(Mode::Degraded));
}

#[test]
fn a_new_run_of_the_agent_starts_over() {
    let mut edge = Edge::new(Some(Mode::Normal));
    let degrade = command(&edge.reading(0, 0.2));
    edge.answer(500, &degrade, CommandResult::Done, Some(200));
    edge.mode = Some(Mode::Degraded);
    edge.reading(1_000, 0.0);
    edge.now_ms += 2_000;
    let restarted = EdgexObserved {
        report: Some(ReportRef { boot: BootId(2), seq: 1 }),
        mode: Some(Mode::Normal),
        ..edge.observed(0.2)
    };
    let (taken, out) = edge.take(&restarted);
    assert_eq!(taken, EdgexTaken::New);
    assert!(
        out.iter()
            .any(|action| matches!(action, Action::Tell(Event::Online(online)) if online.boot == Some(BootId(2))))
    );
    assert_eq!(command(&out).mode, Mode::Degraded);
}

#[test]
fn windows_without_jobs_are_no_evidence() {
    let mut edge = Edge::new(Some(Mode::Normal));
    let idle = EdgexObserved { jobs: Some(0), ..edge.observed(0.9) };
    let (_, out) = edge.take(&idle);
    assert_eq!(commands(&out), []);
}

#[test]
fn native_reports_drive_and_their_commands_go_through_edgex_without_a_lease() {
    let mut edge = Edge::new(Some(Mode::Normal));
    edge.reading(0, 0.0);
    let mut out = Vec::new();
    edge.fleet.link_up(1, &mut out);
    let mut sim = Sim::new("pi-1");
    let mut native = |edge: &mut Edge, miss_rate: f64, mode: Mode| {
        edge.now_ms += SPAN_MS;
        sim.up_ms += SPAN_MS;
        sim.mode = mode;
        let mut out = Vec::new();
        edge.fleet.report(edge.now(), sim.report(miss_rate), &mut out).unwrap();
        out
    };
    assert_eq!(commands(&native(&mut edge, 0.0, Mode::Normal)), [], "agreed, and there is no lease to give");
    assert_eq!(edge.view().dialect, DialectView::Native);
    edge.seq += 1;
    assert_eq!(edge.take(&edge.observed(0.9)), (EdgexTaken::OtherWire, vec![]));
    let degrade = command(&native(&mut edge, 0.5, Mode::Normal));
    edge.answer(500, &degrade, CommandResult::Done, Some(200));
    for _ in 0..200 {
        assert_eq!(commands(&native(&mut edge, 0.03, Mode::Degraded)), [], "nothing is renewed");
    }
    assert_eq!(edge.view().wanted, Some(Mode::Degraded));
}
