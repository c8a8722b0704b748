//! One device in the plan.

use super::{Content, State};
use crate::fleet::Moment;
use crate::kubeedge::property::{Cadence, Property, clearly_differ};
use crate::kubeedge::value::Twin;

/// How often the first report of a property goes out.
const FIRST_COPIES: u8 = 2;
/// Least time between two reports of a value that changes all the time, in milliseconds.
const CALM_MS: u64 = 10_000;
/// The state is told again every so many intervals.
const STATE_INTERVALS: u64 = 4;

/// What is known of a device, and what EdgeCore was told.
#[derive(Debug, Default)]
pub(super) struct Entry {
    slots: Vec<Slot>,
    state: Option<State>,
    state_told: Option<(State, Moment)>,
    /// When all values were told.
    refreshed: Option<Moment>,
    /// When it last had a turn, and with what.
    served: Option<Moment>,
    last: Last,
    suspended_until: Moment,
}

/// What the last turn was used for, so that neither crowds out the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Last {
    #[default]
    State,
    Twins,
}

#[derive(Debug)]
struct Slot {
    property: Property,
    now: Option<Twin>,
    told: Option<(Twin, Moment)>,
    copies: u8,
}

/// Something to tell.
pub(super) struct Due {
    pub(super) content: Content,
    /// It is news, not a repetition.
    pub(super) news: bool,
}

impl Entry {
    pub(super) fn declare(&mut self, properties: &[Property]) {
        self.slots.retain(|slot| properties.contains(&slot.property));
        for property in properties {
            if !self.slots.iter().any(|slot| slot.property == *property) {
                self.slots.push(Slot { property: *property, now: None, told: None, copies: 0 });
            }
        }
    }

    pub(super) fn restart(&mut self) {
        for slot in &mut self.slots {
            (slot.told, slot.copies) = (None, 0);
        }
        (self.state_told, self.refreshed, self.last) = (None, None, Last::State);
        self.suspended_until = Moment::default();
    }

    pub(super) fn observe(&mut self, state: State, twin: impl Fn(Property) -> Option<Twin>) {
        self.state = Some(state);
        for slot in &mut self.slots {
            // A value that is not known for a moment does not become unknown in the cloud.
            if let Some(twin) = twin(slot.property) {
                slot.now = Some(twin);
            }
        }
    }

    pub(super) fn due(&self, now: Moment, interval_ms: u64, with_states: bool) -> Option<Due> {
        if now < self.suspended_until {
            return None;
        }
        let news = self.twins(|slot| slot.is_due(now));
        let state = self.state.filter(|_| with_states);
        let state_news = state.filter(|state| self.state_told.map(|(told, _)| told) != Some(*state));
        let passed = |at: Option<Moment>, ms: u64| at.is_none_or(|at| now.millis_since(at) >= ms);
        match state_news {
            Some(state) if self.last == Last::Twins || news.is_empty() => {
                return Some(Due { content: Content::State(state), news: true });
            }
            _ => {}
        }
        if passed(self.refreshed, interval_ms) {
            let all = self.twins(|_| true);
            if !all.is_empty() {
                return Some(Due { content: Content::Twins(all), news: !news.is_empty() });
            }
        }
        if !news.is_empty() {
            return Some(Due { content: Content::Twins(news), news: true });
        }
        let again = state.filter(|_| passed(self.state_told.map(|(_, at)| at), STATE_INTERVALS * interval_ms));
        again.map(|state| Due { content: Content::State(state), news: false })
    }

    /// Who comes first: the lower, the sooner.
    pub(super) fn rank(&self, due: &Due, interval_ms: u64) -> u64 {
        // Counted from an interval before the start, so that news can be that much earlier.
        let served = self.served.map_or(0, |at| at.as_micros().saturating_add(interval_ms * 1_000));
        served.saturating_sub(if due.news { interval_ms * 1_000 } else { 0 })
    }

    pub(super) fn served(&mut self, now: Moment) {
        self.served = Some(now);
    }

    pub(super) fn told(&mut self, now: Moment, content: &Content) {
        match content {
            Content::State(state) => {
                self.state_told = Some((*state, now));
                self.last = Last::State;
            }
            Content::Twins(twins) => {
                for (property, twin) in twins {
                    if let Some(slot) = self.slots.iter_mut().find(|slot| slot.property == *property) {
                        slot.told = Some((twin.clone(), now));
                        slot.copies = slot.copies.saturating_add(1);
                    }
                }
                let known = self.slots.iter().filter(|slot| slot.now.is_some()).count();
                if twins.len() >= known {
                    self.refreshed = Some(now);
                }
                self.last = Last::Twins;
            }
        }
    }

    pub(super) fn suspend(&mut self, time: Moment) {
        self.suspended_until = time;
    }

    fn twins(&self, fits: impl Fn(&Slot) -> bool) -> Vec<(Property, Twin)> {
        let slots = self.slots.iter().filter(|slot| fits(slot));
        slots.filter_map(|slot| Some((slot.property, slot.now.clone()?))).collect()
    }
}

impl Slot {
    /// Whether it has news.
    fn is_due(&self, now: Moment) -> bool {
        let Some(value) = &self.now else { return false };
        let Some((told, at)) = &self.told else { return true };
        if self.copies < FIRST_COPIES || value.observed_desired != told.observed_desired {
            return true;
        }
        match self.property.cadence() {
            Cadence::OnChange => value.reported != told.reported,
            Cadence::Calmly => now.millis_since(*at) >= CALM_MS && clearly_differ(&value.reported, &told.reported),
            Cadence::Slowly => false,
        }
    }
}
