use super::*;

#[test]
fn no_miss_at_all_is_the_same_only_with_enough_releases() {
    let never = || with_misses(&[0; 5]);
    let misses = ask(&never(), &never());
    let misses = of(&misses, Metric::MissRate);
    assert_eq!((misses.verdict.clone(), misses.p), (Verdict::Same, None));
    let expected = "no miss on either side; with 95 % each misses less than 0.0060 % of its releases (-ln 0.05 / n, if \
                    misses are independent)";
    assert_eq!(misses.remark.as_deref(), Some(expected));
    // The surer, the wider.
    let surer = Question { alpha: 0.01, ..Question::default() };
    let misses = ask_with(&with_misses(&[0; 8]), &with_misses(&[0; 8]), &surer);
    let remark = of(&misses, Metric::MissRate).remark.as_ref().unwrap();
    assert!(remark.contains("with 99 % each misses less than 0.0058 % of its releases (-ln 0.01 / n"), "{remark}");

    let short: Vec<Run> = never().iter().map(|run| Run { releases: 100, run: 100, ..run.clone() }).collect();
    let misses = ask(&short, &never());
    // 3/n below 0.001 takes 3,000 releases a side, 100 a run.
    assert_eq!(of(&misses, Metric::MissRate).verdict, Verdict::NotEnoughRuns { needed: Some(RunsNeeded::About(30)) });
}

#[test]
fn misses_are_compared_by_difference_where_a_ratio_says_nothing() {
    let none = with_misses(&[0; 5]);
    let some = with_misses(&[300, 280, 310, 350, 290]);
    let scenario = ask(&some, &none);
    let misses = of(&scenario, Metric::MissRate);
    assert_eq!((misses.verdict.clone(), misses.effect.unwrap().kind), (Verdict::Worse, EffectKind::Difference));
    assert!((misses.effect.unwrap().value - 0.03).abs() < 1e-12);

    let scenario = ask(&with_misses(&[1, 0, 2, 0, 0]), &none);
    assert_eq!(
        (of(&scenario, Metric::MissRate).verdict.clone(), &of(&scenario, Metric::MissRate).remark),
        (Verdict::Same, &None)
    );
    // 2 and 4 misses of 10,000: twice as many, and yet below what matters.
    let scenario = ask(&with_misses(&[4, 5, 4, 3, 4]), &with_misses(&[2, 1, 2, 2, 1]));
    assert_eq!(of(&scenario, Metric::MissRate).verdict, Verdict::Same);
    let scenario = ask(&some, &with_misses(&[30, 28, 31, 35, 29]));
    let misses = of(&scenario, Metric::MissRate);
    assert_eq!((misses.verdict.clone(), misses.effect.unwrap().kind), (Verdict::Worse, EffectKind::Ratio));
}

#[test]
fn misses_that_differ_by_less_than_matters_are_the_same_whatever_their_ratio() {
    // About 0.20 and 0.11 %: nearly twice as many, and yet less than 0.1 percentage points.
    let (a, b) = ([20, 19, 21, 20, 18], [11, 12, 11, 12, 12]);
    for (a, b) in [(a, b), (b, a)] {
        let scenario = ask(&with_misses(&a), &with_misses(&b));
        let misses = of(&scenario, Metric::MissRate);
        assert_eq!((&misses.verdict, misses.effect.unwrap().kind), (&Verdict::Same, EffectKind::Ratio));
        assert_eq!(misses.remark.as_deref(), Some("the difference is real, but below the smallest one that matters"));
    }
    // About 30 and 31 %: more than 0.1 points, and yet less than a tenth.
    let scenario = ask(&with_misses(&[3100, 3110, 3090, 3105, 3095]), &with_misses(&[3000, 3010, 2990, 3005, 2995]));
    assert_eq!(of(&scenario, Metric::MissRate).verdict, Verdict::Same);
}
