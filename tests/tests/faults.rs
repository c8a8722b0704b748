//! Short runs of the fault suite and of the soak. The full ones are for whoever has an hour: docs/faults.md.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a failure is the test's failure")]

use std::process::{Command, Output};
use std::sync::Mutex;

/// One at a time: each would be a fault for the other.
static TURN: Mutex<()> = Mutex::new(());

fn run(command: &mut Command) -> Output {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let output = command.output().unwrap();
    // Shown if it fails.
    println!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    output
}

#[test]
fn every_balance_holds_through_every_fault() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("faults.json");
    let output = run(Command::new(env!("CARGO_BIN_EXE_faults")).args(["--short", "--json"]).arg(&file));
    let suite: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let outcomes = suite["outcomes"].as_array().unwrap();
    assert_eq!(outcomes.len(), system_tests::faults::Scenario::all().len());
    for outcome in outcomes {
        let (fault, verdict) = (&outcome["fault"], &outcome["verdict"]);
        // These need root.
        let may_be_missing = ["netem", "disk-full", "disk-read-only"].iter().any(|name| fault == name);
        assert!(verdict == "balanced" || (may_be_missing && verdict == "not-run"), "{fault}: {verdict}: {outcome:#}");
    }
    assert!(output.status.success());
}

#[test]
fn every_balance_holds_after_half_a_minute_of_all_faults_together() {
    let output =
        run(Command::new(env!("CARGO_BIN_EXE_soak")).args(["--devices", "3", "--minutes", "0.5", "--seed", "1"]));
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("3 of 3 hold"), "{text}");
}

#[test]
fn wrong_usage_says_what_is_allowed() {
    for (args, allowed) in [(["--minutes", "0"], "0.1 to 100000"), (["--devices", "0"], "1..=200")] {
        let output = run(Command::new(env!("CARGO_BIN_EXE_soak")).args(args));
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && text.contains(allowed), "{text}");
    }
}
