//! The declared devices, and which of their desired modes are news.
//!
//! Only a desired mode that *changed* is a wish: the same one again, after a restart of EdgeCore for example, must not undo what
//! somebody wished later at the gateway. What was desired last is kept in memory, so after a start of the controller the first
//! declaration counts.

use std::collections::{BTreeMap, BTreeSet};

use shared_proto::ids::DeviceId;

use super::desired::Desired;
use super::resource::{Declaration, Declared, ResourceId};
use crate::fleet::Wish;

/// What a desired mode that is news means for a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewWish {
    pub(crate) device: DeviceId,
    /// `None`: the policy decides again.
    pub(crate) wish: Option<Wish>,
}

/// What is declared.
#[derive(Debug, Default)]
pub(crate) struct Declarations {
    devices: BTreeMap<ResourceId, Declared>,
    /// What was said of each device that cannot be one of ours, so that it is said once.
    refused: BTreeMap<ResourceId, String>,
    /// What was declared, or taken back, since a registration began: its answer may be older than that.
    touched: Option<BTreeSet<ResourceId>>,
}

impl Declarations {
    /// The declared devices.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Declared> {
        self.devices.values()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.devices.len()
    }

    /// Whether this is one of them.
    pub(crate) fn contains(&self, id: &ResourceId) -> bool {
        self.devices.contains_key(id)
    }

    /// A registration is under way, whose answer will be the whole truth but for what is declared meanwhile.
    pub(crate) fn begin(&mut self) {
        self.touched = Some(BTreeSet::new());
    }

    /// The whole truth: what is not listed is no longer declared.
    pub(crate) fn replace(&mut self, list: Vec<Declaration>) -> Vec<NewWish> {
        let touched = self.touched.take().unwrap_or_default();
        let listed: BTreeSet<_> = list.iter().map(|declaration| id_of(declaration).clone()).collect();
        let known: Vec<_> = self.devices.keys().chain(self.refused.keys()).cloned().collect();
        let gone = known.into_iter().filter(|id| !listed.contains(id) && !touched.contains(id));
        // First those that go: another may have taken over one's device.
        let mut news: Vec<_> = gone.filter_map(|id| self.drop_out(&id)).collect();
        let fresh = list.into_iter().filter(|declaration| !touched.contains(id_of(declaration)));
        news.extend(fresh.flat_map(|declaration| self.take(declaration)));
        news
    }

    /// A device was declared, or its declaration edited.
    pub(crate) fn declare(&mut self, declaration: Declaration) -> Vec<NewWish> {
        self.touch(id_of(&declaration));
        self.take(declaration)
    }

    /// A device is no longer declared.
    pub(crate) fn remove(&mut self, id: &ResourceId) -> Option<NewWish> {
        self.touch(id);
        self.drop_out(id)
    }

    fn touch(&mut self, id: &ResourceId) {
        if let Some(touched) = &mut self.touched {
            touched.insert(id.clone());
        }
    }

    /// One wish as a rule; two when a declaration goes from one of our devices to another.
    fn take(&mut self, declaration: Declaration) -> Vec<NewWish> {
        let declared = match declaration {
            Ok(declared) => declared,
            Err(misdeclared) => return self.refuse(misdeclared.id, misdeclared.reason.to_string()),
        };
        let other = self.devices.values().find(|other| other.device == declared.device && other.id != declared.id);
        if let Some(other) = other {
            let reason = format!("{} is declared as {} already", declared.device, other.id);
            return self.refuse(declared.id, reason);
        }
        self.refused.remove(&declared.id);
        let before = self.devices.insert(declared.id.clone(), declared.clone());
        let (seen, left) = match before {
            Some(before) if before.device == declared.device => (before.desired, None),
            before => (Desired::Auto, before.and_then(end)),
        };
        if let (Desired::Unknown(text), true) = (&declared.desired, seen != declared.desired) {
            tracing::warn!(device = %declared.id, desired = %text, "desired mode unknown, nothing changes");
        }
        left.into_iter().chain(change(&seen, &declared.desired, declared.device)).collect()
    }

    fn drop_out(&mut self, id: &ResourceId) -> Option<NewWish> {
        self.refused.remove(id);
        self.devices.remove(id).and_then(end)
    }

    /// What cannot be one of ours is told once, and is no longer one of ours if it was.
    fn refuse(&mut self, id: ResourceId, reason: String) -> Vec<NewWish> {
        let gone = self.devices.remove(&id).and_then(end);
        if self.refused.get(&id) != Some(&reason) {
            tracing::error!(device = %id, reason, "declared device ignored");
            self.refused.insert(id, reason);
        }
        gone.into_iter().collect()
    }
}

fn id_of(declaration: &Declaration) -> &ResourceId {
    match declaration {
        Ok(declared) => &declared.id,
        Err(misdeclared) => &misdeclared.id,
    }
}

/// What the end of a declaration means: as if nothing were desired any more.
fn end(gone: Declared) -> Option<NewWish> {
    change(&gone.desired, &Desired::Auto, gone.device)
}

/// The wish in a desired mode that is another than before.
fn change(before: &Desired, now: &Desired, device: DeviceId) -> Option<NewWish> {
    if before == now {
        return None;
    }
    now.wish().map(|wish| NewWish { device, wish })
}

#[cfg(test)]
mod tests;
