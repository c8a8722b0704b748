//! The mapper's core: wishes of the cloud go to the fleet, values of the fleet to the plan, its calls to [`super::dmi`].

use std::collections::BTreeMap;

use shared_proto::ids::DeviceId;
use tokio::sync::mpsc;

use super::declarations::{Declarations, NewWish};
use super::desired::Desired;
use super::plan::{Call, Outcome, Plan, State};
use super::property::Property;
use super::resource::{Declaration, ResourceId};
use super::value::{Twin, TwinValue};
use crate::fleet::{Action, Fleet, Moment, Refused, Wish, Wisher};
use crate::refusals::{Refusals, Subject};

/// How often the devices are looked at, in milliseconds.
const LOOK_MS: u64 = 250;

/// What happened at EdgeCore.
#[derive(Debug)]
pub(crate) enum News {
    /// A registration is under way.
    Registering,
    /// Registered; this is all that is declared.
    Registered(Vec<Declaration>),
    /// A device was declared, or its declaration edited.
    Declared(Declaration),
    /// A device is no longer declared.
    Removed(ResourceId),
    /// What became of a call.
    Done(Call, Outcome),
    /// Nobody is there to be called.
    Lost,
}

/// The core.
#[derive(Debug)]
pub(crate) struct Mapper {
    news: mpsc::Receiver<News>,
    calls: mpsc::Sender<Call>,
    declarations: Declarations,
    plan: Plan,
    /// What was desired last of each device that was ever declared.
    desired: BTreeMap<DeviceId, Desired>,
    /// Wishes for devices that the fleet does not know yet.
    owed: BTreeMap<DeviceId, Option<Wish>>,
    session: Session,
    next_look: Moment,
    /// Ends the calls with the mapper.
    _task: Task,
}

/// Whether EdgeCore can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Session {
    Up,
    Down,
}

/// A task that ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Task(pub(crate) tokio::task::JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Mapper {
    /// A mapper that hears `news` and makes `calls`; all values again every `interval_ms`.
    pub(crate) fn new(interval_ms: u64, news: mpsc::Receiver<News>, calls: mpsc::Sender<Call>, task: Task) -> Self {
        Self {
            news,
            calls,
            declarations: Declarations::default(),
            plan: Plan::new(interval_ms),
            desired: BTreeMap::new(),
            owed: BTreeMap::new(),
            session: Session::Down,
            next_look: Moment::default(),
            _task: task,
        }
    }

    pub(crate) async fn next(&mut self) -> News {
        match self.news.recv().await {
            Some(news) => news,
            None => std::future::pending().await,
        }
    }

    pub(crate) fn take(
        &mut self,
        news: News,
        now: Moment,
        fleet: &mut Fleet,
        refusals: &mut Refusals,
        out: &mut Vec<Action>,
    ) {
        let wishes = match news {
            News::Registering => {
                self.declarations.begin();
                Vec::new()
            }
            News::Registered(list) => {
                let wishes = self.declarations.replace(list);
                tracing::info!(devices = self.declarations.len(), "registered at EdgeCore");
                self.session = Session::Up;
                self.plan.restart(now);
                wishes
            }
            News::Declared(declaration) => self.declarations.declare(declaration),
            News::Removed(id) => self.declarations.remove(&id).into_iter().collect(),
            News::Done(call, outcome) => {
                self.plan.done(now, &call, &outcome);
                if let Outcome::Refused(why) = outcome {
                    refusals.note(now, Subject::Twin, &call.id.to_string(), why);
                }
                Vec::new()
            }
            News::Lost => {
                self.session = Session::Down;
                self.plan.give_up();
                Vec::new()
            }
        };
        let wishes = self.without_replays(wishes, fleet);
        self.owed.extend(wishes.into_iter().map(|NewWish { device, wish }| (device, wish)));
        self.sync_plan();
        self.settle(now, fleet, out);
        // What has changed is told now, not at the next look.
        self.next_look = now;
    }

    pub(crate) fn next_wake(&self) -> Option<Moment> {
        (self.declarations.len() > 0).then_some(self.next_look)
    }

    pub(crate) fn tick(&mut self, now: Moment, fleet: &mut Fleet, out: &mut Vec<Action>) {
        if now < self.next_look {
            return;
        }
        self.next_look = now.plus_millis(LOOK_MS);
        self.settle(now, fleet, out);
        for declared in self.declarations.iter() {
            let brief = fleet.brief(&declared.device, now);
            let Some(brief) = brief else {
                // Never heard, or forgotten: when it comes, it finds what is desired of it.
                if let Some(wish @ Some(_)) = declared.desired.wish() {
                    self.owed.insert(declared.device.clone(), wish);
                }
                self.plan.observe(&declared.id, State::Unknown, |_| None);
                continue;
            };
            self.plan.observe(&declared.id, brief.presence.into(), |property| {
                let observed_desired = match property {
                    Property::Mode => declared.desired_text.clone(),
                    _ => TwinValue::default(),
                };
                Some(Twin { observed_desired, reported: property.of(&brief)? })
            });
        }
        if self.session == Session::Up
            && let Some(call) = self.plan.next(now)
            && self.calls.try_send(call).is_err()
        {
            self.plan.give_up();
        }
    }

    /// A declaration can go missing and come back unchanged, as a whole list does when EdgeCore cannot read one of its rows. What
    /// somebody wished at the gateway meanwhile, or before, outlasts both.
    fn without_replays(&mut self, mut wishes: Vec<NewWish>, fleet: &Fleet) -> Vec<NewWish> {
        let declared: BTreeMap<_, _> =
            self.declarations.iter().map(|it| (it.device.clone(), it.desired.clone())).collect();
        wishes.retain(|NewWish { device, .. }| {
            let local = fleet.wisher(device) == Some(Wisher::SetMode);
            let is_news = declared.get(device).is_some_and(|now| self.desired.get(device) != Some(now));
            !local || is_news
        });
        self.desired.extend(declared);
        wishes
    }

    /// The plan reports what is declared, and nothing else.
    fn sync_plan(&mut self) {
        let declarations = &self.declarations;
        self.plan.retain(|id| declarations.contains(id));
        for declared in declarations.iter() {
            self.plan.declare(&declared.id, &declared.properties);
        }
    }

    /// Takes to the fleet what is owed to devices that it knows.
    fn settle(&mut self, now: Moment, fleet: &mut Fleet, out: &mut Vec<Action>) {
        self.owed.retain(|device, wish| {
            let unknown = fleet.wish_by(Wisher::Kubeedge, now, device, *wish, out) == Err(Refused::UnknownDevice);
            // That the policy shall decide need not be kept: it does.
            unknown && wish.is_some()
        });
    }
}

#[cfg(test)]
mod tests;
