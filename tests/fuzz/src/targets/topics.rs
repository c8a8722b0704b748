//! Topics: what is read as a topic of this project is written the same.

use shared_proto::dialect::{lab, native, site};
use shared_proto::ids::TopicRoot;

/// The topic of a message; a first line before it is the root of the topics.
pub fn topic(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (root, topic) = text.split_once('\n').unwrap_or(("edge", text));
    if let Ok(root) = root.parse::<TopicRoot>() {
        let (of_device, of_site) = (native::parse(&root, topic), site::parse(&root, topic));
        assert!(of_device.is_none() || of_site.is_none(), "a topic has one meaning");
        if let Some((device, kind)) = of_device {
            assert_eq!(native::topic(&root, &device, kind).as_str(), topic);
        }
        if let Some((name, kind)) = of_site {
            assert_eq!(site::topic(&root, &name, kind).as_str(), topic);
        }
    }
    if let Some(device) = lab::parse_metrics_topic(topic) {
        assert_eq!(lab::metrics_topic(&device).as_str(), topic);
    }
}
