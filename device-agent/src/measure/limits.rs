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
    settings: SettingsWanted,
}

/// Whether refused settings are tolerated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum SettingsWanted {
    #[default]
    AsGranted,
    AllGranted,
}

/// What is wrong with a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Exceeded {
    scenario: String,
    repetition: u32,
    how: How,
}

#[derive(Debug, Clone, PartialEq)]
enum How {
    Above {
        what: &'static str,
        seen: f64,
        limit: f64,
    },
    /// The run was too short to tell.
    Unknown {
        what: &'static str,
        limit: f64,
    },
    Refused {
        setting: String,
    },
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
        let settings = if options.require_granted { SettingsWanted::AllGranted } else { SettingsWanted::AsGranted };
        Ok(Self { miss_rate: options.max_miss_rate, p99_us: options.max_p99_us, settings })
    }

    /// What a run exceeds.
    #[must_use]
    pub fn exceeded_by(&self, run: &Run) -> Vec<Exceeded> {
        let over = |what, seen: Option<f64>, limit: Option<f64>| {
            let limit = limit?;
            match seen {
                Some(seen) => (seen > limit).then_some(How::Above { what, seen, limit }),
                None => Some(How::Unknown { what, limit }),
            }
        };
        let miss_rate = over("miss rate", Some(run.miss_rate), self.miss_rate);
        // Of all releases: a run that skips them does not get away with those that it did start in time.
        let p99 = over("wake-up p99 in us, skipped releases included,", run.delay_us.p99_us(), self.p99_us);
        let refused = run.settings.refused.iter().filter(|_| self.settings == SettingsWanted::AllGranted);
        let refused = refused.map(|refusal| How::Refused { setting: refusal.setting.clone() });
        miss_rate
            .into_iter()
            .chain(p99)
            .chain(refused)
            .map(|how| Exceeded { scenario: run.scenario.clone(), repetition: run.repetition, how })
            .collect()
    }
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} #{}: ", self.scenario, self.repetition)?;
        match &self.how {
            How::Above { what, seen, limit } => write!(f, "{what} {seen} is above the limit of {limit}"),
            How::Unknown { what, limit } => {
                write!(f, "{what} cannot be told: too few jobs ran (limit {limit}); use a longer --duration")
            }
            How::Refused { setting } => write!(f, "{setting} was refused"),
        }
    }
}

#[cfg(test)]
mod tests {
    use analysis::run::{Recorder, Refusal, Settings};

    use super::*;

    fn run(delay_us: u64) -> Run {
        let mut delay = Recorder::default();
        delay.record_series(delay_us * 1000, 0, 400);
        let refused = vec![Refusal { setting: "scheduler=fifo 80".into(), ..Refusal::default() }];
        Run {
            scenario: "fifo".into(),
            repetition: 2,
            miss_rate: 0.02,
            delay_us: delay.distribution(),
            settings: Settings { refused, ..Settings::default() },
            ..Run::default()
        }
    }

    fn exceeded(options: &Options, run: &Run) -> Vec<String> {
        Limits::new(options, 400).unwrap().exceeded_by(run).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_limit_that_a_run_exceeds_is_named() {
        assert_eq!(exceeded(&Options::default(), &run(50)), Vec::<String>::new());
        let strict =
            Options { max_miss_rate: Some(0.01), max_p99_us: Some(40.0), require_granted: true, ..Options::default() };
        let told = exceeded(&strict, &run(50));
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].contains("fifo #2: miss rate 0.02 is above the limit of 0.01"));
        assert!(told[2].contains("scheduler=fifo 80 was refused"));
    }

    #[test]
    fn a_quantile_that_cannot_be_told_does_not_pass() {
        let limit = Options { max_p99_us: Some(40.0), ..Options::default() };
        assert!(exceeded(&limit, &Run::default())[0].contains("cannot be told"));
    }
}
