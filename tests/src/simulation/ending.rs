//! The last judgement: the books are closed.

use super::at_device::RunEnd;
use super::gateway::MAX_DEVICES;
use super::happenings::Happening;
use super::judge::{Broken, Law};
use super::run::IN_FLIGHT;
use super::time::Time;
use super::trace::Node;
use super::world::World;

/// A command that came so shortly before the end need not be answered yet, in milliseconds.
const ANSWER_MS: u64 = 3_000;
/// What the controller may hold of one device, in bytes of its `Debug` text; a device that lives on for ever holds no more.
const MOST_OF_A_DEVICE: usize = 12 * 1024;

impl World {
    pub(super) fn judge_the_end(&mut self) {
        self.judge_gateway();
        let by = Time::from_ms((self.plan.ends.us() / 1_000).saturating_sub(ANSWER_MS));
        for index in 0..self.devices.len() {
            let node = Node::Device(index);
            let alive = self.devices.get(index).and_then(|device| device.alive.as_ref());
            let waiting = alive.map(|alive| (alive.run.boot, alive.run.agent.waiting()));
            if let Some((boot, waiting)) = waiting {
                let answered = self.watches.get(index).map_or(Ok(()), |watch| watch.answers.all_answered(boot, by));
                self.judge(node, answered);
                if waiting > IN_FLIGHT / 2 {
                    let how = format!("{waiting} reports still wait");
                    self.judge(node, Err(Broken::new(Law::CatchUp, how)));
                }
            } else {
                self.seen.note(Happening::DeadAtEnd);
            }
            self.bury(index, RunEnd::Killed);
            let Some(watch) = self.watches.get(index) else { continue };
            let lost = watch.sent.iter().filter(|id| !watch.answers.knows(id)).count();
            self.seen.add(Happening::LostCommand, u64::try_from(lost).unwrap_or(u64::MAX));
            let balanced = watch.totals.balanced();
            self.judge(node, balanced);
        }
    }

    /// The controller's books, when it ends.
    pub(super) fn judge_gateway(&mut self) {
        let Some(gateway) = &self.gateway else { return };
        let views = gateway.fleet.view(gateway.moment(self.now));
        let mut results = Vec::new();
        for (device, watch) in self.devices.iter().zip(&self.gateway_watches) {
            if let Some(view) = views.iter().find(|view| view.device == device.name) {
                results.push(watch.received.compare(view));
            }
            if watch.received.missed_any() {
                self.seen.note(Happening::MissingAtGateway);
            }
        }
        let text = format!("{:?}", gateway.fleet).len();
        if views.len() > MAX_DEVICES || text > MOST_OF_A_DEVICE * views.len().max(1) {
            let how = format!("it holds {} devices in {text} bytes of text", views.len());
            results.push(Err(Broken::new(Law::Bounded, how)));
        }
        results.into_iter().for_each(|result| self.judge(Node::Gateway, result));
    }
}
