//! The controller: the product's fleet and its topics, driven as its program drives them.

use gateway_controller::config::Dialects;
use gateway_controller::fleet::{Action, Fleet, Moment, Rule, Settings, Timing};
use gateway_controller::link::Topics;
use shared_host::mqtt::{Event, Message};

use super::client::Client;
use super::dice::Dice;
use super::plan::Plan;
use super::run::ROOT;
use super::time::Time;
use super::trace::Node;

/// Publishes under way at most: as many as the program allows.
const IN_FLIGHT: usize = 20_000;

/// One life of the controller.
#[derive(Debug)]
pub(super) struct Gateway {
    pub(super) fleet: Fleet,
    topics: Topics,
    pub(super) client: Client,
    started: Time,
    actions: Vec<Action>,
}

/// Devices that the controller looks after.
pub(super) const MAX_DEVICES: usize = 8;

impl Gateway {
    pub(super) fn start(plan: &Plan, now: Time, dice: &mut Dice) -> Option<Self> {
        let settings = Settings {
            rule: Rule::Decide(plan.policy),
            timing: Timing::new(plan.lease_ms, plan.retry_ms, plan.ttl_ms).ok()?,
            max_devices: MAX_DEVICES,
        };
        let topics = Topics::new(ROOT.parse().ok()?, Dialects::Native);
        let epoch = u32::try_from(dice.between(0..=u32::MAX.into())).unwrap_or(0);
        let client = Client::new(Node::Gateway, plan.patience, topics.filters(), IN_FLIGHT, now, dice.split());
        Some(Self { fleet: Fleet::new(settings, epoch), topics, client, started: now, actions: Vec::new() })
    }

    /// The controller's own time.
    pub(super) fn moment(&self, now: Time) -> Moment {
        Moment::from_micros(now.us_since(self.started))
    }

    /// True time of a moment of the controller.
    pub(super) fn when(&self, moment: Moment) -> Time {
        self.started.plus_us(moment.as_micros())
    }

    /// Takes in what happened on the connection.
    ///
    /// # Errors
    /// Why a message could not be used.
    pub(super) fn handle(&mut self, event: Event, now: Time) -> Result<(), String> {
        let moment = self.moment(now);
        match event {
            Event::Up { conn } => self.fleet.link_up(conn, &mut self.actions),
            Event::Down { conn, reason } => self.fleet.link_down(conn, reason, &mut self.actions),
            Event::Message(received) => {
                let taken = self.topics.try_take(&mut self.fleet, moment, &received, &mut self.actions);
                return taken.map_err(|(subject, reason)| format!("{subject} on {}: {reason}", received.topic));
            }
            Event::Acked(_) | Event::Oversize { .. } => {}
        }
        Ok(())
    }

    pub(super) fn tick(&mut self, now: Time) {
        let moment = self.moment(now);
        self.fleet.tick(moment, &mut self.actions);
    }

    /// What the fleet did with `ask`.
    pub(super) fn ask<R>(&mut self, now: Time, ask: impl FnOnce(&mut Fleet, Moment, &mut Vec<Action>) -> R) -> R {
        let moment = self.moment(now);
        ask(&mut self.fleet, moment, &mut self.actions)
    }

    /// What is to be done.
    pub(super) fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    /// Publishes what an action asks for.
    pub(super) fn carry_out(&mut self, action: &Action, now: Time) {
        let message: Option<Message> = match action {
            Action::Send(command) => self.topics.message(command),
            Action::Share(wish) => self.topics.share(wish),
            Action::ClearStatus(device) => Some(self.topics.clear_status(device)),
            Action::Tell(_) => None,
        };
        if let Some(message) = message {
            // Refused, it is sent again while it is needed.
            let _ = self.client.publish(message, now);
        }
    }
}
