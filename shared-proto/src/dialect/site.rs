//! Topics between the controller of a site and the one above it: `{root}/{site}/{site | site-up | missing}`. The payloads are
//! [`Site`](crate::wire::Site), [`SiteStatus`](crate::wire::SiteStatus) and [`SiteMissing`](crate::wire::SiteMissing).

use super::{Topic, join};
use crate::ids::{SiteId, TopicRoot};

/// What a topic carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Up: [`crate::wire::Site`].
    Window,
    /// Up, retained: [`crate::wire::SiteStatus`].
    Status,
    /// Down: [`crate::wire::SiteMissing`].
    Missing,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Window, Self::Status, Self::Missing];

    fn word(self) -> &'static str {
        match self {
            Self::Window => "site",
            Self::Status => "site-up",
            Self::Missing => "missing",
        }
    }
}

/// The topic of one site.
#[must_use]
pub fn topic(root: &TopicRoot, site: &SiteId, kind: Kind) -> Topic {
    join([root.as_str(), site.as_str(), kind.word()])
}

/// The filter that matches this kind of topic of every site.
#[must_use]
pub fn filter(root: &TopicRoot, kind: Kind) -> Topic {
    join([root.as_str(), "+", kind.word()])
}

/// Which site and kind a topic belongs to; `None` if it is not one of these.
#[must_use]
pub fn parse(root: &TopicRoot, topic: &str) -> Option<(SiteId, Kind)> {
    let (site, word) = topic.strip_prefix(root.as_str())?.strip_prefix('/')?.split_once('/')?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.word() == word)?;
    Some((site.parse().ok()?, kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::native;

    #[test]
    fn topics_are_read_as_they_are_written_and_are_none_of_a_device() {
        let root: TopicRoot = "r".repeat(64).parse().unwrap();
        let site: SiteId = "s".repeat(32).parse().unwrap();
        for kind in Kind::ALL {
            let topic = topic(&root, &site, kind);
            assert_eq!(parse(&root, &topic), Some((site.clone(), kind)));
            assert_eq!(native::parse(&root, &topic), None);
        }
        assert_eq!(filter(&root, Kind::Window).split('/').collect::<std::vec::Vec<_>>()[1..], ["+", "site"]);
        assert_eq!(parse(&root, &native::topic(&root, &"pi".parse().unwrap(), native::Kind::Report)), None);
    }
}
