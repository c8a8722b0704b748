//! Which events are logged.

use tracing::Metadata;
use tracing::level_filters::LevelFilter;

use super::LogError;

/// Levels, for all events or for those of some targets.
#[derive(Debug, Clone)]
pub(super) struct Filter {
    all: LevelFilter,
    /// The longest first: the closest one decides.
    targets: Vec<(String, LevelFilter)>,
}

impl Filter {
    /// The same level for all.
    pub(super) fn level(all: LevelFilter) -> Self {
        Self { all, targets: Vec::new() }
    }

    /// Reads a filter; a misspelt level is an error, not the name of a target.
    pub(super) fn parse(filter: &str) -> Result<Self, LogError> {
        let mut read = Self::level(LevelFilter::OFF);
        for part in filter.split(',').map(str::trim) {
            let wrong = || LogError::Filter { filter: filter.to_owned(), part: part.to_owned() };
            match part.split_once('=') {
                None => read.all = parse_level(part).ok_or_else(wrong)?,
                Some((target, level)) => {
                    let target = target.trim();
                    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"_:-.".contains(&byte);
                    if target.is_empty() || !target.bytes().all(known) {
                        return Err(wrong());
                    }
                    read.set(target, parse_level(level.trim()).ok_or_else(wrong)?);
                }
            }
        }
        Ok(read)
    }

    /// Of two levels for one target the later one counts.
    fn set(&mut self, target: &str, level: LevelFilter) {
        self.targets.retain(|(known, _)| known != target);
        let at = self.targets.partition_point(|(known, _)| known.len() >= target.len());
        self.targets.insert(at, (target.to_owned(), level));
    }

    pub(super) fn lets_pass(&self, event: &Metadata<'_>) -> bool {
        let closest = self.targets.iter().find(|(target, _)| event.target().starts_with(target));
        *event.level() <= closest.map_or(self.all, |(_, level)| *level)
    }

    /// The most that any target may say.
    pub(super) fn most(&self) -> LevelFilter {
        self.targets.iter().map(|(_, level)| *level).fold(self.all, Ord::max)
    }
}

fn parse_level(level: &str) -> Option<LevelFilter> {
    let is_word = !level.is_empty() && level.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_word.then(|| level.parse().ok()).flatten()
}
