//! Compares two lists of runs, with the run as the unit.

mod copies;
mod error;
mod evidence;
pub(crate) mod format;
mod judge;
mod metric;
mod notes;
mod origin;
mod pairing;
mod question;
mod resolution;
mod result;
mod scenario;
mod single_runs;
mod summary;
mod table;

pub use error::CompareError;
pub use metric::Metric;
pub use origin::Origin;
pub use question::Question;
pub use result::{Comparison, Effect, EffectKind, MetricComparison, RunsNeeded, ScenarioComparison, Side, Verdict};

use crate::Source;

/// Compares the runs of `a` against those of `b`. Scenarios that both sides have are compared each; if each side has just
/// one, these two are compared whatever their names. The order of the scenarios is that of `a`.
///
/// # Errors
/// [`CompareError`] if the question is out of range, a side has no runs, no scenario matches, a file or a run comes twice,
/// or the periods of two scenarios to be compared differ.
pub fn compare(a: &[Source], b: &[Source], question: &Question) -> Result<Comparison, CompareError> {
    question.validate()?;
    let pairing = pairing::pair(a, b, question)?;
    let scenarios =
        pairing.pairs.iter().map(|pair| scenario::compare(pair, question)).collect::<Result<_, CompareError>>()?;
    let (of_a, of_b) = (Origin::of(a), Origin::of(b));
    let mut notes = pairing.notes;
    notes.extend(of_a.differences(&of_b));
    Ok(Comparison { question: question.clone(), a: of_a, b: of_b, scenarios, notes })
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
