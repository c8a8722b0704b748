//! What to say about a name that does not exist: the nearest right one, or else what is allowed there.

use super::Schema;

/// No key is this long; comparing longer names would only cost time.
const LONGEST_NAME: usize = 128;

/// How names are written where the wrong one was found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    File,
    Environment,
}

impl Schema {
    /// A hint for an unknown key.
    pub(super) fn hint_for_key(&self, path: &str, spelling: Spelling) -> String {
        let keys = || self.keys.iter().map(|key| key.path);
        let elsewhere = || keys().find(|known| last(known) == last(path));
        match nearest(path, keys()).or_else(elsewhere) {
            Some(known) => format!("did you mean {}?", self.spell(known, spelling)),
            None => format!("allowed: {}", self.allowed_beside(path, spelling)),
        }
    }

    /// A hint for an unknown section of a file.
    pub(super) fn hint_for_section(&self, path: &str) -> String {
        let sections = self.sections_in_order();
        match nearest(path, sections.iter().map(|section| section.path).filter(|known| !known.is_empty())) {
            Some(known) => format!("did you mean {known}?"),
            None => format!("allowed: {}", self.allowed_beside("", Spelling::File)),
        }
    }

    /// The keys of a section, as a list.
    pub(super) fn keys_of(&self, section: &str, spelling: Spelling) -> String {
        self.keys_in(section).map(|key| self.spell(key.path, spelling)).collect::<Vec<_>>().join(", ")
    }

    fn allowed_beside(&self, path: &str, spelling: Spelling) -> String {
        // A quoted segment may hold dots of its own.
        let bare = path.split('"').next().unwrap_or_default();
        let section = bare.rsplit_once('.').map_or("", |(section, _)| section);
        if !section.is_empty() && self.keys_in(section).next().is_some() {
            return self.keys_of(section, spelling);
        }
        let top_keys = self.keys_in("").map(|key| self.spell(key.path, spelling));
        let sections = self.sections_in_order().into_iter().filter(|section| !section.path.is_empty());
        let sections = sections.map(|section| match spelling {
            Spelling::File => format!("[{}]", section.path),
            Spelling::Environment => format!("{}__*", self.variable(section.path)),
        });
        top_keys.chain(sections).collect::<Vec<_>>().join(", ")
    }

    fn spell(&self, path: &str, spelling: Spelling) -> String {
        match spelling {
            Spelling::File => path.to_owned(),
            Spelling::Environment => self.variable(path),
        }
    }
}

/// The known path that the wrong one was most likely meant to be.
///
/// The last segments decide how many letters may differ: a long section in front must not make unlike keys look alike.
fn nearest<'a>(path: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if path.len() > LONGEST_NAME {
        return None;
    }
    known
        .filter_map(|known| {
            let distance = strsim::osa_distance(path, known);
            let limit = last(path).len().min(last(known).len()) / 2;
            (distance <= limit.max(1)).then_some((distance, known))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

fn last(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(_, last)| last)
}
