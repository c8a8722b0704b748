//! Why there is no comparison.

use super::Side;

/// Two lists of runs that cannot be compared, or a question out of range.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CompareError {
    /// A value of the question is out of range.
    #[error("{field} is {value}; it must be {allowed}")]
    BadQuestion {
        /// Field of the question.
        field: &'static str,
        /// Its value.
        value: f64,
        /// What is allowed.
        allowed: &'static str,
    },
    /// A side has no runs at all.
    #[error("{side} has no runs")]
    NoRuns {
        /// The side.
        side: Side,
    },
    /// A side has no run of the scenario asked for.
    #[error("{side} has no scenario {wanted:?}; it has {}", list(.present))]
    NoSuchScenario {
        /// The side.
        side: Side,
        /// The scenario asked for.
        wanted: String,
        /// Those it has.
        present: Vec<String>,
    },
    /// The sides have no scenario in common.
    #[error("no scenario is on both sides: A has {}, B has {}; name one of each to compare them", list(.a), list(.b))]
    NothingInCommon {
        /// Scenarios of A.
        a: Vec<String>,
        /// Scenarios of B.
        b: Vec<String>,
    },
    /// A file is named twice on a side.
    #[error("{side} has the same file twice: {first} and {again}; runs must be measured anew to count")]
    FileTwice {
        /// The side.
        side: Side,
        /// Its first name.
        first: String,
        /// Its name where it comes again.
        again: String,
    },
    /// A scenario of a file would be compared with itself.
    #[error(
        "{file} is on both sides with scenario {scenario:?}; against itself it tells nothing: name another file, or another \
         scenario for B"
    )]
    AgainstItself {
        /// The file.
        file: String,
        /// The scenario.
        scenario: String,
    },
    /// A run comes twice, in copies of a file or within one.
    #[error(
        "scenario {scenario:?}: {first} and {again} are the same run, with equal times and counts; runs must be measured \
         anew to count"
    )]
    RunTwice {
        /// Scenario of the side A.
        scenario: String,
        /// Where it comes first.
        first: String,
        /// Where it comes again.
        again: String,
    },
    /// Runs of different periods.
    #[error(
        "scenario {scenario:?}: periods of {first_us} us and {second_us} us cannot be compared; measure both with the same period"
    )]
    PeriodsDiffer {
        /// Scenario of the side A.
        scenario: String,
        /// One period in microseconds.
        first_us: f64,
        /// The other one.
        second_us: f64,
    },
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
}
