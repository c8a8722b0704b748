//! Which scenario of A is compared against which of B.

use super::{CompareError, Question, Side, copies};
use crate::Source;
use crate::run::Run;

/// Two scenarios to be compared.
#[derive(Debug)]
pub(super) struct Pair<'a> {
    pub(super) a: Scenario<'a>,
    pub(super) b: Scenario<'a>,
}

/// The runs of one name, at least one.
#[derive(Debug, Clone)]
pub(super) struct Scenario<'a> {
    pub(super) name: &'a str,
    pub(super) runs: Vec<Sample<'a>>,
}

/// A run, and where it came from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample<'a> {
    pub(super) run: &'a Run,
    pub(super) source: &'a Source,
}

impl Scenario<'_> {
    /// The run at a position from 0, as it is called in messages.
    pub(super) fn place(&self, side: Side, position: usize) -> String {
        let file = self.runs.get(position).map_or("", |sample| sample.source.name());
        format!("{side}, run {} of {} ({file})", position + 1, self.runs.len())
    }
}

#[derive(Debug)]
pub(super) struct Pairing<'a> {
    pub(super) pairs: Vec<Pair<'a>>,
    pub(super) notes: Vec<String>,
}

pub(super) fn pair<'a>(a: &'a [Source], b: &'a [Source], question: &Question) -> Result<Pairing<'a>, CompareError> {
    copies::check_files(a, Side::A)?;
    copies::check_files(b, Side::B)?;
    let pairing = by_name(a, b, question)?;
    pairing.pairs.iter().try_for_each(copies::check_runs)?;
    Ok(pairing)
}

fn by_name<'a>(a: &'a [Source], b: &'a [Source], question: &Question) -> Result<Pairing<'a>, CompareError> {
    let of_a = scenarios(a, Side::A, question.scenario.as_deref())?;
    let of_b = scenarios(b, Side::B, question.scenario_of_b())?;
    if let ([only_a], [only_b]) = (of_a.as_slice(), of_b.as_slice()) {
        return Ok(Pairing { pairs: vec![Pair { a: only_a.clone(), b: only_b.clone() }], notes: Vec::new() });
    }
    let mut pairs = Vec::new();
    for scenario in &of_a {
        if let Some(partner) = of_b.iter().find(|other| other.name == scenario.name) {
            pairs.push(Pair { a: scenario.clone(), b: partner.clone() });
        }
    }
    if pairs.is_empty() {
        return Err(CompareError::NothingInCommon { a: names(&of_a), b: names(&of_b) });
    }
    let mut notes = Vec::new();
    for (side, here, there) in [(Side::A, &of_a, &of_b), (Side::B, &of_b, &of_a)] {
        for alone in here.iter().filter(|scenario| there.iter().all(|other| other.name != scenario.name)) {
            notes.push(format!("scenario {:?} is only in {side} and was left out", alone.name));
        }
    }
    Ok(Pairing { pairs, notes })
}

/// The runs by scenario, in the order in which the names first come; only the one `wanted`, if any.
fn scenarios<'a>(sources: &'a [Source], side: Side, wanted: Option<&str>) -> Result<Vec<Scenario<'a>>, CompareError> {
    let samples = sources.iter().flat_map(|source| source.file().runs.iter().map(move |run| Sample { run, source }));
    let mut found: Vec<Scenario<'a>> = Vec::new();
    for sample in samples {
        match found.iter_mut().find(|scenario| scenario.name == sample.run.scenario) {
            Some(scenario) => scenario.runs.push(sample),
            None => found.push(Scenario { name: &sample.run.scenario, runs: vec![sample] }),
        }
    }
    if found.is_empty() {
        return Err(CompareError::NoRuns { side });
    }
    let Some(wanted) = wanted else { return Ok(found) };
    let present = names(&found);
    found.retain(|scenario| scenario.name == wanted);
    if found.is_empty() {
        return Err(CompareError::NoSuchScenario { side, wanted: wanted.to_owned(), present });
    }
    Ok(found)
}

fn names(scenarios: &[Scenario<'_>]) -> Vec<String> {
    scenarios.iter().map(|scenario| scenario.name.to_owned()).collect()
}
