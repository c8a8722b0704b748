//! `device-agent measure`, as a person or a build server uses it.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::{Site, agent, eventually, run};

fn measured(args: &[&str]) -> Value {
    let mut command = agent(["measure", "--json", "--warm-up", "100ms"]);
    command.args(args);
    serde_json::from_str(&run(command).success()).expect("JSON")
}

/// The first invariant of the project, in real runs: also while a hog on every CPU takes the CPU away from the task.
#[test]
fn every_release_is_accounted_for_under_a_hog() {
    let _site = Site::embedded();
    let file =
        measured(&["--scenario", "cpu-stress,nominal", "--duration", "1500ms", "--workload", "0.5", "--repeat", "2"]);
    let runs = file["runs"].as_array().unwrap();
    let order: Vec<_> =
        runs.iter().map(|run| (run["scenario"].as_str().unwrap(), run["repetition"].as_u64().unwrap())).collect();
    assert_eq!(order, [("cpu-stress", 1), ("nominal", 1), ("nominal", 2), ("cpu-stress", 2)], "there and back");
    for run in runs {
        let number = |key: &str| run[key].as_u64().unwrap();
        assert_eq!(number("run") + number("skipped"), number("releases"), "{run}");
        assert!(number("releases") >= 1500, "none is forgotten, not even those that wait when the run ends: {run}");
        // The grid is that of the period: as many releases as periods fit into the time.
        let periods = run["elapsed_ms"].as_f64().unwrap();
        assert!(number("releases") as f64 >= periods - 1.5, "{run}");
        assert_eq!(run["delay_us"]["count"].as_u64().unwrap() + number("lost_records"), number("releases"), "{run}");
        assert_eq!(run["wakeup_us"]["count"].as_u64().unwrap() + number("lost_records"), number("run"), "{run}");
        assert!(number("misses") >= number("skipped"), "{run}");
    }
    let misses: u64 =
        runs.iter().filter(|run| run["scenario"] == "cpu-stress").map(|run| run["misses"].as_u64().unwrap()).sum();
    assert!(misses > 0, "a hog on every CPU disturbs: {runs:?}");
}

/// Whatever this machine grants: every scenario runs, keeps its books, and says what was refused and what would help.
#[test]
fn every_scenario_runs_on_any_machine() {
    let _site = Site::embedded();
    let file = measured(&["--all", "--duration", "300ms", "--workload", "0.1"]);
    let runs = file["runs"].as_array().unwrap();
    let names: Vec<_> = runs.iter().map(|run| run["scenario"].as_str().unwrap()).collect();
    for name in ["nominal", "nice-stress", "pinned-stress", "fifo-stress", "deadline", "deadline-stress", "adaptive"] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    for run in runs {
        let number = |key: &str| run[key].as_u64().unwrap();
        assert_eq!(number("run") + number("skipped"), number("releases"), "{run}");
        assert!(number("releases") >= 300, "{run}");
        let settings = &run["settings"];
        let count = |list: &str| settings[list].as_array().unwrap().len();
        assert_eq!(count("granted") + count("refused"), count("asked"), "{run}");
        for refusal in settings["refused"].as_array().unwrap() {
            println!("refused here: {refusal}");
            assert!(!refusal["advice"].as_str().unwrap().is_empty(), "{refusal}");
        }
        let (wanted, asked) = match run["scenario"].as_str().unwrap() {
            "fifo" | "fifo-stress" => ("fifo", "scheduler=fifo 80"),
            "deadline" | "deadline-stress" => ("deadline", "scheduler=deadline 800/1000 us"),
            _ => continue,
        };
        let granted = settings["granted"].as_array().unwrap().iter().any(|setting| setting == asked);
        assert_eq!(settings["schedule"] == wanted, granted, "the kernel's word and the thread's: {run}");
    }
}

#[test]
fn catch_up_runs_what_skip_next_would_skip() {
    let _site = Site::embedded();
    let file =
        measured(&["--scenario", "cpu-stress", "--overrun", "catch-up", "--duration", "1s", "--workload", "0.5"]);
    let run = &file["runs"][0];
    assert_eq!(run["task"]["overrun"], "catch-up");
    let number = |key: &str| run[key].as_u64().unwrap();
    assert_eq!(number("run") + number("skipped"), number("releases"));
    assert!(number("releases") >= 1000, "none is forgotten, not even those that wait when the run ends: {run}");
    assert!(number("misses") > number("skipped"), "late releases were run: {run}");
}

#[test]
fn limits_decide_the_exit_code() {
    let _site = Site::embedded();
    let quick = ["measure", "--scenario", "nominal", "--duration", "400ms", "--workload", "0.01"];
    let command = |more: &[&str]| {
        let mut command = agent(quick);
        command.args(more);
        command
    };
    run(command(&["--max-miss-rate", "1", "--max-p99-us", "60000000"])).success();
    let refusal = run(command(&["--max-p99-us", "0.001"])).failure(3);
    assert!(refusal.contains("nominal #1") && refusal.contains("0.001"), "{refusal}");
    // Too short to tell p99: refused before anything is measured.
    let refusal = run(command(&["--max-p99-us", "50", "--period", "10ms"])).failure(2);
    assert!(refusal.contains("299"), "{refusal}");
}

#[test]
fn what_cannot_be_is_refused_with_what_is_allowed() {
    for (args, complaint) in [
        (vec!["--period", "10us"], "100us to 60s"),
        (vec!["--workload", "0.9", "--deadline", "500us"], "every job would miss"),
        (vec!["--workload", "1.1"], "0 to 1"),
        (vec!["--priority", "99"], "1 to 98"),
        (vec!["--cpu", "1000"], "allowed are 0"),
        (vec!["--scenario", "configured"], "--config FILE"),
        (vec!["--scenario", "fifi"], "fifo"),
        (vec!["--output", "/nowhere/at/all.json"], "/nowhere/at/all.json: cannot write"),
        (vec!["--output", "/tmp"], "/tmp: cannot write"),
        (vec!["--duration", "-1s"], "--duration"),
    ] {
        let mut command = agent(["measure"]);
        command.args(&args);
        let refusal = run(command).failure(2);
        assert!(refusal.contains(complaint), "{args:?}: {refusal}");
    }
}

#[test]
fn every_job_has_its_line_in_the_csv() {
    let site = Site::embedded();
    let home = site.home("csv");
    let path = |name: &str| home.join(name).to_str().unwrap().to_owned();
    let quick = ["--scenario", "nominal,pinned", "--duration", "200ms", "--workload", "0.05"];
    let jobs = path("jobs.csv");
    let mut args = quick.to_vec();
    args.extend(["--csv", &jobs]);
    let file = measured(&args);
    let text = fs::read_to_string(&jobs).unwrap();
    assert!(text.starts_with("scenario,repetition,job,epoch,mode,release_ns,wakeup_ns,response_ns,missed,skipped\n"));
    for run in file["runs"].as_array().unwrap() {
        let start = format!("{},1,", run["scenario"].as_str().unwrap());
        let lines = text.lines().filter(|line| line.starts_with(&start)).count() as u64;
        assert_eq!(lines, run["wakeup_us"]["count"].as_u64().unwrap());
    }
    let folder = path("classroom");
    let mut args = quick.to_vec();
    args.extend(["--csv", &folder, "--csv-layout", "classroom"]);
    measured(&args);
    for name in ["nominal-1.csv", "pinned-1.csv"] {
        let text = fs::read_to_string(home.join("classroom").join(name)).unwrap();
        assert!(text.starts_with("iter,t_ns,dt_ns,jitter_ns,miss,workload_ratio\n0,"), "{name}: {text}");
        assert!(text.lines().nth(1).unwrap().ends_with(",0.05"));
    }
}

#[test]
fn an_interrupted_measurement_tells_what_it_has() {
    let site = Site::embedded();
    let home = site.home("interrupted");
    let (out, csv) = (home.join("out.json"), home.join("jobs.csv"));
    let mut command: Command = agent(["measure", "--scenario", "nominal", "--repeat", "2", "--duration", "1h"]);
    command.args(["--warm-up", "0s", "--csv"]).arg(&csv).arg("--output").arg(&out);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    eventually("jobs", || fs::read_to_string(&csv).is_ok_and(|text| text.contains("\nnominal,1,")).then_some(()));
    let id = child.id().to_string();
    assert!(Command::new("sh").args(["-c", "kill -s INT \"$0\"", &id]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(1));
    let file: Value = serde_json::from_str(&fs::read_to_string(&out).unwrap()).unwrap();
    let runs = file["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 1, "the run that was cut short: {runs:?}");
    let lines = fs::read_to_string(&csv).unwrap().lines().count() as u64 - 1;
    assert_eq!(runs[0]["wakeup_us"]["count"].as_u64().unwrap(), lines, "file and CSV tell the same jobs");
}

#[test]
fn nothing_does_not_replace_an_earlier_measurement() {
    let site = Site::embedded();
    let out = site.home("kept").join("out.json");
    fs::write(&out, "earlier").unwrap();
    let mut command: Command =
        agent(["measure", "--scenario", "nominal", "--duration", "1h", "--warm-up", "1h", "--output"]);
    let mut child = command.arg(&out).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let threads = format!("/proc/{}/task", child.id());
    eventually("the real-time thread", || (fs::read_dir(&threads).ok()?.count() > 2).then_some(()));
    let id = child.id().to_string();
    assert!(Command::new("sh").args(["-c", "kill -s INT \"$0\"", &id]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert_eq!(fs::read_to_string(&out).unwrap(), "earlier");
}
