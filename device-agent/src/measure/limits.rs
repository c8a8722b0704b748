//! What runs may not exceed, for whoever gates on it.

use std::fmt;

use analysis::run::{Run, samples_needed};

use super::options::Options;
use super::plan::{PlanError, range};

/// What runs may not exceed.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Limits {
    miss_rate: Option<f64>,
    p99_us: Option<f64>,
}

/// A run that did.
#[derive(Debug, Clone, PartialEq)]
pub struct Exceeded {
    scenario: String,
    repetition: u32,
    what: &'static str,
    /// `None` if the run was too short to tell.
    seen: Option<f64>,
    limit: f64,
}

impl Limits {
    /// Checks the options, for runs of so many releases.
    pub(super) fn new(options: &Options, releases: u64) -> Result<Self, PlanError> {
        if let Some(rate) = options.max_miss_rate
            && !(0.0..=1.0).contains(&rate)
        {
            return Err(range("--max-miss-rate", rate, "0 to 1"));
        }
        if let Some(p99_us) = options.max_p99_us {
            if !(p99_us > 0.0 && p99_us <= 60_000_000.0) {
                return Err(range("--max-p99-us", p99_us, "above 0, to 60000000"));
            }
            let needed = samples_needed(0.99).unwrap_or(u64::MAX);
            if releases < needed {
                return Err(PlanError::Contradiction(format!(
                    "--max-p99-us: a run of {releases} releases cannot tell the 99th percentile, it takes {needed}: use a longer --duration"
                )));
            }
        }
        Ok(Self { miss_rate: options.max_miss_rate, p99_us: options.max_p99_us })
    }

    /// What a run exceeds.
    #[must_use]
    pub fn exceeded_by(&self, run: &Run) -> Vec<Exceeded> {
        let over = |what, seen: Option<f64>, limit: Option<f64>| {
            let limit = limit.filter(|&limit| seen.is_none_or(|seen| seen > limit))?;
            Some(Exceeded { scenario: run.scenario.clone(), repetition: run.repetition, what, seen, limit })
        };
        [
            over("miss rate", Some(run.miss_rate), self.miss_rate),
            over("wake-up p99 in us", run.wakeup_us.p99_us(), self.p99_us),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, repetition, what, seen, limit } = self;
        match seen {
            Some(seen) => write!(f, "{scenario} #{repetition}: {what} {seen} is above the limit of {limit}"),
            None => write!(f, "{scenario} #{repetition}: {what} cannot be told: too few jobs ran (limit {limit})"),
        }
    }
}
