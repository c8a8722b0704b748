//! What the comparison should find out.

use serde::{Deserialize, Serialize};

use super::{CompareError, Metric};
use crate::stats::Margin;

/// Which difference matters, and how sure an answer must be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Question {
    /// Smallest relative difference that matters: 0.10 stands for a ratio of 1.10, or 1/1.10. Above 0, at most 10.
    pub smallest_effect: f64,
    /// Smallest difference of miss rates that matters, absolute: 0.001 is one release in a thousand. Above 0, below 1. Miss
    /// rates must differ by as much and by `smallest_effect` to matter.
    pub smallest_miss_rate: f64,
    /// Chance of a false claim that is accepted, in each scenario. Above 0, at most 0.2.
    pub alpha: f64,
    /// Only this scenario.
    pub scenario: Option<String>,
    /// The scenario of B, if it is another one than that of A.
    pub against_scenario: Option<String>,
}

impl Default for Question {
    fn default() -> Self {
        Self { smallest_effect: 0.10, smallest_miss_rate: 0.001, alpha: 0.05, scenario: None, against_scenario: None }
    }
}

impl Question {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`CompareError::BadQuestion`] names the field and what is allowed.
    pub fn validate(&self) -> Result<(), CompareError> {
        let checks = [
            ("smallest_effect", self.smallest_effect, self.smallest_effect <= 10.0, "above 0 and at most 10"),
            ("smallest_miss_rate", self.smallest_miss_rate, self.smallest_miss_rate < 1.0, "above 0 and below 1"),
            ("alpha", self.alpha, self.alpha <= 0.2, "above 0 and at most 0.2"),
        ];
        for (field, value, within, allowed) in checks {
            if !(value > 0.0 && within) {
                return Err(CompareError::BadQuestion { field, value, allowed });
            }
        }
        Ok(())
    }

    /// The smallest difference that matters in a metric.
    pub(super) fn margin(&self, metric: Metric) -> Margin {
        let absolute = if metric == Metric::MissRate { self.smallest_miss_rate } else { 0.0 };
        Margin { relative: self.smallest_effect, absolute }
    }

    /// The scenario asked for on the side B.
    pub(super) fn scenario_of_b(&self) -> Option<&str> {
        self.against_scenario.as_deref().or(self.scenario.as_deref())
    }
}
