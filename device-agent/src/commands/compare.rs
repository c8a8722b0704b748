//! `device-agent compare`.

use std::path::PathBuf;

use analysis::{CompareError, Comparison, Question, ReadError, Source, Verdict};

use super::{Failure, print};
use crate::cli::Compare;

pub(super) fn compare(options: &Compare) -> Result<(), Failure> {
    let question = Question {
        smallest_effect: options.smallest_effect,
        smallest_miss_rate: options.smallest_miss_rate,
        alpha: options.alpha,
        scenario: options.scenario.clone(),
        against_scenario: options.against_scenario.clone(),
    };
    let refused = |error: CompareError| Failure::Configuration(error.to_string());
    let (a, b) = (sources(&options.files)?, sources(&options.against)?);
    let comparison = analysis::compare(&a, &b, &question).map_err(refused)?;
    if options.json {
        let text = serde_json::to_string_pretty(&comparison).map_err(Failure::failed)?;
        print(&format!("{text}\n"))?;
    } else {
        print(&comparison.table())?;
    }
    match worse(&comparison) {
        Some(worse) if options.fail_if_worse => Err(Failure::Limit(worse)),
        _ => Ok(()),
    }
}

fn sources(files: &[PathBuf]) -> Result<Vec<Source>, Failure> {
    let read = |file| Source::read(file).map_err(|error: ReadError| Failure::Configuration(error.to_string()));
    files.iter().map(read).collect()
}

/// What speaks against A, if anything.
fn worse(comparison: &Comparison) -> Option<String> {
    let mut found = Vec::new();
    for scenario in &comparison.scenarios {
        for one in &scenario.metrics {
            let what = match one.verdict {
                Verdict::Worse => "worse in",
                Verdict::OutlyingRuns => "outlying runs in",
                Verdict::Better | Verdict::Same | Verdict::NotEnoughRuns { .. } | Verdict::NotAvailable { .. } => {
                    continue;
                }
            };
            found.push(format!("{what} {} of scenario {:?}", one.metric.name(), scenario.a));
        }
    }
    (!found.is_empty()).then(|| found.join("; "))
}

#[cfg(test)]
mod tests {
    use analysis::run::{Recorder, Run, RunFile, Task};
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    /// A file of five runs whose wake-ups take about so many microseconds.
    fn written(path: &std::path::Path, about_us: u64, misses_of_first: u64) {
        let run = |repetition: u32| {
            let mut wakeups = Recorder::default();
            for job in 0..3000 {
                wakeups.record(about_us * 1000 + job % 70 + u64::from(repetition));
            }
            Run {
                scenario: "idle".to_owned(),
                repetition,
                task: Task { period_us: 1000.0, deadline_us: 1000.0, ..Task::default() },
                releases: 10_000,
                run: 10_000,
                misses: if repetition == 1 { misses_of_first } else { 0 },
                wakeup_us: wakeups.distribution(),
                ..Run::default()
            }
        };
        let file = RunFile { runs: (1..=5).map(run).collect(), ..RunFile::default() };
        std::fs::write(path, serde_json::to_string(&file).unwrap()).unwrap();
    }

    fn compared(arguments: &[&str]) -> Result<(), Failure> {
        let cli = Cli::try_parse_from(["device-agent", "compare"].iter().chain(arguments)).unwrap();
        let Command::Compare(options) = cli.command else { panic!("{cli:?}") };
        compare(&options)
    }

    #[test]
    fn what_is_worse_or_has_outlying_runs_fails_if_asked_to() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, about_us, misses| {
            let path = folder.path().join(name);
            written(&path, about_us, misses);
            path.to_str().unwrap().to_owned()
        };
        let (slow, fast, bursty) = (file("slow", 30, 0), file("fast", 20, 0), file("bursty", 21, 500));
        for json in [&[][..], &["--json"]] {
            let gate = |a: &str, b: &str| compared(&[&[a, "--against", b, "--fail-if-worse"], json].concat());
            let Err(Failure::Limit(told)) = gate(&slow, &fast) else { panic!() };
            assert!(told.contains("worse in wake-up p99 of scenario \"idle\""), "{told}");
            let Err(Failure::Limit(told)) = gate(&bursty, &fast) else { panic!() };
            assert_eq!(told, "outlying runs in misses of scenario \"idle\"");
            assert!(gate(&fast, &slow).is_ok());
        }
        assert!(compared(&[&slow, "--against", &fast]).is_ok());
        let same = compared(&[&slow, "--against", &slow]);
        assert!(matches!(same, Err(Failure::Configuration(_))), "{same:?}");
    }
}
