use super::fixture::{NOISY, QUIET, run, runs, wakeups};
use super::*;
use crate::run::{Accounting, Refusal};

fn ask(a: &[Run], b: &[Run]) -> ScenarioComparison {
    let mut comparison = compare(a, b, &Question::default()).unwrap();
    assert_eq!(comparison.scenarios.len(), 1);
    comparison.scenarios.remove(0)
}

fn of(scenario: &ScenarioComparison, metric: Metric) -> &MetricComparison {
    scenario.metrics.iter().find(|one| one.metric == metric).unwrap()
}

fn with_misses(misses: &[u64]) -> Vec<Run> {
    misses.iter().map(|&misses| run("s", 1.0, misses)).collect()
}

#[test]
fn half_as_much_again_is_worse_and_the_other_way_round_better() {
    let (slow, fast) = (runs("s", &QUIET, 1.5), runs("s", &QUIET, 1.0));
    for (a, b, expected, ratio) in [(&slow, &fast, Verdict::Worse, 1.5), (&fast, &slow, Verdict::Better, 1.0 / 1.5)] {
        let scenario = ask(a, b);
        for metric in [Metric::WakeupP50Us, Metric::WakeupP99Us, Metric::WakeupP999Us, Metric::Cpu] {
            let one = of(&scenario, metric);
            assert_eq!(one.verdict, expected, "{metric:?}");
            let effect = one.effect.unwrap();
            let interval = effect.interval.unwrap();
            assert!((effect.value - ratio).abs() < 0.02 && interval.low < ratio && ratio < interval.high, "{effect:?}");
            assert_eq!(one.p, Some(2.0 / 252.0));
            // Four metrics are tested: without a miss there is no test of misses.
            assert!((one.p_holm.unwrap() - 8.0 / 252.0).abs() < 1e-12);
            assert_eq!(one.cliffs_delta, Some(if expected == Verdict::Worse { 1.0 } else { -1.0 }));
        }
    }
}

#[test]
fn alike_within_the_margin_is_the_same_even_if_the_difference_is_real() {
    let scenario = ask(&runs("s", &QUIET, 1.0), &runs("s", &QUIET, 1.0));
    assert!(scenario.metrics.iter().all(|one| one.verdict == Verdict::Same), "{scenario:#?}");
    let scenario = ask(&runs("s", &QUIET, 1.05), &runs("s", &QUIET, 1.0));
    let p50 = of(&scenario, Metric::WakeupP50Us);
    assert_eq!(p50.verdict, Verdict::Same);
    assert!(p50.remark.as_ref().unwrap().contains("real, but below"), "{p50:?}");
}

#[test]
fn three_runs_a_side_claim_nothing() {
    let scenario = ask(&runs("s", &QUIET[..3], 9.0), &runs("s", &QUIET[..3], 1.0));
    for one in scenario.metrics.iter() {
        assert_eq!(one.verdict, Verdict::NotEnoughRuns { about: Some(5) }, "{:?}", one.metric);
        assert_eq!(one.effect.unwrap().interval, None);
    }
    assert!(scenario.summary.starts_with("Nothing can be claimed of A; not enough runs"), "{}", scenario.summary);
}

#[test]
fn noise_asks_for_more_runs_and_more_noise_for_more() {
    let scenario = ask(&runs("s", &NOISY, 1.1), &runs("s", &NOISY, 1.0));
    let Verdict::NotEnoughRuns { about: Some(noisy) } = of(&scenario, Metric::WakeupP50Us).verdict else { panic!() };
    let half: Vec<f64> = NOISY.iter().map(|factor| f64::sqrt(*factor)).collect();
    let scenario = ask(&runs("s", &half, 1.1), &runs("s", &half, 1.0));
    let Verdict::NotEnoughRuns { about: Some(calmer) } = of(&scenario, Metric::WakeupP50Us).verdict else { panic!() };
    // Half the spread takes a quarter of the runs.
    assert!(noisy > 100 && (noisy / 4).abs_diff(calmer) < 5, "{noisy} and {calmer}");
}

#[test]
fn no_miss_at_all_is_the_same_only_with_enough_releases() {
    let never = with_misses(&[0; 5]);
    let misses = ask(&never, &never);
    let misses = of(&misses, Metric::MissRate);
    assert_eq!((misses.verdict.clone(), misses.p), (Verdict::Same, None));
    assert!(misses.remark.as_ref().unwrap().contains("less than 0.0060 % of its releases"), "{misses:?}");

    let short: Vec<Run> = never.iter().map(|run| Run { releases: 100, run: 100, ..run.clone() }).collect();
    let misses = ask(&short, &never);
    // 3/n below 0.001 takes 3,000 releases a side, 100 a run.
    assert_eq!(of(&misses, Metric::MissRate).verdict, Verdict::NotEnoughRuns { about: Some(30) });
}

#[test]
fn misses_are_compared_by_difference_where_a_ratio_says_nothing() {
    let none = with_misses(&[0; 5]);
    let some = with_misses(&[300, 280, 310, 350, 290]);
    let scenario = ask(&some, &none);
    let misses = of(&scenario, Metric::MissRate);
    assert_eq!((misses.verdict.clone(), misses.effect.unwrap().kind), (Verdict::Worse, EffectKind::Difference));
    assert!((misses.effect.unwrap().value - 0.03).abs() < 1e-12);
    assert!(scenario.notes.iter().any(|note| note.starts_with("misses: the effect is a difference")), "{scenario:#?}");

    let scenario = ask(&with_misses(&[1, 0, 2, 0, 0]), &none);
    assert_eq!(
        (of(&scenario, Metric::MissRate).verdict.clone(), &of(&scenario, Metric::MissRate).remark),
        (Verdict::Same, &None)
    );
    // One run of five with a burst: the typical run is the same, but that one is not kept quiet.
    let scenario = ask(&with_misses(&[0, 0, 400, 0, 0]), &none);
    assert_eq!(of(&scenario, Metric::MissRate).verdict, Verdict::Same);
    assert!(of(&scenario, Metric::MissRate).remark.as_ref().unwrap().contains("single runs lie further apart"));
    // 2 and 4 misses of 10,000: twice as many, and yet below what matters.
    let scenario = ask(&with_misses(&[4, 5, 4, 3, 4]), &with_misses(&[2, 1, 2, 2, 1]));
    assert_eq!(of(&scenario, Metric::MissRate).verdict, Verdict::Same);
    let scenario = ask(&some, &with_misses(&[30, 28, 31, 35, 29]));
    let misses = of(&scenario, Metric::MissRate);
    assert_eq!((misses.verdict.clone(), misses.effect.unwrap().kind), (Verdict::Worse, EffectKind::Ratio));
}

#[test]
fn figures_that_are_missing_are_not_available_and_say_why() {
    let mut a = runs("s", &QUIET, 1.0);
    a[1].wakeup_us = wakeups(1000, 1.0);
    a[2].cpu = None;
    a[3].accounting = Accounting::PassedReleasesForgotten;
    let scenario = ask(&a, &runs("s", &QUIET, 1.0));
    let why = |metric| match &of(&scenario, metric).verdict {
        Verdict::NotAvailable { why } => why.clone(),
        other => panic!("{metric:?}: {other:?}"),
    };
    assert_eq!(why(Metric::WakeupP999Us), "A, run 2 of 5: 1000 samples, 2995 are needed");
    assert_eq!(why(Metric::Cpu), "A, run 3 of 5: the tool does not tell it");
    assert_eq!(why(Metric::MissRate), "A, run 4 of 5: the tool does not count misses");
    assert_eq!((of(&scenario, Metric::Cpu).n_a, of(&scenario, Metric::Cpu).n_b), (4, 5));
    assert_eq!(of(&scenario, Metric::WakeupP50Us).verdict, Verdict::Same);
    assert!(scenario.notes.iter().any(|note| note.starts_with("A: the tool forgets releases")));
}

#[test]
fn a_ratio_to_nothing_is_not_available() {
    let idle: Vec<Run> = runs("s", &QUIET, 1.0).into_iter().map(|run| Run { cpu: Some(0.0), ..run }).collect();
    let scenario = ask(&idle, &runs("s", &QUIET, 1.0));
    let expected = Verdict::NotAvailable { why: "a median is 0, so there is no ratio".to_owned() };
    assert_eq!(of(&scenario, Metric::Cpu).verdict, expected);
}

#[test]
fn scenarios_are_paired_by_name_or_by_being_the_only_ones() {
    let names = |comparison: &Comparison| -> Vec<(String, String)> {
        comparison.scenarios.iter().map(|one| (one.a.clone(), one.b.clone())).collect()
    };
    let a = [runs("idle", &QUIET, 1.0), runs("loaded", &QUIET, 2.0), runs("odd", &QUIET, 2.0)].concat();
    let b = [runs("loaded", &QUIET, 1.0), runs("idle", &QUIET, 1.0)].concat();
    let both = compare(&a, &b, &Question::default()).unwrap();
    assert_eq!(names(&both), [("idle".into(), "idle".into()), ("loaded".into(), "loaded".into())]);
    assert_eq!(both.notes, ["scenario \"odd\" is only in A and was left out"]);

    let only = compare(&runs("x", &QUIET, 1.0), &runs("y", &QUIET, 1.0), &Question::default()).unwrap();
    assert_eq!(names(&only), [("x".into(), "y".into())]);

    let across =
        Question { scenario: Some("idle".into()), against_scenario: Some("loaded".into()), ..Question::default() };
    assert_eq!(names(&compare(&a, &a, &across).unwrap()), [("idle".into(), "loaded".into())]);
    let one = Question { scenario: Some("loaded".into()), ..Question::default() };
    assert_eq!(names(&compare(&a, &b, &one).unwrap()), [("loaded".into(), "loaded".into())]);
}

#[test]
fn what_cannot_be_compared_is_refused_with_names() {
    let error = |a: &[Run], b: &[Run], question: &Question| compare(a, b, question).unwrap_err().to_string();
    let ask = Question::default();
    let (a, b) = (runs("s", &QUIET, 1.0), [runs("x", &QUIET, 1.0), runs("y", &QUIET, 1.0)].concat());
    assert_eq!(error(&a, &[], &ask), "B has no runs");
    let expected = r#"no scenario is on both sides: A has "s", B has "x", "y"; name one of each to compare them"#;
    assert_eq!(error(&a, &b, &ask), expected);
    let wanted = Question { scenario: Some("z".into()), ..ask.clone() };
    assert_eq!(error(&a, &b, &wanted), r#"A has no scenario "z"; it has "s""#);
    let mut other = a.clone();
    other[4].task.period_us = 2000.0;
    assert!(error(&a, &other, &ask).contains("periods of 1000 us and 2000 us cannot be compared"));
    for (question, expected) in [
        (Question { alpha: 0.0, ..ask.clone() }, "alpha is 0; it must be above 0 and at most 0.5"),
        (
            Question { smallest_effect: f64::NAN, ..ask.clone() },
            "smallest_effect is NaN; it must be above 0 and at most 10",
        ),
        (
            Question { smallest_miss_rate: 1.0, ..ask.clone() },
            "smallest_miss_rate is 1; it must be above 0 and below 1",
        ),
    ] {
        assert_eq!(error(&a, &a, &question), expected);
    }
}

#[test]
fn unequal_conditions_are_noted() {
    let mut a = runs("s", &QUIET[..1], 1.0);
    let b = runs("s", &QUIET, 1.0);
    a[0].task.deadline_us = 800.0;
    a[0].task.workload = "spin".into();
    a[0].settings.priority = 50;
    a[0].settings.cpu = Some(2);
    a[0].settings.refused = vec![Refusal { setting: "memory=locked".into(), ..Refusal::default() }];
    a[0].settings.locked = false;
    a[0].lost_records = 12;
    let notes = ask(&a, &b).notes;
    for expected in [
        "A is a single run",
        "deadlines differ: A 800 us; B 1000 us",
        "workloads differ: A spin; B none",
        "schedulers differ: A fifo 50; B fifo 80",
        "CPUs differ: A 2; B not bound",
        "memory locks differ: A not locked; B locked",
        "A: the times of 12 jobs were lost",
        "A: the machine refused memory=locked",
    ] {
        assert!(notes.iter().any(|note| note.starts_with(expected)), "{expected}: {notes:#?}");
    }
    let quiet = ask(&b, &b).notes;
    assert_eq!(quiet.len(), 1, "{quiet:#?}");
}

#[test]
fn the_json_has_the_documented_names() {
    let comparison = compare(&runs("s", &QUIET, 1.5), &runs("s", &QUIET, 1.0), &Question::default()).unwrap();
    let json = serde_json::to_value(&comparison).unwrap();
    let p999 = &json["scenarios"][0]["metrics"][2];
    assert_eq!((p999["metric"].as_str(), p999["verdict"]["is"].as_str()), (Some("wakeup_p99_9_us"), Some("worse")));
    assert_eq!(p999["effect"]["kind"], "ratio");
    assert!(p999["effect"]["interval"]["low"].is_f64());
    assert_eq!(p999["magnitude"], "large");
}

#[test]
fn the_table_as_it_is_printed() {
    let a = [runs("idle", &QUIET, 1.0), runs("loaded", &NOISY, 1.6)].concat();
    let mut b = [runs("idle", &QUIET, 1.2), runs("loaded", &NOISY, 1.0)].concat();
    b[9].cpu = None;
    b[5].misses = 40;
    let table = compare(&a, &b, &Question::default()).unwrap().table();
    assert_eq!(table, include_str!("table.txt"), "\n{table}");
}

#[test]
fn the_widest_table_fits() {
    let mut a = runs("s", &[1e4, 2e7, 1e-3, 5.0, 3e3], 1.0);
    let mut b = runs("s", &[1.23456e-3, 2e-3, 1e5, 7.0, 1e-2], 1.0);
    a.iter_mut().zip([0, 10_000, 0, 9_999, 0]).for_each(|(run, misses)| run.misses = misses);
    b.iter_mut().zip([10_000, 0, 10_000, 0, 10_000]).for_each(|(run, misses)| run.misses = misses);
    a.iter_mut().for_each(|run| run.scenario = "a long name of a scenario ".repeat(9));
    let question = Question { alpha: 0.0123, ..Question::default() };
    let table = compare(&a, &b, &question).unwrap().table();
    let widest = table.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(widest <= 110, "{widest}\n{table}");
}
