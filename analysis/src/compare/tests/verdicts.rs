use super::*;

#[test]
fn half_as_much_again_is_worse_and_the_other_way_round_better() {
    let (slow, fast) = (runs("s", &QUIET, 1.5), runs("s", &QUIET, 1.0));
    for (a, b, expected, ratio) in [(&slow, &fast, Verdict::Worse, 1.5), (&fast, &slow, Verdict::Better, 1.0 / 1.5)] {
        let scenario = ask(a, b);
        for metric in
            [Metric::WakeupP50Us, Metric::WakeupP99Us, Metric::WakeupP999Us, Metric::ResponseP99Us, Metric::Cpu]
        {
            let one = of(&scenario, metric);
            assert_eq!(one.verdict, expected, "{metric:?}");
            let effect = one.effect.unwrap();
            let interval = effect.interval.unwrap();
            assert!((effect.value - ratio).abs() < 0.02 && interval.low < ratio && ratio < interval.high, "{effect:?}");
            assert_eq!(one.p, Some(2.0 / 252.0));
            // Five metrics are tested: without a miss there is no test of misses.
            assert!((one.p_holm.unwrap() - 10.0 / 252.0).abs() < 1e-12);
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
fn fewer_than_five_runs_a_side_claim_nothing() {
    let four: [f64; 4] = [1.0, 1.01, 0.99, 1.02];
    // Only the medians can be tested here, so four runs would reach a p below 0.05.
    let only_wakeups = |mut runs: Vec<Run>| {
        for run in &mut runs {
            (run.wakeup_us, run.response_us, run.cpu) =
                (wakeups(200, run.wakeup_us.p50_us().unwrap()), Distribution::default(), None);
        }
        runs
    };
    for (times, others) in [(9.0, four.as_slice()), (1.0, &four), (9.0, &[1.0; 12]), (1.0, &[1.0; 12])] {
        let scenario = ask(&only_wakeups(runs("s", &four, times)), &only_wakeups(runs("s", others, 1.0)));
        for metric in [Metric::WakeupP50Us, Metric::MissRate] {
            assert_eq!(of(&scenario, metric).verdict, at_least(5), "{times}: {metric:?}");
        }
        let p50 = of(&scenario, Metric::WakeupP50Us);
        assert_eq!((p50.effect.unwrap().interval, p50.magnitude), (None, None));
        assert!(scenario.summary.starts_with("Nothing can be claimed of A; not enough runs"), "{}", scenario.summary);
        let note = "wake-up p50: a claim takes at least 5 runs on each side";
        assert!(scenario.notes.iter().any(|told| told == note), "{:#?}", scenario.notes);
        assert!(scenario.notes.iter().any(|note| note == "with fewer than 5 runs on a side nothing is claimed"));
    }
}

#[test]
fn sizes_too_unequal_claim_nothing_and_unequal_ones_are_noted() {
    let reason = "the test also takes unequal spread";
    for (a, b, expected) in [(5, 10, None), (5, 11, Some("the test also")), (15, 5, Some("the test also"))] {
        let scenario = ask(&quiet(a), &quiet(b));
        assert_eq!(of(&scenario, Metric::WakeupP50Us).verdict, Verdict::Same, "{a} and {b}");
        let note = scenario.notes.iter().find(|note| note.contains(reason));
        assert_eq!(note.map(|note| note.starts_with("the test")), expected.map(|_| true), "{a} and {b}");
    }
    let scenario = ask(&quiet(5), &quiet(16));
    for one in &scenario.metrics {
        assert_eq!(one.verdict, at_least(6), "{:?}", one.metric);
    }
    assert!(scenario.notes.iter().any(|note| note.starts_with("beyond 3 to 1 nothing is claimed: the test also")));
}

#[test]
fn noise_asks_for_more_runs_and_more_noise_for_more() {
    let scenario = ask(&runs("s", &NOISY, 1.1), &runs("s", &NOISY, 1.0));
    let Verdict::NotEnoughRuns { needed: Some(RunsNeeded::About(noisy)) } = of(&scenario, Metric::WakeupP50Us).verdict
    else {
        panic!()
    };
    let half: Vec<f64> = NOISY.iter().map(|factor| f64::sqrt(*factor)).collect();
    let scenario = ask(&runs("s", &half, 1.1), &runs("s", &half, 1.0));
    let Verdict::NotEnoughRuns { needed: Some(RunsNeeded::About(calmer)) } = of(&scenario, Metric::WakeupP50Us).verdict
    else {
        panic!()
    };
    // Half the spread takes a quarter of the runs.
    assert!(noisy > 100 && (noisy / 4).abs_diff(calmer) < 5, "{noisy} and {calmer}");
}

#[test]
fn an_interval_that_so_few_runs_cannot_give_is_not_given() {
    let asked = |alpha| Question { alpha, ..Question::default() };
    let scenario = ask_with(&runs("s", &QUIET, 1.5), &runs("s", &QUIET, 1.0), &asked(0.008));
    assert!(of(&scenario, Metric::Cpu).effect.unwrap().interval.is_some());
    let scenario = ask_with(&runs("s", &QUIET, 1.5), &runs("s", &QUIET, 1.0), &asked(0.001));
    let cpu = of(&scenario, Metric::Cpu);
    assert_eq!((cpu.effect.unwrap().interval, &cpu.verdict), (None, &at_least(8)));
    let note = "no intervals: from so few runs the widest one there is holds with 99.21 %, and 99.9 % are asked for";
    assert!(scenario.notes.iter().any(|told| told == note), "{:#?}", scenario.notes);
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
    assert_eq!(
        why(Metric::WakeupP999Us),
        "A, run 2 of 5 (a.json): 1000 samples, 2995 are needed: use a longer --duration"
    );
    assert_eq!(why(Metric::Cpu), "A, run 3 of 5 (a.json): the tool does not tell it");
    assert_eq!(why(Metric::MissRate), "A, run 4 of 5 (a.json): the tool does not count misses");
    assert_eq!((of(&scenario, Metric::Cpu).n_a, of(&scenario, Metric::Cpu).n_b), (4, 5));
    assert_eq!(of(&scenario, Metric::WakeupP50Us).verdict, Verdict::Same);
    assert!(scenario.notes.iter().any(|note| note.starts_with("A: the tool drops the releases")));
}

#[test]
fn a_ratio_to_nothing_is_not_available() {
    let idle: Vec<Run> = runs("s", &QUIET, 1.0).into_iter().map(|run| Run { cpu: Some(0.0), ..run }).collect();
    let scenario = ask(&idle, &runs("s", &QUIET, 1.0));
    let expected = Verdict::NotAvailable { why: "a median is 0, so there is no ratio".to_owned() };
    assert_eq!(of(&scenario, Metric::Cpu).verdict, expected);
}

#[test]
fn nothing_on_both_sides_is_the_same() {
    let idle = || -> Vec<Run> { runs("s", &QUIET, 1.0).into_iter().map(|run| Run { cpu: Some(0.0), ..run }).collect() };
    let cpu = ask(&idle(), &idle());
    let cpu = of(&cpu, Metric::Cpu);
    assert_eq!((&cpu.verdict, cpu.median_a, cpu.p), (&Verdict::Same, Some(0.0), None));
    let cpu = ask(&idle()[..3], &idle()[..3]);
    assert_eq!(of(&cpu, Metric::Cpu).verdict, at_least(5));
}

#[test]
fn response_times_are_compared_where_both_sides_tell_them() {
    let (a, mut b) = (runs("s", &QUIET, 1.5), runs("s", &QUIET, 1.0));
    assert_eq!(of(&ask(&a, &b), Metric::ResponseP99Us).verdict, Verdict::Worse);
    b[2].response_us = Distribution::default();
    let expected = "B, run 3 of 5 (b.json): 0 samples, 299 are needed: use a longer --duration";
    let expected = Verdict::NotAvailable { why: expected.to_owned() };
    assert_eq!(of(&ask(&a, &b), Metric::ResponseP99Us).verdict, expected);
    b.iter_mut().for_each(|run| run.response_us = Distribution::default());
    assert!(ask(&a, &b).metrics.iter().all(|one| one.metric != Metric::ResponseP99Us));
}

/// A run whose 400 wake-ups all lie in one bucket of 1 us; `extra` tells it from others.
fn coarse(lower_us: u64, extra: u64) -> Run {
    let bucket = |lower_us: u64, count| Bucket { lower_ns: lower_us * 1000, upper_ns: (lower_us + 1) * 1000, count };
    let buckets = vec![bucket(lower_us, 400 + extra), bucket(lower_us + 1, 1)];
    let wakeup_us = Distribution::new(None, None, buckets).unwrap();
    Run { wakeup_us, response_us: Distribution::default(), cpu: None, ..run("s", 1.0, 0) }
}

#[test]
fn what_the_histograms_do_not_resolve_is_not_claimed() {
    let with_tool = |name: &str, runs: &[Run], tool: &str| {
        let file = RunFile { tool: tool.to_owned(), runs: runs.to_vec(), ..RunFile::default() };
        Source::in_memory(name, file)
    };
    let ours = |us: u64| -> Vec<Run> {
        let fine = |repetition: u64| {
            let lower_ns = us * 1000 + 100 + repetition;
            let bucket = Bucket { lower_ns, upper_ns: lower_ns + 10, count: 400 };
            Run { wakeup_us: Distribution::new(None, None, vec![bucket]).unwrap(), ..coarse(us, 0) }
        };
        (0..5).map(fine).collect()
    };
    let theirs = |us| -> Vec<Run> { (0..5).map(|extra| coarse(us, extra)).collect() };
    let p50 = |a: &[Run], b: &[Run], tool| {
        let asked = compare(&[with_tool("a", a, "ours")], &[with_tool("b", b, tool)], &Question::default()).unwrap();
        of(&asked.scenarios[0], Metric::WakeupP50Us).verdict.clone()
    };
    let refused = |why: &str| Verdict::NotAvailable { why: why.to_owned() };
    // 2.1 us against something from 2 to 3 us, 2.1 against 3 to 4, and 30.1 against 30 to 31.
    let expected =
        refused("the difference is below the resolution of the files of B (1 us): run cyclictest with --nsecs");
    assert_eq!(p50(&ours(2), &theirs(2), "cyclictest 2.40"), expected);
    assert_eq!(p50(&ours(2), &theirs(3), "cyclictest 2.40"), Verdict::Better);
    assert_eq!(p50(&ours(30), &theirs(30), "cyclictest 2.40"), Verdict::Same);
    // Two from 9 to 10 us may be 10 % apart.
    let others = (5..10).map(|extra| coarse(9, extra)).collect::<Vec<_>>();
    let expected = refused("the smallest difference that matters is below the resolution of the files of B (1 us)");
    assert_eq!(p50(&theirs(9), &others, "other"), expected);
}
