use super::*;

#[test]
fn scenarios_are_paired_by_name_or_by_being_the_only_ones() {
    let names = |comparison: &Comparison| -> Vec<(String, String)> {
        comparison.scenarios.iter().map(|one| (one.a.clone(), one.b.clone())).collect()
    };
    let a = [runs("idle", &QUIET, 1.0), runs("loaded", &QUIET, 2.0), runs("odd", &QUIET, 2.0)].concat();
    let b = [runs("loaded", &QUIET, 1.0), runs("idle", &QUIET, 1.0)].concat();
    let both = of_runs(&a, &b, &Question::default()).unwrap();
    assert_eq!(names(&both), [("idle".into(), "idle".into()), ("loaded".into(), "loaded".into())]);
    assert_eq!(both.notes, ["scenario \"odd\" is only in A and was left out"]);

    let only = of_runs(&runs("x", &QUIET, 1.0), &runs("y", &QUIET, 1.0), &Question::default()).unwrap();
    assert_eq!(names(&only), [("x".into(), "y".into())]);

    let across =
        Question { scenario: Some("idle".into()), against_scenario: Some("loaded".into()), ..Question::default() };
    assert_eq!(names(&of_runs(&a, &a, &across).unwrap()), [("idle".into(), "loaded".into())]);
    let one = Question { scenario: Some("loaded".into()), ..Question::default() };
    assert_eq!(names(&of_runs(&a, &b, &one).unwrap()), [("loaded".into(), "loaded".into())]);
}

#[test]
fn what_cannot_be_compared_is_refused_with_names() {
    let error = |a: &[Run], b: &[Run], question: &Question| of_runs(a, b, question).unwrap_err().to_string();
    let ask = Question::default();
    let (a, b) = (runs("s", &QUIET, 1.0), [runs("x", &QUIET, 1.0), runs("y", &QUIET, 1.0)].concat());
    assert_eq!(error(&a, &[], &ask), "B has no runs");
    let expected = r#"no scenario is on both sides: A has "s", B has "x", "y"; name one of each to compare them"#;
    assert_eq!(error(&a, &b, &ask), expected);
    let wanted = Question { scenario: Some("z".into()), ..ask.clone() };
    assert_eq!(error(&a, &b, &wanted), r#"A has no scenario "z"; it has "s""#);
    let mut other = runs("s", &QUIET, 1.0);
    other[4].task.period_us = 2000.0;
    assert!(error(&a, &other, &ask).contains("periods of 1000 us and 2000 us cannot be compared"));
    for (question, expected) in [
        (Question { alpha: 0.0, ..ask.clone() }, "alpha is 0; it must be above 0 and at most 0.2"),
        (Question { alpha: 0.21, ..ask.clone() }, "alpha is 0.21; it must be above 0 and at most 0.2"),
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
fn a_run_that_comes_twice_is_refused() {
    let error = |a: &[Run], b: &[Run]| of_runs(a, b, &Question::default()).unwrap_err().to_string();
    let (mut a, b) = (runs("s", &QUIET, 1.0), runs("s", &QUIET, 1.0));
    // What is not measured tells no copy from its original.
    a.push(Run { repetition: 9, cpu: None, ..a[1].clone() });
    let expected = "scenario \"s\": A, run 2 of 6 (a.json) and A, run 6 of 6 (a.json) are the same run";
    assert!(error(&a, &b).starts_with(expected), "{}", error(&a, &b));
    let a = runs("t", &QUIET, 1.0);
    let copied: Vec<Run> = a.iter().rev().map(|run| Run { scenario: "s".to_owned(), ..run.clone() }).collect();
    let expected = "scenario \"t\": A, run 5 of 5 (a.json) and B, run 1 of 5 (b.json) are the same run";
    assert!(error(&a, &copied).starts_with(expected), "{}", error(&a, &copied));
    // Runs without a single job are equal, and no copies.
    let nothing = vec![Run { wakeup_us: Distribution::default(), ..run("s", 1.0, 0) }; 2];
    assert!(of_runs(&nothing, &b, &Question::default()).is_ok());
}

#[test]
fn a_file_that_comes_twice_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let written = |name: &str, runs: Vec<Run>| {
        let path = folder.path().join(name);
        let file = RunFile { runs, ..RunFile::default() };
        std::fs::write(&path, serde_json::to_string(&file).unwrap()).unwrap();
        path
    };
    let x = written("x.json", [runs("idle", &QUIET, 1.0), runs("loaded", &QUIET, 2.0)].concat());
    let y = written("y.json", [runs("idle", &QUIET, 1.0), runs("loaded", &QUIET, 2.0)].concat());
    let detour = folder.path().join(".").join("x.json");
    let read = |paths: &[&std::path::PathBuf]| -> Vec<Source> {
        paths.iter().map(|path| Source::read(path).unwrap()).collect()
    };
    let error = |a: &[Source], b: &[Source]| compare(a, b, &Question::default()).unwrap_err();
    let twice = error(&read(&[&x]), &read(&[&y, &x, &detour]));
    assert!(matches!(twice, CompareError::FileTwice { side: Side::B, .. }), "{twice}");
    let itself = error(&read(&[&x]), &read(&[&y, &detour])).to_string();
    assert!(itself.contains("x.json is on both sides with scenario \"idle\""), "{itself}");
    // Its scenarios may be compared with each other.
    let across =
        Question { scenario: Some("loaded".into()), against_scenario: Some("idle".into()), ..Question::default() };
    assert!(compare(&read(&[&x]), &read(&[&detour]), &across).is_ok());
}
