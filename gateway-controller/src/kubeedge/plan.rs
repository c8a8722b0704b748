//! What to report, and when. Pure: values and the time come in, calls come out, one at a time.
//!
//! - EdgeCore takes one call a second of all devices together ([`Pace`]), and one call carries one device.
//! - A change is told as soon as there is a turn; all values again every interval, as the cloud loses some.
//! - The first report of each property goes out twice: the cloud stores an empty value for the first.
//! - Turns are fair: whoever was served longest ago comes first, where a change counts as much as an interval of waiting. So nobody
//!   waits for ever, however much others change.
//! - A value counts as told when EdgeCore has taken it.

mod entry;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::pace::Pace;
use super::property::Property;
use super::resource::ResourceId;
use super::value::Twin;
use crate::fleet::{Moment, PresenceView};
use entry::Entry;

/// After EdgeCore refused a call nothing is sent for so long, in milliseconds.
pub(crate) const REFUSED_PAUSE_MS: u64 = 5_000;

/// Whether a device is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is.
    Online,
    /// It is not.
    Offline,
    /// Nobody knows.
    Unknown,
}

impl State {
    /// KubeEdge's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Offline => "offline",
            Self::Unknown => "unknown",
        }
    }
}

impl From<PresenceView> for State {
    fn from(presence: PresenceView) -> Self {
        match presence {
            PresenceView::Online => Self::Online,
            PresenceView::Offline => Self::Offline,
            PresenceView::Unknown => Self::Unknown,
        }
    }
}

/// A call to EdgeCore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The device.
    pub id: ResourceId,
    /// What of it.
    pub content: Content,
}

/// What a call says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// These twins; at least one.
    Twins(Vec<(Property, Twin)>),
    /// This state.
    State(State),
}

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// EdgeCore has it.
    Taken,
    /// EdgeCore has refused it, with these words.
    Refused(String),
    /// EdgeCore does not know such calls.
    Unsupported,
}

/// The plan.
#[derive(Debug)]
pub(crate) struct Plan {
    devices: BTreeMap<ResourceId, Entry>,
    pace: Pace,
    interval_ms: u64,
    under_way: Option<Call>,
    paused_until: Moment,
    states: States,
}

/// Whether EdgeCore takes states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum States {
    Taken,
    Unsupported,
}

impl Plan {
    /// Nothing to report; all values again every `interval_ms` (milliseconds).
    pub(crate) fn new(interval_ms: u64) -> Self {
        Self {
            devices: BTreeMap::new(),
            pace: Pace::default(),
            interval_ms,
            under_way: None,
            paused_until: Moment::default(),
            states: States::Taken,
        }
    }

    /// A device wants these properties reported.
    pub(crate) fn declare(&mut self, id: &ResourceId, properties: &[Property]) {
        match self.devices.get_mut(id) {
            Some(entry) => entry.declare(properties),
            None => {
                let mut entry = Entry::default();
                entry.declare(properties);
                self.devices.insert(id.clone(), entry);
            }
        }
    }

    /// Keeps those devices that fit.
    pub(crate) fn retain(&mut self, fits: impl Fn(&ResourceId) -> bool) {
        self.devices.retain(|id, _| fits(id));
    }

    /// Whether a device is in it.
    pub(crate) fn contains(&self, id: &ResourceId) -> bool {
        self.devices.contains_key(id)
    }

    /// Another EdgeCore, or the same one again: it may know nothing. The call that was under way is forgotten.
    pub(crate) fn restart(&mut self, now: Moment) {
        self.devices.values_mut().for_each(Entry::restart);
        self.under_way = None;
        self.states = States::Taken;
        // The registration was a call too.
        self.pace.spend(now);
    }

    /// A device is so now.
    pub(crate) fn observe(&mut self, id: &ResourceId, state: State, twin: impl Fn(Property) -> Option<Twin>) {
        if let Some(entry) = self.devices.get_mut(id) {
            entry.observe(state, twin);
        }
    }

    /// The next call, if there is one to make now. No other follows before [`Plan::done`].
    pub(crate) fn next(&mut self, now: Moment) -> Option<Call> {
        if self.under_way.is_some() || now < self.paused_until {
            return None;
        }
        let with_states = self.states == States::Taken;
        let due = self.devices.iter().filter_map(|(id, entry)| {
            let due = entry.due(now, self.interval_ms, with_states)?;
            Some((entry.rank(&due, self.interval_ms), id, due))
        });
        // The first of those that are alike, by name.
        let (_, id, due) = due.min_by_key(|(rank, _, _)| *rank)?;
        let call = Call { id: id.clone(), content: due.content };
        if !self.pace.take(now) {
            return None;
        }
        self.under_way = Some(call.clone());
        Some(call)
    }

    /// What became of the call under way; another one, made for an EdgeCore that is gone, does not count.
    pub(crate) fn done(&mut self, now: Moment, call: &Call, outcome: &Outcome) {
        if self.under_way.as_ref() != Some(call) {
            return;
        }
        self.under_way = None;
        if *outcome == Outcome::Unsupported {
            self.states = States::Unsupported;
        }
        if matches!(outcome, Outcome::Refused(_)) {
            self.paused_until = now.plus_millis(REFUSED_PAUSE_MS);
        }
        if let Some(entry) = self.devices.get_mut(&call.id) {
            entry.served(now);
            if *outcome == Outcome::Taken {
                entry.told(now, &call.content);
            }
        }
    }

    /// The call under way was not made after all: the connection was not there.
    pub(crate) fn give_up(&mut self) {
        self.under_way = None;
    }

    /// Says nothing of a device before `time`: nobody knows it there.
    pub(crate) fn suspend(&mut self, id: &ResourceId, time: Moment) {
        if let Some(entry) = self.devices.get_mut(id) {
            entry.suspend(time);
        }
    }
}
