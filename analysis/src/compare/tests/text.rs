use super::*;

#[test]
fn the_json_has_the_documented_names() {
    let comparison = of_runs(&runs("s", &QUIET, 1.5), &runs("s", &QUIET, 1.0), &Question::default()).unwrap();
    let json = serde_json::to_value(&comparison).unwrap();
    let p999 = &json["scenarios"][0]["metrics"][2];
    assert_eq!((p999["metric"].as_str(), p999["verdict"]["is"].as_str()), (Some("wakeup_p99_9_us"), Some("worse")));
    assert_eq!(p999["effect"]["kind"], "ratio");
    assert!(p999["effect"]["interval"]["low"].is_f64());
    assert_eq!(p999["magnitude"], "large");
    let needed = serde_json::to_value(at_least(5)).unwrap();
    assert_eq!(needed, serde_json::json!({"is": "not-enough-runs", "needed": {"at_least": 5}}));
    assert_eq!(serde_json::to_value(Verdict::OutlyingRuns).unwrap(), serde_json::json!({"is": "outlying-runs"}));
}

#[test]
fn the_table_as_it_is_printed() {
    let a = [runs("idle", &QUIET, 1.0), runs("loaded", &NOISY, 1.6)].concat();
    let mut b = [runs("idle", &QUIET, 1.2), runs("loaded", &NOISY, 1.0)].concat();
    b[9].cpu = None;
    b[5].misses = 40;
    let machine = Machine { host: "pi".into(), kernel: "6.12.25".into(), preempt_rt: Some(true), ..Machine::default() };
    let file = |name: &str, runs| {
        let (tool, machine) = ("device-agent 0.1.0".into(), machine.clone());
        [Source::in_memory(name, RunFile { tool, machine, runs })]
    };
    let table = compare(&file("after.json", a), &file("before.json", b), &Question::default()).unwrap().table();
    assert_eq!(table, include_str!("../table.txt"), "\n{table}");
}

#[test]
fn the_widest_table_fits() {
    let mut a = runs("s", &[1e4, 2e7, 1e-3, 5.0, 3e3], 1.0);
    let mut b = runs("s", &[1.23456e-3, 2e-3, 1e5, 7.0, 1e-2], 1.0);
    a.iter_mut().zip([0, 10_000, 0, 9_999, 0]).for_each(|(run, misses)| run.misses = misses);
    b.iter_mut().zip([10_000, 0, 10_000, 0, 10_000]).for_each(|(run, misses)| run.misses = misses);
    a.iter_mut().for_each(|run| run.scenario = "a long name of a scenario ".repeat(9));
    let question = Question { alpha: 0.0123, ..Question::default() };
    let table = of_runs(&a, &b, &question).unwrap().table();
    let widest = table.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(widest <= 110, "{widest}\n{table}");
}

#[test]
fn numbers_print_sanely_at_the_ends_of_their_ranges() {
    let mut a = runs("s", &[1.0; 5], 1.0);
    a.iter_mut().for_each(|run| run.cpu = Some(0.0));
    a[0].cpu = Some(0.5);
    a[1].cpu = Some(0.5);
    a[2].cpu = Some(0.5);
    let question = Question { alpha: 1e-300, ..Question::default() };
    let table = of_runs(&a, &runs("s", &QUIET, 1.0), &question).unwrap().table();
    assert!(table.contains("over 99.9999 % CI") && table.contains("made below 1e-300,"), "{table}");
    let table = of_runs(&a, &runs("s", &QUIET, 1.0), &Question::default()).unwrap().table();
    assert!(table.contains("10.0 [0, ") && !table.contains("e0"), "{table}");
    let table = of_runs(&a[..1], &runs("s", &QUIET[..1], 1.0), &Question::default()).unwrap().table();
    assert!(table.contains(": period 1000 us, runs: A 1, B 1\n"), "{table}");
    assert!(table.contains("+1.00  ") && !table.contains("large"), "a word for a single run: {table}");
}
