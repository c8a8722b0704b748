//! `device-agent compare`.

use std::path::PathBuf;

use analysis::run::Run;
use analysis::{CompareError, Question, ReadError};

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
    let (a, b) = (runs(&options.files)?, runs(&options.against)?);
    let comparison = analysis::compare(&a, &b, &question).map_err(refused)?;
    if options.json {
        let text = serde_json::to_string_pretty(&comparison).map_err(Failure::failed)?;
        print(&format!("{text}\n"))
    } else {
        print(&comparison.table())
    }
}

fn runs(files: &[PathBuf]) -> Result<Vec<Run>, Failure> {
    let mut runs = Vec::new();
    for file in files {
        let read = analysis::read(file).map_err(|error: ReadError| Failure::Configuration(error.to_string()))?;
        runs.extend(read.runs);
    }
    Ok(runs)
}
