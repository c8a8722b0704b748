//! Where a rollout stands, by its record. Pure.

use std::collections::BTreeMap;

use super::record::{Event, Line};
use crate::update::{Outcome, Step};

/// How a device stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Standing {
    /// Nothing was changed by this rollout, or it was taken back.
    #[default]
    Open,
    /// It was being changed when the record ended.
    InDoubt,
    /// It has the release, by this rollout.
    Good,
}

/// Why a rollout cannot be gone on with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResumeError {
    /// Not a record.
    #[error("line {0} is no line of a record")]
    Line(usize),
    /// Nothing is in it.
    #[error("it does not begin with the beginning of a rollout")]
    NoBeginning,
    /// Of something else.
    #[error("it is of the artefact with SHA-256 {recorded}, not {given}")]
    OtherArtefact {
        /// What it is of.
        recorded: String,
        /// What was given.
        given: String,
    },
    /// Of other devices.
    #[error("its waves are not those of this inventory")]
    OtherWaves,
}

/// How each device stands; one that is not named is open.
///
/// # Errors
/// [`ResumeError`]. A last line that was cut short is as if it were not there: its step was not taken.
pub fn standing(record: &str, sha256: &str, waves: &[Vec<String>]) -> Result<BTreeMap<String, Standing>, ResumeError> {
    let lines: Vec<_> = record.lines().collect();
    let mut standing = BTreeMap::new();
    let mut begun = false;
    for (index, text) in lines.iter().enumerate() {
        let line: Line = match serde_json::from_str(text) {
            Ok(line) => line,
            // Cut short, then ended by whoever went on.
            Err(error) if error.is_eof() => continue,
            Err(_) => return Err(ResumeError::Line(index + 1)),
        };
        match line.event {
            Event::Begin { sha256: recorded, .. } if recorded != sha256 => {
                return Err(ResumeError::OtherArtefact { recorded, given: sha256.to_owned() });
            }
            Event::Begin { waves: recorded, .. } if recorded != waves => return Err(ResumeError::OtherWaves),
            Event::Begin { .. } => begun = true,
            Event::Step {
                host,
                step: Step::Switch | Step::Watch | Step::Commit | Step::GoBack | Step::AwaitGuard | Step::Withdraw,
                ..
            } => {
                standing.insert(host, Standing::InDoubt);
            }
            Event::Step { .. } | Event::Resume | Event::Stop { .. } | Event::Finish => {}
            Event::End { host, outcome, .. } => {
                let stands = match outcome {
                    Outcome::Done { .. } => Standing::Good,
                    // It was committed, and the record ended before that was written.
                    Outcome::Already if standing.get(&host) == Some(&Standing::InDoubt) => Standing::Good,
                    Outcome::Already | Outcome::Untouched { .. } | Outcome::WentBack { .. } => Standing::Open,
                    Outcome::Unclear { .. } => Standing::InDoubt,
                };
                standing.insert(host, stands);
            }
        }
        if !begun {
            return Err(ResumeError::NoBeginning);
        }
    }
    if begun { Ok(standing) } else { Err(ResumeError::NoBeginning) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::ReleaseName;
    use crate::update::{Contact, Who};

    fn waves() -> Vec<Vec<String>> {
        vec![vec!["a".to_owned()], vec!["b".to_owned(), "c".to_owned(), "d".to_owned()]]
    }

    fn text(events: &[Event]) -> String {
        let line = |event: &Event| serde_json::to_string(&Line { t_ms: 1, event: event.clone() }).unwrap() + "\n";
        events.iter().map(line).collect()
    }

    fn begin() -> Event {
        let release = ReleaseName::try_from("r".to_owned()).unwrap();
        Event::Begin { release, sha256: "s".to_owned(), waves: waves() }
    }

    fn step(host: &str, step: Step) -> Event {
        Event::Step { host: host.to_owned(), wave: 0, step }
    }

    fn end(host: &str, outcome: Outcome) -> Event {
        Event::End { host: host.to_owned(), wave: 0, outcome }
    }

    #[test]
    fn the_last_word_on_a_device_counts() {
        let back = Outcome::WentBack { why: "w".to_owned(), by: Who::Tool, figures: None };
        let record = text(&[
            begin(),
            step("a", Step::Switch),
            end("a", Outcome::Already),
            step("b", Step::Copy),
            step("c", Step::Switch),
            step("c", Step::Watch),
            end("d", Outcome::Already),
            step("d", Step::Withdraw),
            end("d", back),
            Event::Resume,
        ]);
        let standing = standing(&record, "s", &waves()).unwrap();
        let of = |host: &str| standing.get(host).copied().unwrap_or_default();
        assert_eq!(
            [of("a"), of("b"), of("c"), of("d")],
            [Standing::Good, Standing::Open, Standing::InDoubt, Standing::Open]
        );
    }

    #[test]
    fn every_cut_is_read_and_never_says_more_than_was_written() {
        let unreached = Outcome::Untouched { contact: Contact::Unreachable, why: "w".to_owned() };
        let whole = text(&[begin(), step("a", Step::Switch), end("a", Outcome::Already), end("b", unreached)]);
        let ended = whole.find("\"end\"").unwrap();
        for cut in whole.find('\n').unwrap() + 1..whole.len() {
            let standing = standing(whole.get(..cut).unwrap(), "s", &waves()).unwrap();
            let good = standing.get("a") == Some(&Standing::Good);
            assert!(!good || cut > ended, "{cut}: {standing:?}");
        }
        // Gone on with after the cut.
        let cut = whole.get(..ended).unwrap().to_owned() + "\n" + &text(&[Event::Resume]);
        assert_eq!(standing(&cut, "s", &waves()).unwrap().get("a"), Some(&Standing::InDoubt));
    }

    #[test]
    fn another_rollout_is_refused() {
        let record = text(&[begin()]);
        assert!(matches!(standing(&record, "t", &waves()), Err(ResumeError::OtherArtefact { .. })));
        assert_eq!(standing(&record, "s", &waves()[..1]), Err(ResumeError::OtherWaves));
        assert_eq!(standing("", "s", &waves()), Err(ResumeError::NoBeginning));
        assert_eq!(standing(&text(&[step("a", Step::Look)]), "s", &waves()), Err(ResumeError::NoBeginning));
        assert_eq!(standing("hello\n", "s", &waves()), Err(ResumeError::Line(1)));
    }
}
