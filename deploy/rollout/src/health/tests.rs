use std::time::Duration;

use super::*;
use crate::device::{LinkFacts, TaskFacts};

const TERMS: Terms = Terms { probation: Duration::from_secs(60), start_limit: Duration::from_secs(30), margin: 0.005 };

fn release() -> ReleaseName {
    ReleaseName::try_from("new".to_owned()).unwrap()
}

fn agent(boot: &str, jobs: u64, misses: u64) -> AgentFacts {
    AgentFacts {
        device: "pi-01".to_owned(),
        boot: boot.to_owned(),
        version: "0.1.0".to_owned(),
        program: "/opt/device-agent/releases/new/device-agent".to_owned(),
        mode: Mode::Normal,
        mode_source: ModeSource::Local,
        danger: None,
        total: Counts { jobs, misses },
        task: TaskFacts { period_us: 20_000 },
        link: LinkFacts { up: true },
    }
}

fn facts(agent: Result<AgentFacts, String>) -> Facts {
    Facts {
        free_kb: 1,
        machine: "aarch64".to_owned(),
        current: Some(release()),
        previous: None,
        pending: Some(release()),
        mark: "m".to_owned(),
        outcome: String::new(),
        age_s: None,
        installed: String::new(),
        agent,
    }
}

fn before() -> Before {
    Before::from_readings(Some(&agent("old", 1_000, 900)), Some(&agent("old", 4_000, 900)))
}

/// The verdict on readings at these seconds.
fn verdict(before: Before, readings: Vec<(u64, Option<AgentFacts>)>) -> Verdict {
    let mut watch = Watch::new(release(), TERMS, before);
    let mut last = Verdict::Wait;
    for (at, agent) in readings {
        assert_eq!(last, Verdict::Wait, "decided before {at} s");
        last = watch.reading(Duration::from_secs(at), agent.map(|agent| facts(Ok(agent))).as_ref(), Seen::NotLooked);
    }
    last
}

fn why(verdict: Verdict) -> String {
    match verdict {
        Verdict::Unhealthy(why, _) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_good_release_stays_after_its_probation() {
    let end = verdict(
        before(),
        vec![
            (1, Some(agent("old", 4_100, 0))),
            (3, Some(agent("new", 10, 0))),
            (30, None),
            (40, Some(agent("new", 2_000, 0))),
            (63, Some(agent("new", 3_010, 2))),
        ],
    );
    let Verdict::Healthy(figures) = end else { panic!("{end:?}") };
    assert_eq!(figures.before, Some(Counts { jobs: 3_000, misses: 0 }));
    assert_eq!(figures.after, Counts { jobs: 3_000, misses: 2 });
}

#[test]
fn a_release_that_misses_more_goes() {
    let end = verdict(before(), vec![(3, Some(agent("new", 10, 0))), (63, Some(agent("new", 3_010, 200)))]);
    assert!(why(end).contains("200 of 3000 jobs, before it 0 of 3000"));
}

#[test]
fn misses_at_the_start_do_not_count() {
    let end = verdict(before(), vec![(3, Some(agent("new", 300, 300))), (63, Some(agent("new", 3_300, 301)))]);
    assert!(matches!(end, Verdict::Healthy(_)), "{end:?}");
}

#[test]
fn a_restart_in_the_probation_is_bad() {
    let end = verdict(before(), vec![(3, Some(agent("new", 10, 0))), (10, Some(agent("newer", 10, 0)))]);
    assert!(why(end).contains("restarted"));
}

#[test]
fn silence_is_bad_only_until_the_first_answer() {
    assert!(why(verdict(before(), vec![(30, None), (31, None)])).contains("no answer within 30 s"));
    assert_eq!(verdict(before(), vec![(3, Some(agent("new", 10, 0))), (300, None)]), Verdict::Wait);
}

#[test]
fn the_old_run_is_no_answer() {
    let old = || Some(agent("old", 5_000, 0));
    assert!(why(verdict(before(), vec![(3, old()), (31, old())])).contains("old run still answers"));
}

#[test]
fn another_program_is_not_the_release() {
    let mut other = agent("new", 10, 0);
    other.program = "/usr/local/bin/device-agent".to_owned();
    assert!(why(verdict(before(), vec![(3, Some(other))])).contains("not the new release"));
}

#[test]
fn a_task_that_stands_still_is_bad() {
    let end = verdict(before(), vec![(3, Some(agent("new", 10, 0))), (63, Some(agent("new", 10, 0)))]);
    assert!(why(end).contains("does not advance"));
    let late = vec![(3, Some(agent("new", 10, 0))), (5, Some(agent("new", 90, 0))), (63, Some(agent("new", 90, 0)))];
    assert!(why(verdict(before(), late)).contains("does not advance"));
}

#[test]
fn danger_and_degradation_are_bad() {
    let mut stalled = agent("new", 10, 0);
    stalled.danger = Some("stalled".into());
    assert!(why(verdict(before(), vec![(3, Some(stalled))])).contains("stalled"));
    let degraded = |source| {
        let mut agent = agent("new", 3_000, 0);
        (agent.mode, agent.mode_source) = (Mode::Degraded, source);
        verdict(before(), vec![(3, Some(self::agent("new", 10, 0))), (63, Some(agent))])
    };
    assert!(why(degraded(ModeSource::Gateway)).contains("degraded"));
    assert!(matches!(degraded(ModeSource::Operator), Verdict::Healthy(_)));
}

#[test]
fn without_an_agent_before_there_is_nothing_to_compare_with() {
    let end = verdict(Before::default(), vec![(3, Some(agent("new", 10, 0))), (63, Some(agent("new", 3_000, 900)))]);
    assert!(matches!(end, Verdict::Healthy(Figures { before: None, .. })), "{end:?}");
}

#[test]
fn only_who_was_connected_before_has_to_be_seen() {
    let end = |connected, seen, at| {
        let mut watch = Watch::new(release(), TERMS, Before { connected, ..before() });
        watch.reading(Duration::ZERO, Some(&facts(Ok(agent("new", 10, 0)))), seen);
        watch.reading(Duration::from_secs(at - 1), Some(&facts(Ok(agent("new", 2_000, 0)))), seen);
        watch.reading(Duration::from_secs(at), Some(&facts(Ok(agent("new", 3_000, 0)))), seen)
    };
    assert_eq!(end(true, Seen::Nothing, 60), Verdict::Wait);
    assert!(why(end(true, Seen::Nothing, 91)).contains("broker"));
    for (connected, seen) in [(true, Seen::Reporting), (true, Seen::NotLooked), (false, Seen::Nothing)] {
        assert!(matches!(end(connected, seen, 60), Verdict::Healthy(_)), "{connected} {seen:?}");
    }
}

#[test]
fn a_device_that_went_back_by_itself_is_seen() {
    let mut watch = Watch::new(release(), TERMS, before());
    let mut back = facts(Ok(agent("newer", 10, 0)));
    back.current = Some(ReleaseName::try_from("old".to_owned()).unwrap());
    assert!(why(watch.reading(Duration::ZERO, Some(&back), Seen::NotLooked)).contains("went back"));
}

#[test]
fn an_agent_that_restarted_before_the_switch_is_judged_by_its_latest_run() {
    let before = Before::from_readings(Some(&agent("a", 1_000, 100)), Some(&agent("b", 50, 1)));
    assert_eq!(before.counts, Some(Counts { jobs: 50, misses: 1 }));
    assert_eq!(Before::from_readings(Some(&agent("a", 1, 1)), None), Before::default());
}
