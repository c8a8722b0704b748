//! `device-agent compare`.

use std::path::PathBuf;

use analysis::{CompareError, Question, ReadError, Source};

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
        print(&format!("{text}\n"))
    } else {
        print(&comparison.table())
    }
}

fn sources(files: &[PathBuf]) -> Result<Vec<Source>, Failure> {
    let read = |file| Source::read(file).map_err(|error: ReadError| Failure::Configuration(error.to_string()));
    files.iter().map(read).collect()
}
