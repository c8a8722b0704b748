use super::*;

#[test]
fn runs_that_miss_half_their_deadlines_are_not_the_same_as_runs_that_miss_none() {
    let mut a = quiet(20);
    for run in &mut a[4..7] {
        run.misses = 5000;
        run.wakeup_us = wakeups(4000, 300.0);
    }
    let scenario = ask(&a, &quiet(20));
    let misses = of(&scenario, Metric::MissRate);
    assert_eq!((misses.median_a, &misses.verdict), (Some(0.0), &Verdict::OutlyingRuns));
    let told = "typical runs are alike, but 3 of 20 runs of A lie beyond every run of B";
    let expected = format!("{told}, and of all releases A misses 7.5 % and B 0 %");
    assert_eq!(misses.single_runs, Some(expected.clone()));
    let p999 = of(&scenario, Metric::WakeupP999Us);
    assert_eq!((&p999.verdict, p999.single_runs.as_deref()), (&Verdict::OutlyingRuns, Some(told)));
    assert!(scenario.summary.contains(&format!("outlying runs in wake-up p50 ({told})")), "{}", scenario.summary);
    assert!(scenario.summary.contains(&format!("and misses ({expected}).")), "{}", scenario.summary);
    assert!(scenario.notes.contains(&format!("misses: {expected}")), "{:#?}", scenario.notes);

    let mirrored = ask(&quiet(20), &a);
    assert_eq!(of(&mirrored, Metric::MissRate).verdict, Verdict::OutlyingRuns);
    let told = of(&mirrored, Metric::WakeupP999Us).single_runs.clone().unwrap();
    assert!(told.ends_with("3 of 20 runs of B lie beyond every run of A"), "{told}");
}

#[test]
fn one_late_run_of_many_is_told_and_one_of_few_is_no_sameness() {
    let with_one_late = |number: u8| {
        let mut runs = quiet(number);
        runs[3].wakeup_us = wakeups(4000, 2.0);
        runs
    };
    let scenario = ask(&with_one_late(10), &quiet(10));
    let p99 = of(&scenario, Metric::WakeupP99Us);
    let told = "1 of 10 runs of A lies beyond every run of B";
    assert_eq!((&p99.verdict, p99.single_runs.as_deref()), (&Verdict::Same, Some(told)));
    assert!(scenario.summary.contains(&format!("wake-up p99 ({told})")), "{}", scenario.summary);
    let scenario = ask(&with_one_late(9), &quiet(9));
    assert_eq!(of(&scenario, Metric::WakeupP99Us).verdict, Verdict::OutlyingRuns);
    assert_eq!(of(&scenario, Metric::Cpu).verdict, Verdict::Same);
}

#[test]
fn one_run_with_a_burst_of_misses_is_no_sameness() {
    for number in [5, 30] {
        let mut a = quiet(number);
        // Of 30 runs they are few enough in all releases together.
        a[2].misses = 200;
        let scenario = ask(&a, &quiet(number));
        assert_eq!(of(&scenario, Metric::MissRate).verdict, Verdict::OutlyingRuns, "{number}");
        a[2].misses = 9;
        let scenario = ask(&a, &quiet(number));
        assert_eq!(of(&scenario, Metric::MissRate).verdict, Verdict::Same, "{number}: less than matters");
    }
}

#[test]
fn misses_of_all_runs_together_count_too() {
    // No run of A is beyond all of B, the medians are equal, and yet A misses more.
    let a = with_misses(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 40, 40, 40, 40, 40]);
    let b = with_misses(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 40]);
    let scenario = ask(&a, &b);
    let misses = of(&scenario, Metric::MissRate);
    assert_eq!(misses.verdict, Verdict::OutlyingRuns, "{misses:?}");
    let expected = "typical runs are alike, but of all releases A misses 0.12 % and B 0.025 %";
    assert_eq!(misses.single_runs.as_deref(), Some(expected));
}

#[test]
fn better_typical_runs_do_not_hide_terrible_ones() {
    let better = || -> Vec<Run> { (0..20).map(|i| run("s", 0.5 + f64::from(i) / 900.0, 0)).collect() };
    let mut a = better();
    a[7].cpu = Some(0.9);
    let scenario = ask(&a, &quiet(20));
    let cpu = of(&scenario, Metric::Cpu);
    let told = "1 of 20 runs of A lies beyond every run of B";
    assert_eq!((&cpu.verdict, cpu.single_runs.as_deref()), (&Verdict::Better, Some(told)));
    assert_eq!(of(&ask(&quiet(20), &a), Metric::Cpu).verdict, Verdict::Worse);
    a[8].cpu = Some(0.9);
    let scenario = ask(&a, &quiet(20));
    let cpu = of(&scenario, Metric::Cpu);
    let told = "typical runs of A are better, but 2 of 20 runs of A lie beyond every run of B";
    assert_eq!((&cpu.verdict, cpu.single_runs.as_deref()), (&Verdict::OutlyingRuns, Some(told)));
    let p99 = of(&scenario, Metric::WakeupP99Us);
    assert_eq!((&p99.verdict, &p99.single_runs), (&Verdict::Better, &None));
}
