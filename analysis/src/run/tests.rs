use serde_json::{Value, json};
use shared_proto::wire::{OverrunPolicy, Schedule};

use super::*;

fn read(distribution: Value) -> Result<Distribution, String> {
    serde_json::from_value(distribution).map_err(|error| error.to_string())
}

fn ladder(samples: u64) -> Distribution {
    let mut recorder = Recorder::default();
    (1..=samples).for_each(|us| recorder.record(us * 1000));
    recorder.distribution()
}

#[test]
fn a_quantile_needs_the_samples_that_support_it() {
    for (q, needed) in [(0.5, 5), (0.9, 29), (0.99, 299), (0.999, 2_995), (0.01, 299)] {
        assert_eq!(samples_needed(q), Some(needed), "{q}");
        let before = ladder(needed - 1).try_quantile_us(q);
        assert_eq!(before, Err(NoQuantile::TooFewSamples { samples: needed - 1, needed }), "{q}");
        assert!(ladder(needed).quantile_us(q).is_some(), "{q}");
    }
    for q in [0.0, 1.0, -0.5, f64::NAN, f64::INFINITY, 1e-300] {
        assert_eq!(samples_needed(q), None, "{q}");
        assert_eq!(ladder(10).quantile_us(q), None, "{q}");
    }
}

#[test]
fn a_quantile_in_a_bucket_too_wide_is_not_told() {
    let distribution = read(json!({"count": 600, "min": 3, "max": 90_000, "hist": [[3, 4, 590], [5000, 90_001, 10]]}));
    let distribution = distribution.unwrap();
    assert_eq!(distribution.p50_us(), Some(3.5));
    let coarse = NoQuantile::TooCoarse { lower_us: 5000, upper_us: 90_001 };
    assert_eq!(distribution.try_quantile_us(0.99), Err(coarse));
    assert_eq!((distribution.resolution_us(0.5), distribution.resolution_us(0.99)), (Some(1.0), None));
    // A known maximum may narrow the bucket enough.
    let narrow = read(json!({"count": 600, "min": 3, "max": 5100, "hist": [[3, 4, 590], [5000, 90_001, 10]]})).unwrap();
    assert_eq!(narrow.p99_us(), Some(5100.0));
}

#[test]
fn a_distribution_survives_its_json() {
    let before = ladder(400);
    let text = serde_json::to_string(&before).unwrap();
    assert!(text.starts_with(r#"{"count":400,"min":1.0,"p50":"#), "{text}");
    assert!(text.contains(r#""p99_9":null,"max":400.0,"hist":[[1.0,1.004,1],[2.0,2.008,1],"#), "{text}");
    assert_eq!(serde_json::from_str::<Distribution>(&text).unwrap(), before);
    let empty = json!({"count": 0, "min": null, "p50": null, "p99": null, "p99_9": null, "max": null, "hist": []});
    assert_eq!(serde_json::to_value(Distribution::default()).unwrap(), empty);
    assert_eq!(read(empty), Ok(Distribution::default()));
}

#[test]
fn quantiles_in_a_file_are_not_believed() {
    let read = read(json!({"count": 5, "min": 1, "p50": 99, "max": 2, "hist": [[1, 2, 5]]})).unwrap();
    assert_eq!(read.p50_us(), Some(1.5));
}

#[test]
fn contradictions_are_named() {
    let cases = [
        (json!({"count": 3, "hist": [[5, 4, 3]]}), "bucket 0 reaches from 5 to 4 us"),
        (json!({"count": 3, "hist": [[4, 4, 3]]}), "bucket 0 reaches from 4 to 4 us"),
        (json!({"count": 2, "hist": [[4, 6, 1], [5, 7, 1]]}), "bucket 1 begins at 5 us, before bucket 0 ends at 6 us"),
        (json!({"count": 2, "hist": [[4, 6, 1], [1, 2, 1]]}), "bucket 1 begins at 1 us"),
        (json!({"count": 2, "hist": [[4, 6, 1]]}), "count is 2, but the buckets of hist hold 1"),
        (json!({"count": 1, "hist": [[4, 6, 1], [7, 8, 0]]}), "bucket 1 is empty"),
        (json!({"count": 1, "hist": [[-1, 6, 1]]}), "a lower bound is -1.0 us; allowed are 0 to 1000000000000 us"),
        (json!({"count": 1, "hist": [[1, 1e300, 1]]}), "an upper bound is 1e300"),
        (json!({"count": 1, "min": 9, "hist": [[4, 6, 1]]}), "min is 9 us; allowed are 4 to 6 us"),
        (json!({"count": 1, "max": 9, "hist": [[4, 6, 1]]}), "max is 9 us; allowed are 4 to 6 us"),
        (json!({"count": 2, "min": 5, "max": 4.5, "hist": [[4, 6, 2]]}), "max is 4.5 us; allowed are 5 to 6 us"),
        (json!({"count": 0, "max": 9}), "max must be null where count is 0"),
        (json!({"count": 1, "hist": [[1, 2, u64::MAX], [3, 4, 1]]}), "add up to more than 2^64 - 1"),
        (json!({"count": 1, "hist": [[1, null, 1]]}), "invalid type: null"),
        (json!({"hist": []}), "missing field `count`"),
    ];
    for (input, expected) in cases {
        let error = read(input.clone()).unwrap_err();
        assert!(error.contains(expected), "{input}: {error}");
    }
}

#[test]
fn the_least_that_a_foreign_file_must_tell() {
    let file: RunFile = serde_json::from_value(json!({
        "runs": [{"scenario": "idle", "task": {"period_us": 1000}, "wakeup_us": {"count": 1, "hist": [[1, 2, 1]]}, "new": 1}],
    }))
    .unwrap();
    let run = &file.runs[0];
    assert_eq!((run.task.deadline_us, run.accounting), (1000.0, Accounting::Complete));
    assert_eq!((run.cpu, run.response_us.count(), run.settings.schedule), (None, 0, None));
    assert_eq!(file.machine, Machine::default());
}

#[test]
fn a_file_survives_its_json() {
    let run = Run {
        scenario: "loaded".into(),
        repetition: 2,
        task: Task {
            period_us: 10_000.0,
            deadline_us: 8_000.0,
            workload: "spin".into(),
            workload_ratio: 0.1,
            overrun: OverrunPolicy::CatchUp,
        },
        wakeup_us: ladder(300),
        cpu: Some(0.125),
        settings: Settings {
            refused: vec![Refusal { setting: "memory=locked".into(), why: "EPERM".into(), advice: "be root".into() }],
            schedule: Some(Schedule::Fifo),
            priority: 80,
            cpu: Some(3),
            ..Settings::default()
        },
        outliers: vec![Outlier { job: 7, at_ms: 70.0, wakeup_us: 300.5, response_us: 1300.0 }],
        ..Run::default()
    };
    let file = RunFile { tool: "device-agent 0.1.0".into(), machine: Machine::default(), runs: vec![run] };
    let value = serde_json::to_value(&file).unwrap();
    assert_eq!(value["runs"][0]["task"]["overrun"], "catch-up");
    assert_eq!(value["runs"][0]["settings"]["schedule"], "fifo");
    assert_eq!(value["runs"][0]["accounting"], "complete");
    assert_eq!(serde_json::from_value::<RunFile>(value).unwrap(), file);
}
