use super::*;

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
        "A: the times of 12 jobs were lost; percentiles lack them (a.json)",
        "A: the machine refused memory=locked (a.json)",
    ] {
        assert!(notes.iter().any(|note| note.starts_with(expected)), "{expected}: {notes:#?}");
    }
    let quiet = ask(&b, &runs("s", &QUIET, 1.0)).notes;
    assert_eq!(quiet.len(), 1, "{quiet:#?}");
}

#[test]
fn skipped_releases_are_told() {
    let skipping = |skipped: &[u64]| -> Vec<Source> {
        let one = |(number, &skipped): (usize, &u64)| {
            let run = Run { skipped, run: 10_000 - skipped, ..run("s", 1.0, skipped) };
            source(&format!("{number}.json"), &[run])
        };
        skipped.iter().enumerate().map(one).collect()
    };
    let notes = |a: &[u64], b: &[u64]| {
        compare(&skipping(a), &skipping(b), &Question::default()).unwrap().scenarios.remove(0).notes
    };
    let told = notes(&[0, 3, 0, 1, 0], &[0, 0, 1, 0, 0]);
    for expected in [
        "A skipped 4 of 50000 releases: they are misses, and in no percentile (1.json, 3.json)",
        "B skipped 1 of 50000 releases: it is a miss, and in no percentile (2.json)",
    ] {
        assert!(told.iter().any(|note| note == expected), "{told:#?}");
    }
    let told = notes(&[1; 6], &[0; 6]);
    assert!(told.iter().any(|note| note.ends_with("(0.json, 1.json, 2.json and 3 more)")), "{told:#?}");
    assert!(!told.iter().any(|note| note.starts_with("B skipped")), "{told:#?}");
}

#[test]
fn the_sides_say_what_they_are_and_where_they_differ() {
    let from = |name: &str, tool: &str, kernel: &str, preempt_rt, governor: Option<&str>| {
        let machine = Machine {
            host: "pi".into(),
            kernel: kernel.into(),
            preempt_rt,
            model: Some("Raspberry Pi 4".into()),
            governor: governor.map(str::to_owned),
            ..Machine::default()
        };
        Source::in_memory(name, RunFile { tool: tool.into(), machine, runs: runs("s", &QUIET, 1.0) })
    };
    let a = [
        from("a1.json", "device-agent 0.1.0", "6.12", Some(true), Some("performance")),
        from("a2.json", "device-agent 0.1.0", "6.12", Some(true), Some("ondemand")),
    ];
    let b = [from("b.json", "cyclictest 2.40", "6.12", Some(false), None)];
    let comparison = compare(&a, &b, &Question::default()).unwrap();
    assert_eq!(comparison.a.files, ["a1.json", "a2.json"]);
    assert_eq!((comparison.a.kernels[0].as_str(), comparison.b.governors.len()), ("6.12 PREEMPT_RT", 0));
    assert_eq!(
        comparison.notes,
        [
            "tools differ: A device-agent 0.1.0; B cyclictest 2.40",
            "kernels differ: A 6.12 PREEMPT_RT; B 6.12 not PREEMPT_RT",
            "governors differ: A performance and ondemand; B not known",
        ]
    );
    let table = comparison.table();
    let first =
        "A: device-agent 0.1.0; host pi; Raspberry Pi 4; kernel 6.12 PREEMPT_RT; governor performance and ondemand;";
    assert!(table.starts_with(first), "{table}");
    assert!(table.contains("\n   a1.json, a2.json\nB: cyclictest 2.40; host pi;"), "{table}");
    let json = serde_json::to_value(&comparison).unwrap();
    assert_eq!((&json["a"]["tools"][0], &json["b"]["files"][0]), (&"device-agent 0.1.0".into(), &"b.json".into()));
}
