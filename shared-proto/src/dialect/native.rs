//! Topics of the native wire: `{root}/{device}/{report | status | command | ack}`. The payloads are those of [`crate::wire`].

use super::{Topic, join};
use crate::ids::{DeviceId, TopicRoot};

/// What a topic carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Device to gateway: [`crate::wire::Report`].
    Report,
    /// Device to gateway, retained: [`crate::wire::Status`].
    Status,
    /// Gateway to device: [`crate::wire::SetMode`].
    Command,
    /// Device to gateway: [`crate::wire::Ack`].
    Ack,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Report, Self::Status, Self::Command, Self::Ack];

    fn word(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Status => "status",
            Self::Command => "command",
            Self::Ack => "ack",
        }
    }
}

/// The topic of one device.
#[must_use]
pub fn topic(root: &TopicRoot, device: &DeviceId, kind: Kind) -> Topic {
    join([root.as_str(), device.as_str(), kind.word()])
}

/// The filter that matches this kind of topic of every device.
#[must_use]
pub fn filter(root: &TopicRoot, kind: Kind) -> Topic {
    join([root.as_str(), "+", kind.word()])
}

/// Which device and kind a topic belongs to; `None` if it is not one of these.
#[must_use]
pub fn parse(root: &TopicRoot, topic: &str) -> Option<(DeviceId, Kind)> {
    let (device, word) = topic.strip_prefix(root.as_str())?.strip_prefix('/')?.split_once('/')?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.word() == word)?;
    Some((device.parse().ok()?, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_read_as_they_are_written() {
        let root: TopicRoot = "site/edge".parse().unwrap();
        let device: DeviceId = "pi-01".parse().unwrap();
        for kind in Kind::ALL {
            assert_eq!(parse(&root, &topic(&root, &device, kind)), Some((device.clone(), kind)));
        }
        assert_eq!(topic(&root, &device, Kind::Report).as_str(), "site/edge/pi-01/report");
        assert_eq!(filter(&root, Kind::Ack).as_str(), "site/edge/+/ack");
    }

    #[test]
    fn foreign_topics_are_not_read() {
        let root: TopicRoot = "edge".parse().unwrap();
        for foreign in
            ["edge/pi/other", "edge/pi/report/x", "edges/pi/report", "edge//report", "edge/report", "x/pi/report"]
        {
            assert_eq!(parse(&root, foreign), None, "{foreign}");
        }
    }

    #[test]
    fn the_longest_ids_fit_a_topic() {
        let root: TopicRoot = "r".repeat(64).parse().unwrap();
        let device: DeviceId = "d".repeat(32).parse().unwrap();
        assert_eq!(topic(&root, &device, Kind::Command).len(), crate::limits::MAX_TOPIC);
    }
}
