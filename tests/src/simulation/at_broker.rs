//! What arrives at the broker, and what the archive there makes of it.

use shared_host::json;

use super::broker::Accepted;
use super::happenings::Happening;
use super::judge::{Broken, Law};
use super::network::WireId;
use super::packet::Packet;
use super::recorder::Taken;
use super::trace::{Node, digest};
use super::world::World;

impl World {
    pub(super) fn at_broker(&mut self, wire: WireId, packet: Packet) {
        self.broker.packet(&mut self.network, wire, packet, self.now, &mut self.seen);
        for accepted in std::mem::take(&mut self.broker.accepted) {
            self.trace.note(self.now, Node::Broker, "takes", &accepted.payload, || {
                format!("{} from {}: {}", accepted.topic, accepted.from, String::from_utf8_lossy(&accepted.payload))
            });
            match accepted.from {
                Node::Device(index) if accepted.topic.ends_with("/report") => self.archive(index, &accepted),
                Node::Device(index) if accepted.topic.ends_with("/ack") => self.archive_ack(index, &accepted),
                Node::Gateway => self.note_command(&accepted),
                _ => {}
            }
        }
    }

    fn archive(&mut self, index: usize, accepted: &Accepted) {
        let node = Node::Device(index);
        let report = match json::decode_report(&accepted.payload) {
            Ok(report) => report,
            Err(error) => return self.judge(node, Err(Broken::new(Law::Understood, error.to_string()))),
        };
        self.seen.note(Happening::Report);
        if report.merged > 1 {
            self.seen.note(Happening::Merged);
        }
        let counted = self.counted(index, report.boot);
        if counted.is_none() && self.devices.get(index).is_some_and(|device| device.alive.is_some()) {
            self.seen.note(Happening::Restored);
        }
        let Some(watch) = self.watches.get_mut(index) else { return };
        let taken = watch.totals.at_broker(&report, digest(&accepted.payload), counted);
        if matches!(taken, Ok(Taken::Duplicate)) {
            self.seen.note(Happening::DuplicateReport);
        }
        self.judge(node, taken.map(drop));
    }

    fn archive_ack(&mut self, index: usize, accepted: &Accepted) {
        let node = Node::Device(index);
        let ack = match json::decode_ack(&accepted.payload) {
            Ok(ack) => ack,
            Err(error) => return self.judge(node, Err(Broken::new(Law::Understood, error.to_string()))),
        };
        self.seen.note(Happening::Answer);
        if ack.reason.as_str().starts_with("superseded") {
            self.seen.note(Happening::Superseded);
        }
        let Some(watch) = self.watches.get_mut(index) else { return };
        let repeated = watch.answers.answered(&ack);
        if matches!(repeated, Ok(true)) {
            self.seen.note(Happening::RepeatedAnswer);
        }
        self.judge(node, repeated.map(drop));
    }

    fn note_command(&mut self, accepted: &Accepted) {
        let Some(name) = accepted.topic.strip_suffix("/command").and_then(|topic| topic.rsplit('/').next()) else {
            return;
        };
        let Ok(command) = json::decode_command(&accepted.payload) else { return };
        let places = self.devices.iter().zip(&mut self.watches);
        for (_, watch) in places.filter(|(device, _)| device.name.as_str() == name) {
            watch.sent.push(command.id.clone());
        }
    }
}
