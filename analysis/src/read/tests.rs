use serde_json::{Value, json};
use shared_proto::wire::Schedule;

use super::*;
use crate::run::{Accounting, NoQuantile};

fn parse_json(value: &Value) -> Result<RunFile, String> {
    parsed(value).map(|parsed| parsed.file)
}

fn parsed(value: &Value) -> Result<Parsed, String> {
    parse(&serde_json::to_string_pretty(value).unwrap(), Path::new("some.json")).map_err(|error| error.to_string())
}

fn cyclictest(command_line: &str, resolution_in_ns: u8, thread: &Value) -> Value {
    json!({
        "file_version": 1, "cmdline:": command_line, "rt_test_version:": "2.40", "return_code": 0,
        "sysinfo": {"sysname": "Linux", "nodename": "pi", "release": "6.12", "version": "#1", "machine": "aarch64", "realtime": 1},
        "num_threads": 1, "resolution_in_ns": resolution_in_ns, "thread": {"0": thread},
    })
}

#[test]
fn cyclictest_in_microseconds() {
    let thread = json!({"histogram": {"9": 200, "10": 90, "100": 8}, "cycles": 300, "min": 9, "max": 7000, "cpu": 3});
    let file = parse_json(&cyclictest("cyclictest -m -p 80 -i 500 -a 3 -h 5000", 0, &thread)).unwrap();
    assert_eq!(file.tool, "cyclictest 2.40");
    assert_eq!((file.machine.host.as_str(), file.machine.preempt_rt), ("pi", Some(true)));
    let run = &file.runs[0];
    assert_eq!((run.scenario.as_str(), run.repetition, run.task.period_us), ("cyclictest", 1, 500.0));
    assert_eq!((run.releases, run.run, run.accounting), (300, 300, Accounting::PassedReleasesForgotten));
    assert_eq!(run.settings.granted, ["scheduler=fifo 80", "memory=locked", "cpu=3"]);
    assert_eq!((run.settings.schedule, run.settings.priority, run.settings.cpu), (Some(Schedule::Fifo), 80, Some(3)));
    assert_eq!((run.wakeup_us.p50_us(), run.wakeup_us.max_us()), (Some(9.5), Some(7000.0)));
    let bounds: Vec<_> = run.wakeup_us.buckets().map(|b| (b.lower_ns, b.upper_ns, b.count)).collect();
    assert_eq!(bounds, [(9000, 10_000, 200), (10_000, 11_000, 90), (100_000, 101_000, 8), (5_000_000, 7_001_000, 2)]);
    assert_eq!(run.wakeup_us.p99_us(), Some(100.5));
}

#[test]
fn cyclictest_in_nanoseconds_and_by_default() {
    let thread = json!({"histogram": {"15351": 3, "15432": 2}, "cycles": 5, "min": 15351, "max": 15432, "cpu": 0});
    let file = parse_json(&cyclictest("cyclictest -N -h 200000", 1, &thread)).unwrap();
    let run = &file.runs[0];
    assert_eq!(run.wakeup_us.p50_us(), Some(15.351));
    assert_eq!(run.task.period_us, 1000.0);
    assert_eq!((run.settings.schedule, run.settings.cpu, run.settings.locked), (Some(Schedule::Other), None, false));
}

#[test]
fn quantiles_beyond_the_histogram_are_not_invented() {
    let thread = json!({"histogram": {}, "cycles": 300, "min": 16, "max": 28, "cpu": 1});
    let file = parse_json(&cyclictest("cyclictest -h 10", 0, &thread)).unwrap();
    let error = file.runs[0].wakeup_us.try_quantile_us(0.5).unwrap_err();
    assert_eq!(error, NoQuantile::TooCoarse { lower_us: 16, upper_us: 29 });
}

#[test]
fn a_cycle_that_was_under_way_at_the_end_is_left_out() {
    let thread = json!({"histogram": {"9": 4}, "cycles": 5, "min": 9, "max": 9, "cpu": 1});
    let file = parse_json(&cyclictest("cyclictest -h 50", 0, &thread)).unwrap();
    assert_eq!((file.runs[0].releases, file.runs[0].run, file.runs[0].wakeup_us.count()), (4, 4, 4));
}

#[test]
fn what_is_wrong_with_a_cyclictest_file_is_told() {
    let thread = |histogram: Value, cycles: u64, max: u64| json!({"histogram": histogram, "cycles": cycles, "min": 9, "max": max});
    let line = "cyclictest -h 50";
    let cases = [
        (
            cyclictest("cyclictest", 0, &thread(json!({}), 5, 9)),
            "thread.0.histogram is empty: run cyclictest with -h LIMIT",
        ),
        (
            cyclictest(line, 0, &thread(json!({"9": 6}), 5, 9)),
            "thread.0.histogram holds more values than there were cycles (5)",
        ),
        (
            cyclictest(line, 0, &thread(json!({"9": 4}), 6, 49)),
            "thread.0.max is 49, but 2 of 6 cycles are beyond the histogram; it must be at least 50",
        ),
        (cyclictest(line, 0, &thread(json!({"9": 5}), 5, 30)), "max is 30 us; allowed are 9 to 10 us"),
        (cyclictest(line, 0, &thread(json!({"9": u64::MAX, "10": 1}), 5, 30)), "holds more values"),
        (cyclictest(line, 0, &thread(json!({u64::MAX.to_string(): 5}), 5, 30)), "allowed are 0 to"),
        (
            cyclictest(line, 0, &thread(json!({"9": -1}), 5, 30)),
            "thread.0.histogram.9: invalid value: integer `-1`, expected u64 at line",
        ),
        (
            cyclictest("./oslat -D 1", 0, &thread(json!({"9": 5}), 5, 9)),
            "begins with \"./oslat\"; of the rt-tests only cyclictest",
        ),
        (
            cyclictest("cyclictest -h 50 -i 0", 0, &thread(json!({"9": 5}), 5, 9)),
            "runs[0].task.period_us is 0; it must be",
        ),
        (json!({"file_version": 2, "thread": {}}), "file_version is 2; of cyclictest's files 1 is known"),
    ];
    for (input, expected) in cases {
        let error = parse_json(&input).unwrap_err();
        assert!(error.starts_with("some.json: ") && error.contains(expected), "{error}");
    }
}

#[test]
fn what_is_wrong_with_a_run_file_is_told() {
    let run = |extra: Value| {
        let mut run =
            json!({"scenario": "s", "task": {"period_us": 1000}, "releases": 5, "run": 5, "wakeup_us": {"count": 0}});
        run.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        json!({"runs": [run]})
    };
    assert!(parse_json(&run(json!({}))).is_ok());
    assert!(parse_json(&run(json!({"cpu": 1.003, "cpu_wait": 1}))).is_ok(), "clocks differ a little");
    let forgotten = json!({"run": 3, "accounting": "passed-releases-forgotten"});
    assert!(parse_json(&run(forgotten)).is_ok(), "there is nothing to add up");
    let cases = [
        (run(json!({"task": {"period_us": 0}})), "runs[0].task.period_us is 0; it must be above 0"),
        (
            run(json!({"task": {"period_us": 1, "deadline_us": -1}})),
            "runs[0].task.deadline_us is -1; it must be above 0",
        ),
        (run(json!({"context": {"temp_c": 1e300}})), "runs[0].context.temp_c: number out of range"),
        (run(json!({"misses": 6})), "runs[0].misses is 6; allowed are 0 to 5, the number of releases"),
        (
            run(json!({"skipped": 1})),
            "runs[0].run is 5 and skipped 1; together they must be 5, the number of releases, unless accounting is \
             \"passed-releases-forgotten\"",
        ),
        (
            run(json!({"run": 3, "skipped": 2, "misses": 1})),
            "runs[0].skipped is 2; allowed are 0 to 1, the number of misses",
        ),
        (
            run(json!({"longest_miss_run": 6})),
            "runs[0].longest_miss_run is 6; allowed are 0 to 5, the number of releases",
        ),
        (run(json!({"elapsed_ms": -1})), "runs[0].elapsed_ms is -1; it must not be below 0"),
        (run(json!({"cpu": -0.5})), "runs[0].cpu is -0.5; allowed are 0 to 1"),
        (run(json!({"cpu": 50})), "runs[0].cpu is 50; allowed are 0 to 1"),
        (run(json!({"cpu_wait": 1.02})), "runs[0].cpu_wait is 1.02; allowed are 0 to 1"),
        (run(json!({"miss_rate": 2})), "runs[0].miss_rate is 2; allowed are 0 to 1"),
        (run(json!({"context": {"steal": 3}})), "runs[0].context.steal is 3; allowed are 0 to 1"),
        (
            run(json!({"task": {"period_us": 1, "workload_ratio": 10}})),
            "runs[0].task.workload_ratio is 10; allowed are 0 to 1",
        ),
        (
            run(json!({"wakeup_us": {"count": 1, "hist": [[2, 1, 1]]}})),
            "runs[0].wakeup_us: hist: bucket 0 reaches from 2 to 1 us",
        ),
        (
            run(json!({"task": {"period_us": 1, "overrun": "kill"}})),
            "runs[0].task.overrun: unknown variant `kill`, expected `skip-next` or `catch-up` at line",
        ),
        (json!({"runs": 5}), "runs: invalid type: integer `5`, expected a sequence at line 2"),
    ];
    for (input, expected) in cases {
        let error = parse_json(&input).unwrap_err();
        assert!(error.starts_with("some.json: ") && error.contains(expected), "{error}");
    }
}

#[test]
fn other_files_are_refused_with_the_two_shapes_known() {
    for text in ["{}", "[1, 2]", "7", r#"{"thread": {}}"#] {
        let error = parse(text, Path::new("other.json")).unwrap_err().to_string();
        assert!(error.starts_with("other.json: neither of the two known shapes"), "{error}");
        assert!(error.contains("\"runs\"") && error.contains("cyclictest --json"), "{error}");
    }
}

#[test]
fn what_is_no_whole_json_is_told_with_the_two_shapes_known() {
    for (text, expected) in [
        ("{\n\"runs\": [", "cut.json: not JSON, or not all of it (EOF while parsing a list at line 2 column 9)"),
        ("", "cut.json: the file is empty"),
        (" \n\u{feff}", "cut.json: not JSON, or not all of it (expected value"),
        ("\u{feff}", "cut.json: the file is empty"),
        ("period 1000 us", "cut.json: not JSON, or not all of it (expected value at line 1 column 1)"),
        ("{\"runs\": []} x", "cut.json: not JSON, or not all of it (trailing characters"),
    ] {
        let error = parse(text, Path::new("cut.json")).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
        assert!(error.contains("\"runs\"") && error.contains("cyclictest --json"), "{error}");
    }
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    let parsed = parse("\u{feff}{\"runs\": []}", Path::new("some.json")).unwrap();
    assert_eq!(parsed.file, RunFile::default());
}

#[test]
fn from_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.json");
    let error = Source::read(&path).unwrap_err().to_string();
    assert!(error.contains("runs.json: No such file"), "{error}");
    std::fs::write(&path, r#"{"runs": []}"#).unwrap();
    let source = Source::read(&path).unwrap();
    assert_eq!((source.name(), source.file()), (path.to_str().unwrap(), &RunFile::default()));

    let link = folder.path().join("other.json");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(Source::read(&link).unwrap().is_same_file(&source));
    let copy = folder.path().join("copy.json");
    std::fs::copy(&path, &copy).unwrap();
    assert!(!Source::read(&copy).unwrap().is_same_file(&source));
}

#[test]
fn the_threads_of_one_cyclictest_are_one_run() {
    let mut file = cyclictest("cyclictest -S -p 80 -h 50", 0, &json!(null));
    file["thread"] = json!({
        "0": {"histogram": {"9": 4, "12": 2}, "cycles": 7, "min": 9, "max": 70, "cpu": 0},
        "1": {"histogram": {"3": 1, "9": 5}, "cycles": 6, "min": 3, "max": 9, "cpu": 1},
        "2": {"histogram": {}, "cycles": 0, "min": 0, "max": 0, "cpu": 2},
    });
    let Parsed { file, notes } = parsed(&file).unwrap();
    assert_eq!(notes, ["3 threads of one file count as one run"]);
    let [run] = file.runs.as_slice() else { panic!("{} runs", file.runs.len()) };
    assert_eq!((run.releases, run.run, run.elapsed_ms, run.repetition), (13, 13, 7.0, 1));
    let bounds: Vec<_> = run.wakeup_us.buckets().map(|b| (b.lower_ns, b.upper_ns, b.count)).collect();
    assert_eq!(bounds, [(3000, 4000, 1), (9000, 10_000, 9), (12_000, 13_000, 2), (50_000, 71_000, 1)]);
    assert_eq!((run.wakeup_us.min_us(), run.wakeup_us.max_us()), (Some(3.0), Some(70.0)));
    assert_eq!(run.settings.granted, ["scheduler=fifo 80", "cpu=0", "cpu=1", "cpu=2"]);
    assert_eq!(run.settings.cpu, None);
}
