//! What a test can make go wrong.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use super::store::Persistence;
use super::world::World;

/// A core service with a port of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// core-metadata.
    Metadata,
    /// core-data.
    Data,
    /// core-command.
    Command,
}

impl Service {
    pub(super) const ALL: [Self; 3] = [Self::Metadata, Self::Data, Self::Command];

    /// Its name in EdgeX.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Metadata => "core-metadata",
            Self::Data => "core-data",
            Self::Command => "core-command",
        }
    }
}

/// Whether connections to a service are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// They are.
    Listening,
    /// They are refused; those that there were are closed.
    Refused,
}

/// How device-mqtt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceService {
    /// Well.
    #[default]
    Up,
    /// Running, but without its connection to the devices' broker: data is lost, commands time out with 500.
    LinkLost,
    /// Not running: data is lost, commands are answered with 503, and adding a device with a timeout.
    Down,
}

/// An answer that is not what the service would say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// An error in EdgeX' form with this status, 400 to 599 (others act as 500). Nothing is done.
    Status(u16),
    /// What the request timeout answers: 503 with a body of HTML. Nothing is done.
    Html503,
    /// None, until the client gives up. Nothing is done.
    Hang,
    /// The right one, so much later.
    Slow(Duration),
}

/// What is planned.
#[derive(Debug, Default)]
pub(super) struct Plan {
    answers: HashMap<Service, VecDeque<(u32, Answer)>>,
    pub(super) echo: Option<String>,
    swaps: u32,
    cuts: u32,
    nulls: HashMap<String, u32>,
}

fn spend(count: &mut u32) -> bool {
    let some = *count > 0;
    *count = count.saturating_sub(1);
    some
}

impl Plan {
    pub(super) fn answer(&mut self, service: Service) -> Option<Answer> {
        let queue = self.answers.get_mut(&service)?;
        let (times, answer) = queue.front_mut()?;
        let answer = *answer;
        *times = times.saturating_sub(1);
        if *times == 0 {
            queue.pop_front();
        }
        Some(answer)
    }

    pub(super) fn swaps(&self) -> bool {
        self.swaps > 0
    }

    pub(super) fn swapped(&mut self) {
        spend(&mut self.swaps);
    }

    pub(super) fn cut(&mut self) -> bool {
        spend(&mut self.cuts)
    }

    pub(super) fn null(&mut self, resource: &str) -> bool {
        self.nulls.get_mut(resource).is_some_and(spend)
    }
}

/// An order to the thread that serves, with the place for the word that it is done.
#[derive(Debug)]
pub(super) enum Order {
    Reach(Service, Reach, mpsc::Sender<Result<(), String>>),
    DeviceService(DeviceService, mpsc::Sender<Result<(), String>>),
    Stop,
}

/// Switches of a stand-in; each has taken effect when it returns.
#[derive(Debug, Clone)]
pub struct Faults {
    pub(super) world: Arc<World>,
    pub(super) orders: UnboundedSender<Order>,
}

impl Faults {
    /// The next requests of a service are answered so, after those that are planned already. Of core-command these are
    /// commands alone, of the others everything but `ping` and `version`.
    pub fn answer(&self, service: Service, times: u32, answer: Answer) {
        if times > 0 {
            self.world.state().faults.answers.entry(service).or_default().push_back((times, answer));
        }
    }

    /// Closes or opens the port of a service.
    ///
    /// # Errors
    /// The port cannot be opened again, or the stand-in has ended.
    pub fn reach(&self, service: Service, reach: Reach) -> Result<(), String> {
        self.order(|done| Order::Reach(service, reach, done))
    }

    /// Stops or starts device-mqtt, or takes its connection away. What it was told while it was away is lost.
    ///
    /// # Errors
    /// The broker does not answer, or the stand-in has ended.
    pub fn device_service(&self, state: DeviceService) -> Result<(), String> {
        self.order(|done| Order::DeviceService(state, done))
    }

    /// Whether core-data stores what comes. The bus goes on.
    pub fn persistence(&self, persistence: Persistence) {
        self.world.state().store.persistence = persistence;
    }

    /// After each event with a reading of this resource comes one of the resource alone, as after a set of a readable
    /// resource: the newest event is never the device's own.
    pub fn echo(&self, resource: Option<&str>) {
        self.world.state().faults.echo = resource.map(str::to_owned);
    }

    /// Of the next messages of devices, so many pairs become events in the wrong order: the first waits for the second.
    pub fn swap_pairs(&self, pairs: u32) {
        self.world.state().faults.swaps = pairs;
    }

    /// So many of the next events are cut in half on the bus; core-data has them whole.
    pub fn cut_on_bus(&self, events: u32) {
        self.world.state().faults.cuts = events;
    }

    /// So many of the next readings of a resource are null readings, which 4.x alone has: 3.x goes on as ever.
    pub fn null_readings(&self, resource: &str, readings: u32) {
        self.world.state().faults.nulls.insert(resource.to_owned(), readings);
    }

    fn order(&self, order: impl FnOnce(mpsc::Sender<Result<(), String>>) -> Order) -> Result<(), String> {
        let (done, is_done) = mpsc::channel();
        let ended = |()| "the stand-in has ended".to_owned();
        self.orders.send(order(done)).map_err(|_| ended(()))?;
        is_done.recv().map_err(|_| ended(()))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planned_answers_come_in_their_order_and_end() {
        let mut plan = Plan::default();
        let planned = [(2, Answer::Status(500)), (1, Answer::Hang)];
        plan.answers.insert(Service::Command, planned.into());
        let answers = [(); 4].map(|()| plan.answer(Service::Command));
        assert_eq!(answers, [Some(Answer::Status(500)), Some(Answer::Status(500)), Some(Answer::Hang), None]);
        assert_eq!(plan.answer(Service::Data), None);
    }

    #[test]
    fn counted_faults_end() {
        let mut plan = Plan { cuts: 1, nulls: HashMap::from([("a".to_owned(), 2)]), ..Plan::default() };
        assert_eq!([plan.cut(), plan.cut()], [true, false]);
        assert_eq!([plan.null("b"), plan.null("a"), plan.null("a"), plan.null("a")], [false, true, true, false]);
    }
}
