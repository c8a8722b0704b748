//! Answers to the recorder's own commands, read as they come: what is held must not wait for the disk.

use shared_host::json;
use shared_host::mqtt::{Received, Retained};
use shared_proto::dialect::native::{self, Kind};
use shared_proto::ids::{CommandId, TopicRoot};
use shared_proto::wire::Outcome;

use crate::keyring::Keyring;

/// What the identifiers of the recorder's commands begin with.
pub(super) const PREFIX: &str = "experiment-";

/// Reads acknowledgements.
pub(super) struct Answers {
    pub(super) root: TopicRoot,
    pub(super) keyring: Keyring,
}

impl Answers {
    /// The command of a recorder that is answered, and what became of it; `None` if the message is something else, or not believed.
    pub(super) fn read(&self, received: &Received) -> Option<(CommandId, Outcome)> {
        let Received { topic, payload, retained } = received;
        if *retained == Retained::Retained || !topic.ends_with("/ack") || !contains(payload, PREFIX) {
            return None;
        }
        let (device, _) = native::parse(&self.root, topic).filter(|(_, kind)| *kind == Kind::Ack)?;
        self.keyring.believe(&device, topic, payload).ok()?;
        let ack = json::decode_ack(payload).ok().filter(|ack| ack.device == device)?;
        Some((ack.id, ack.result))
    }
}

fn contains(payload: &[u8], text: &str) -> bool {
    payload.windows(text.len()).any(|part| part == text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(topic: &str, id: &str, retained: Retained) -> Option<(String, Outcome)> {
        let answers = Answers { root: "edge".parse().unwrap(), keyring: Keyring::default() };
        let payload = format!(
            r#"{{"v":1,"id":"{id}","device":"pi-1","boot":"0000000000000007","result":"expired","mode":"NORMAL","mode_source":"gateway"}}"#
        );
        let received = Received { topic: topic.to_owned(), payload: payload.into_bytes(), retained };
        answers.read(&received).map(|(id, outcome)| (id.to_string(), outcome))
    }

    #[test]
    fn an_answer_is_of_the_device_itself_and_to_a_recorder() {
        let live = Retained::Live;
        assert_eq!(read("edge/pi-1/ack", "experiment-1", live), Some(("experiment-1".to_owned(), Outcome::Expired)));
        assert_eq!(read("edge/pi-2/ack", "experiment-1", live), None);
        assert_eq!(read("edge/pi-1/report", "experiment-1", live), None);
        assert_eq!(read("edge/pi-1/ack", "c-1", live), None);
        assert_eq!(read("edge/pi-1/ack", "experiment-1", Retained::Retained), None);
    }
}
