//! In steady state the real-time thread makes one system call a period: the sleep. Counted by strace from outside.

use std::fs;

use serde_json::Value;

use crate::harness::{Site, agent, run, tool};

#[test]
fn one_sleep_a_period_and_nothing_else() {
    let site = Site::embedded();
    let home = site.home("strace");
    let config = home.join("agent.toml");
    let config = config.to_str().unwrap();
    // With simulated lines: mode lines and a heartbeat in every job.
    run(agent(["init", "--output", config, "--device", "traced"])).success();
    let trace = home.join("trace");
    let mut command = tool("strace", ["-ff", "-o", trace.to_str().unwrap(), "--"]);
    let measure = agent(["measure", "--json", "--config", config, "--scenario", "nominal", "--duration", "1s"]);
    command.arg(measure.get_program()).args(measure.get_args());
    // `init` says otherwise on a Raspberry Pi.
    command.env("AGENT_GPIO__BACKEND", "sim").args(["--period", "2ms", "--workload", "0.1", "--warm-up", "0s"]);
    let file: Value = serde_json::from_str(&run(command).success()).unwrap();
    let jobs = file["runs"][0]["run"].as_u64().unwrap();

    let traces = fs::read_dir(&home).unwrap().flatten().filter_map(|entry| fs::read_to_string(entry.path()).ok());
    let own = traces
        .into_iter()
        .find(|text| text.contains("PR_SET_NAME, \"rt-task\""))
        .expect("the real-time thread's trace");
    let calls: Vec<&str> = own.lines().filter_map(|line| line.split_once('(')).map(|(name, _)| name).collect();
    let first = calls.iter().position(|call| *call == "clock_nanosleep").expect("a sleep");
    let last = calls.iter().rposition(|call| *call == "clock_nanosleep").expect("a sleep");
    let steady = &calls[first..=last];
    let others: Vec<_> = steady.iter().filter(|call| **call != "clock_nanosleep").collect();
    assert!(others.is_empty(), "between the first sleep and the last: {others:?}");
    // One for each job, and one more unless the stop came during the last job.
    let sleeps = steady.len() as u64;
    assert!(sleeps == jobs || sleeps == jobs + 1, "{sleeps} sleeps for {jobs} jobs");
}
