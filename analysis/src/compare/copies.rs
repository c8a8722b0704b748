//! The same measurement must not count twice: it would look like certainty.

use super::pairing::{Pair, Sample};
use super::{CompareError, Side};
use crate::Source;

/// No file twice on a side, by whatever names.
pub(super) fn check_files(sources: &[Source], side: Side) -> Result<(), CompareError> {
    for (position, source) in sources.iter().enumerate() {
        if let Some(first) = sources.iter().take(position).find(|first| first.is_same_file(source)) {
            let (first, again) = (first.name().to_owned(), source.name().to_owned());
            return Err(CompareError::FileTwice { side, first, again });
        }
    }
    Ok(())
}

/// No scenario of a file against itself, and no run twice.
pub(super) fn check_runs(pair: &Pair<'_>) -> Result<(), CompareError> {
    if pair.a.name == pair.b.name
        && let Some(shared) = pair.a.runs.iter().find(|a| pair.b.runs.iter().any(|b| a.source.is_same_file(b.source)))
    {
        let (file, scenario) = (shared.source.name().to_owned(), pair.a.name.to_owned());
        return Err(CompareError::AgainstItself { file, scenario });
    }
    let sides = [(Side::A, &pair.a), (Side::B, &pair.b)];
    let all: Vec<(Side, usize, &Sample<'_>)> = sides
        .into_iter()
        .flat_map(|(side, scenario)| scenario.runs.iter().enumerate().map(move |(at, sample)| (side, at, sample)))
        .collect();
    for (position, (side, at, sample)) in all.iter().enumerate() {
        if let Some((first_side, first_at, _)) = all.iter().take(position).find(|(_, _, first)| is_copy(first, sample))
        {
            let place = |side: Side, at: usize| match side {
                Side::A => pair.a.place(side, at),
                Side::B => pair.b.place(side, at),
            };
            let (first, again) = (place(*first_side, *first_at), place(*side, *at));
            return Err(CompareError::RunTwice { scenario: pair.a.name.to_owned(), first, again });
        }
    }
    Ok(())
}

/// Two measurements never give the same times and counts throughout; nothing measured twice may.
fn is_copy(first: &Sample<'_>, second: &Sample<'_>) -> bool {
    let (first, second) = (first.run, second.run);
    first.wakeup_us.count() > 0
        && (first.releases, first.run, first.skipped, first.misses)
            == (second.releases, second.run, second.skipped, second.misses)
        && first.wakeup_us == second.wakeup_us
}
