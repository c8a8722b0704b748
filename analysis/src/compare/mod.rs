//! Compares two lists of runs, with the run as the unit.

mod error;
mod evidence;
mod format;
mod judge;
mod metric;
mod notes;
mod pairing;
mod question;
mod result;
mod scenario;
mod summary;
mod table;

pub use error::CompareError;
pub use metric::Metric;
pub use question::Question;
pub use result::{Comparison, Effect, EffectKind, MetricComparison, ScenarioComparison, Side, Verdict};

use crate::run::Run;

/// Compares `a` against `b`. Scenarios that both sides have are compared each; if each side has just one, these two are
/// compared whatever their names. The order of the scenarios is that of `a`.
///
/// # Errors
/// [`CompareError`] if the question is out of range, a side has no runs, no scenario matches, or the periods of two
/// scenarios to be compared differ.
pub fn compare(a: &[Run], b: &[Run], question: &Question) -> Result<Comparison, CompareError> {
    question.validate()?;
    let pairing = pairing::pair(a, b, question)?;
    let scenarios =
        pairing.pairs.iter().map(|pair| scenario::compare(pair, question)).collect::<Result<_, CompareError>>()?;
    Ok(Comparison { question: question.clone(), scenarios, notes: pairing.notes })
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
