//! What came of it: a row for each arm, and each arm compared against the loop alone.

use analysis::run::{Run, RunFile};
use analysis::{Comparison, Origin, Question, Source, compare};

use super::trouble::DisturbanceError;
use super::{Arm, Evidence};

/// What was measured.
#[derive(Debug, Clone)]
pub struct Disturbance {
    /// Every run; the scenario is the name of the arm.
    pub file: RunFile,
    /// What was done in each arm.
    pub rows: Vec<Row>,
    /// Every other arm (A) against the loop alone (B).
    pub comparison: Comparison,
}

/// One arm, over all its runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Which.
    pub arm: Arm,
    /// Releases.
    pub releases: u64,
    /// Those that passed while an earlier job still ran.
    pub skipped: u64,
    /// Deadlines missed, the skipped releases included.
    pub misses: u64,
    /// What the agent did besides; `None` where there is no whole agent.
    pub evidence: Option<Evidence>,
}

impl Disturbance {
    /// Compares.
    ///
    /// # Errors
    /// [`DisturbanceError::Compare`] if an arm has no runs.
    pub(super) fn new(file: RunFile, evidence: &[(Arm, Evidence)]) -> Result<Self, DisturbanceError> {
        let rows = Arm::ALL.map(|arm| Row::new(arm, &file.runs, evidence)).to_vec();
        let source = [Source::in_memory("these runs", file)];
        let mut comparison = Comparison {
            question: Question::default(),
            a: Origin::of(&source),
            b: Origin::of(&source),
            scenarios: Vec::new(),
            notes: Vec::new(),
        };
        for arm in Arm::ALL.into_iter().filter(|arm| *arm != Arm::Alone) {
            let question = Question {
                scenario: Some(arm.name().to_owned()),
                against_scenario: Some(Arm::Alone.name().to_owned()),
                ..Question::default()
            };
            let one = compare(&source, &source, &question)?;
            comparison.scenarios.extend(one.scenarios);
            comparison.notes.extend(one.notes);
        }
        let [source] = source;
        let file = source.into_file();
        comparison.notes.extend(refusals_differ(&file.runs));
        Ok(Self { file, rows, comparison })
    }
}

impl Row {
    fn new(arm: Arm, runs: &[Run], evidence: &[(Arm, Evidence)]) -> Self {
        let sum = |count: fn(&Run) -> u64| of(arm, runs).map(count).sum();
        let mut told = evidence.iter().filter(|(of, _)| *of == arm).map(|(_, evidence)| *evidence);
        let evidence = told.next().map(|first| {
            told.fold(first, |mut sum, evidence| {
                sum.add(&evidence);
                sum
            })
        });
        Self {
            arm,
            releases: sum(|run| run.releases),
            skipped: sum(|run| run.skipped),
            misses: sum(|run| run.misses),
            evidence,
        }
    }
}

fn of(arm: Arm, runs: &[Run]) -> impl Iterator<Item = &Run> {
    runs.iter().filter(move |run| run.scenario == arm.name())
}

/// A note if the machine granted one arm what it refused another one: then they are not the same loop.
fn refusals_differ(runs: &[Run]) -> Option<String> {
    let refused = |arm: Arm| {
        let mut settings: Vec<&str> =
            of(arm, runs).flat_map(|run| &run.settings.refused).map(|refusal| refusal.setting.as_str()).collect();
        settings.sort_unstable();
        settings.dedup();
        if settings.is_empty() { "none".to_owned() } else { settings.join(", ") }
    };
    let by_arm = Arm::ALL.map(|arm| (arm, refused(arm)));
    let (_, first) = by_arm.first()?;
    let alike = by_arm.iter().all(|(_, settings)| settings == first);
    let told: Vec<String> = by_arm.iter().map(|(arm, settings)| format!("{arm}: {settings}")).collect();
    (!alike).then(|| format!("the machine did not refuse the same settings in every arm ({})", told.join("; ")))
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use analysis::run::{Recorder, Refusal, Task};
    use analysis::{Metric, Verdict};

    use super::*;

    /// Five runs of each arm; wake-ups take about so many microseconds.
    pub(in crate::disturbance) fn runs(about_us: impl Fn(Arm) -> u64) -> Vec<Run> {
        let run = |arm: Arm, repetition: u32| {
            let mut wakeups = Recorder::default();
            for job in 0..3000 {
                wakeups.record(about_us(arm) * 1000 + job % 70 + u64::from(repetition));
            }
            // No two runs are copies.
            wakeups.record(about_us(arm) * 1000 + 100 + arm as u64);
            Run {
                scenario: arm.name().to_owned(),
                repetition,
                task: Task { period_us: 1000.0, deadline_us: 1000.0, ..Task::default() },
                releases: 3000,
                run: 2999,
                skipped: 1,
                misses: 2,
                wakeup_us: wakeups.distribution(),
                ..Run::default()
            }
        };
        Arm::ALL
            .into_iter()
            .flat_map(|arm| (1..=5).map(move |repetition| (arm, repetition)))
            .map(|(arm, repetition)| run(arm, repetition))
            .collect()
    }

    pub(in crate::disturbance) fn outcome(runs: Vec<Run>) -> Disturbance {
        let elapsed = Duration::from_secs(10);
        let flood = Evidence { delivered: 50, commands: 90_000, attempts: 1, elapsed, ..Evidence::default() };
        let evidence = [(Arm::Flood, flood), (Arm::Flood, flood)];
        Disturbance::new(RunFile { runs, ..RunFile::default() }, &evidence).unwrap()
    }

    #[test]
    fn every_other_arm_is_compared_against_the_loop_alone() {
        let outcome = outcome(runs(|arm| if arm == Arm::Flood { 30 } else { 20 }));
        let verdicts: Vec<_> = outcome
            .comparison
            .scenarios
            .iter()
            .map(|scenario| {
                let p99 = scenario.metrics.iter().find(|metric| metric.metric == Metric::WakeupP99Us).unwrap();
                (scenario.a.as_str(), scenario.b.as_str(), p99.verdict.clone())
            })
            .collect();
        assert_eq!(
            verdicts,
            [
                ("publishing", "alone", Verdict::Same),
                ("fast-reports", "alone", Verdict::Same),
                ("tls", "alone", Verdict::Same),
                ("broker-away", "alone", Verdict::Same),
                ("disk", "alone", Verdict::Same),
                ("flood", "alone", Verdict::Worse),
            ]
        );
        assert!(outcome.comparison.notes.is_empty());
    }

    #[test]
    fn a_row_sums_the_runs_of_its_arm() {
        let outcome = outcome(runs(|_| 20));
        let flood = outcome.rows.last().unwrap();
        assert_eq!((flood.releases, flood.skipped, flood.misses), (15_000, 5, 10));
        let evidence = flood.evidence.unwrap();
        assert_eq!((evidence.delivered, evidence.command_rate()), (100, 9_000.0));
        assert_eq!(outcome.rows.first().unwrap().evidence, None);
    }

    #[test]
    fn settings_refused_in_one_arm_alone_are_told() {
        let mut runs = runs(|_| 20);
        runs[0].settings.refused.push(Refusal { setting: "scheduler=fifo 80".into(), ..Refusal::default() });
        let notes = outcome(runs).comparison.notes;
        assert!(notes.iter().any(|note| note.contains("alone: scheduler=fifo 80; publishing: none")), "{notes:?}");
    }

    #[test]
    fn an_arm_without_runs_is_an_error() {
        let runs = runs(|_| 20).into_iter().filter(|run| run.scenario != "flood").collect();
        let error = Disturbance::new(RunFile { runs, ..RunFile::default() }, &[]).unwrap_err();
        assert!(error.to_string().contains("flood"), "{error}");
    }
}
