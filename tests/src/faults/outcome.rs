//! What came of a scenario.

use std::time::Duration;

use serde::Serialize;

use super::balance::Balance;
use super::phase::Phases;

/// Whether what the device counted is what was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is, as far as the fault allows.
    Balanced,
    /// It is not, or the scenario did not come to its end.
    Failed,
    /// This machine cannot provoke the fault.
    NotRun,
}

/// What came of a scenario.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// Name of the fault.
    pub fault: String,
    /// What was done.
    pub done: String,
    /// What provoked the fault, where there are several ways.
    pub by: Option<&'static str>,
    /// Whether the counts fit.
    pub verdict: Verdict,
    /// What does not fit, or why it was not run.
    pub problems: Vec<String>,
    /// Counts of both sides.
    pub balance: Balance,
    /// Reports that came again, by the recorder's arithmetic.
    pub duplicates: u64,
    /// How often the device came back and agreed on a mode.
    pub reconnections: usize,
    /// Longest time from its birth to the wanted mode, in seconds.
    pub worst_reconnection_s: Option<f64>,
    /// The real-time loop before and during the fault.
    pub phases: Phases,
    /// Miss rate during the fault by that before.
    pub miss_rate_ratio: Option<f64>,
    /// 99th percentile of the wake-up latency during the fault by that before.
    pub wakeup_p99_ratio: Option<f64>,
    /// What else was measured.
    pub figures: Vec<Figure>,
    /// How long it took, in seconds.
    pub took_s: f64,
}

/// One more figure, perhaps with a bound.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// What it is.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// Its unit.
    pub unit: String,
    /// What it should not exceed.
    pub bound: Option<f64>,
}

/// All that was played.
#[derive(Debug, Clone, Serialize)]
pub struct Suite {
    /// Version of the programs.
    pub version: String,
    /// In the order in which they were played.
    pub outcomes: Vec<Outcome>,
}

impl Figure {
    /// A time in seconds.
    #[must_use]
    pub fn seconds(name: &str, value: Duration, bound: Option<Duration>) -> Self {
        Self::new(name, value.as_secs_f64(), "s", bound.map(|bound| bound.as_secs_f64()))
    }

    /// Any other one.
    #[must_use]
    pub fn new(name: &str, value: f64, unit: &str, bound: Option<f64>) -> Self {
        Self { name: name.to_owned(), value, unit: unit.to_owned(), bound }
    }

    /// Whether it exceeds its bound.
    #[must_use]
    pub fn is_beyond(&self) -> bool {
        self.bound.is_some_and(|bound| self.value > bound)
    }
}

impl Outcome {
    fn empty(verdict: Verdict, problems: Vec<String>) -> Self {
        Self {
            fault: String::new(),
            done: String::new(),
            by: None,
            verdict,
            problems,
            balance: Balance::default(),
            duplicates: 0,
            reconnections: 0,
            worst_reconnection_s: None,
            phases: Phases::default(),
            miss_rate_ratio: None,
            wakeup_p99_ratio: None,
            figures: Vec::new(),
            took_s: 0.0,
        }
    }

    pub(super) fn not_run(why: String) -> Self {
        Self::empty(Verdict::NotRun, vec![why])
    }

    pub(super) fn failed(why: String) -> Self {
        Self::empty(Verdict::Failed, vec![why])
    }

    pub(super) fn judged(done: String, mut balance: Balance, phases: Phases) -> Self {
        let problems = std::mem::take(&mut balance.problems);
        let verdict = if problems.is_empty() { Verdict::Balanced } else { Verdict::Failed };
        let (miss_rate_ratio, wakeup_p99_ratio) = (phases.miss_rate_ratio(), phases.p99_ratio());
        Self { done, balance, phases, miss_rate_ratio, wakeup_p99_ratio, ..Self::empty(verdict, problems) }
    }

    /// The figures that exceed their bounds.
    pub fn beyond(&self) -> impl Iterator<Item = &Figure> {
        self.figures.iter().filter(|figure| figure.is_beyond())
    }
}

impl Suite {
    /// Whether every scenario that was run is balanced.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.outcomes.iter().all(|outcome| outcome.verdict != Verdict::Failed)
    }

    /// Whether a figure exceeds its bound.
    #[must_use]
    pub fn is_beyond(&self) -> bool {
        self.outcomes.iter().any(|outcome| outcome.beyond().next().is_some())
    }
}
