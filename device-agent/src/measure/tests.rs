//! What a plan makes of its options.

use std::fs;
use std::time::Duration;

use shared_proto::units::Ratio;

use super::{Options, Plan, PlanError, Scenario};
use crate::config::WorkloadConfig;
use crate::rt::SchedulerAsked;

fn plan(options: Options) -> Plan {
    Plan::new(&options).unwrap()
}

fn refusal(options: Options) -> String {
    Plan::new(&options).unwrap_err().to_string()
}

#[test]
fn each_scenario_asks_for_what_its_name_says() {
    let plan = plan(Options { priority: Some(42), ..Options::default() });
    let last = plan.cpus.last().copied();
    let asked = |scenario: Scenario| plan.asked(scenario);
    assert_eq!(asked(Scenario::Nominal).scheduler, SchedulerAsked::Other { nice: 0 });
    assert_eq!(asked(Scenario::Nice).scheduler, SchedulerAsked::Other { nice: -10 });
    assert_eq!(asked(Scenario::FifoStress).scheduler, SchedulerAsked::Fifo(42));
    assert_eq!((asked(Scenario::Nominal).cpu, asked(Scenario::Pinned).cpu), (None, last));
    let SchedulerAsked::Deadline { runtime_ns, deadline_ns, period_ns } = asked(Scenario::Deadline).scheduler else {
        panic!("no reservation")
    };
    assert!(runtime_ns < deadline_ns && deadline_ns == period_ns && period_ns == 1_000_000);
}

#[test]
fn a_cpu_binds_all_scenarios_but_those_that_the_kernel_would_refuse() {
    let first = plan(Options::default()).cpus[0];
    let plan = plan(Options { cpu: Some(first), ..Options::default() });
    for scenario in [Scenario::Nominal, Scenario::Fifo, Scenario::Pinned, Scenario::IoStress] {
        assert_eq!(plan.asked(scenario).cpu, Some(first), "{scenario:?}");
    }
    assert_eq!(plan.asked(Scenario::DeadlineStress).cpu, None);
}

#[test]
fn a_configuration_gives_the_task_and_options_change_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("agent.toml");
    let text = "[device]\nname = \"pi\"\n[task]\nperiod_ms = 5.0\n[degraded]\nperiod_multiplier = 4\n\
                [spin]\nnormal_ratio = 0.6\ndegraded_ratio = 0.2\n[realtime]\nscheduler = \"deadline\"\n";
    fs::write(&file, text).unwrap();
    let config = Some(file);
    let as_configured = plan(Options { config: config.clone(), ..Options::default() });
    assert_eq!(as_configured.runs.iter().map(|run| run.scenario).collect::<Vec<_>>(), [Scenario::Configured]);
    assert!(matches!(as_configured.asked(Scenario::Configured).scheduler, SchedulerAsked::Deadline { .. }));
    let changed =
        plan(Options { config, period: Some(Duration::from_millis(2)), workload: Some(0.3), ..Options::default() });
    assert_eq!((changed.timing.normal_period_ns, changed.timing.degraded_period_ns), (2_000_000, 8_000_000));
    let WorkloadConfig::Spin { normal, .. } = changed.workload else { panic!("no spin") };
    assert_eq!(normal, Ratio::of(3, 10));
    // The reservation is one of the period that is run, not of the one that is written.
    let SchedulerAsked::Deadline { period_ns, .. } = changed.asked(Scenario::Configured).scheduler else {
        panic!("no reservation")
    };
    assert_eq!(period_ns, 2_000_000);
}

#[test]
fn scenarios_are_run_once_each_however_often_they_are_named() {
    let plan = plan(Options { scenario: vec![Scenario::Fifo, Scenario::Nice, Scenario::Fifo], ..Options::default() });
    assert_eq!(plan.runs.len(), 2);
}

#[test]
fn what_cannot_be_is_refused() {
    let half = Some(Duration::from_micros(500));
    assert!(
        refusal(Options { workload: Some(0.6), deadline: half, ..Options::default() }).contains("every job would miss")
    );
    assert!(refusal(Options { workload: Some(f64::NAN), ..Options::default() }).contains("0 to 1"));
    assert!(refusal(Options { repeat: 1001, ..Options::default() }).contains("1 to 1000"));
    assert!(refusal(Options { outliers: 10_001, ..Options::default() }).contains("0 to 10000"));
    assert!(refusal(Options { max_p99_us: Some(f64::NAN), ..Options::default() }).contains("above 0"));
    let slow =
        Options { scenario: vec![Scenario::Deadline], period: Some(Duration::from_secs(5)), ..Options::default() };
    assert!(matches!(Plan::new(&slow), Err(PlanError::Contradiction(_))));
}
