//! `demo disturbance` as a user runs it, as short as it goes. What is measured may be anything: the machine may be busy.

use std::process::Command;

use analysis::run::RunFile;

#[test]
fn every_arm_is_measured_and_no_release_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("runs.json");
    let output = Command::new(env!("CARGO_BIN_EXE_demo"))
        .args(["disturbance", "--rounds", "1", "--seconds", "1", "--json", "--output"])
        .arg(&file)
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}");

    let measured: RunFile = serde_json::from_slice(&output.stdout).unwrap();
    let written: RunFile = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(measured, written);
    let arms: Vec<&str> = measured.runs.iter().map(|run| run.scenario.as_str()).collect();
    assert_eq!(arms, ["alone", "publishing", "fast-reports", "tls", "broker-away", "disk", "flood"]);
    for run in &measured.runs {
        assert_eq!(run.releases, run.run + run.skipped, "{}", run.scenario);
        // A second has 1000 releases, whatever became of them.
        assert!(run.releases >= 1000, "{}: {} releases", run.scenario, run.releases);
        assert_eq!(run.wakeup_us.count() + run.lost_records, run.run, "{}", run.scenario);
        assert_eq!((run.mode_changes, run.epochs, run.repetition), (0, 1, 1), "{}", run.scenario);
        assert_eq!((run.task.workload.as_str(), run.task.workload_ratio), ("spin", 0.1), "{}", run.scenario);
        assert_eq!(run.settings.asked, measured.runs[0].settings.asked, "{}", run.scenario);
    }
    assert!(told.contains("flood (A) against alone (B)"), "{told}");
}

#[test]
fn options_out_of_range_are_refused_before_anything_starts() {
    for (option, value, allowed) in [
        ("--cpu", "1023", "allowed are"),
        ("--priority", "99", "1 to 98"),
        ("--workload", "1.5", "0 to 1"),
        ("--period", "30s", "at least one --period"),
        ("--disk", "/nowhere", "No such file"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_demo")).args(["disturbance", option, value]).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && told.contains(allowed), "{option} {value}: {told}");
    }
}
