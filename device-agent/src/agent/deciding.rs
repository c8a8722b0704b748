//! How a decision comes about and takes effect.

use shared_proto::mode::ModeSource;
use shared_proto::text::Reason;
use shared_proto::wire::SetMode;

use super::{Agent, Autonomy, Order};
use crate::mode::{Decision, Event};
use crate::time::MonoTime;

impl<T: Copy + PartialEq> Agent<T> {
    /// Lets the arbiter decide, and orders what follows from it.
    pub(super) fn decide(&mut self, now: MonoTime) {
        let decision = self.arbiter.decide(now);
        self.leave_wish(&decision);
        let decided = self.decided();
        if decision == *decided {
            return;
        }
        if decision.mode == decided.mode {
            // Another voice for the same mode: nothing for the real-time thread to do.
            match &mut self.switching {
                Some((_, decided)) => *decided = decision,
                None => self.take_effect(decision),
            }
            return;
        }
        self.changes += 1;
        let order = Order { mode: decision.mode, change: self.changes };
        self.switching = Some((order, decision));
        self.order = Some(order);
    }

    /// When whoever is stronger lets go, or its lease ends, the device goes on as it is; its policy takes over from there.
    pub(super) fn leave_wish(&mut self, decision: &Decision) {
        let left = match decision.source {
            ModeSource::Operator => "as the operator left it",
            ModeSource::Safety => "as the safety guard left it",
            // Unless it lets go before, this is what will have come of it.
            ModeSource::Gateway => "the gateway's lease ended",
            ModeSource::Local | ModeSource::Default => return,
        };
        if self.setup.autonomy == Autonomy::Policy {
            self.arbiter.apply(Event::Wish(decision.mode, left.into()));
        }
    }

    /// The gateway lets go before its lease ends: said so, instead of [`Self::leave_wish`]'s reason.
    pub(super) fn let_go(&mut self) {
        let decided = self.decided();
        if decided.source == ModeSource::Gateway && self.setup.autonomy == Autonomy::Policy {
            let wish = Event::Wish(decided.mode, "the gateway let go".into());
            self.arbiter.apply(wish);
        }
        self.arbiter.apply(Event::CommandReleased);
    }

    /// Why a policy's command for another mode comes too soon, if it does. Commands are late by as much as the network is, and
    /// leases change hands: only here is it known what the last change was, so here no two by policy come within one dwell,
    /// whoever decided them. A person's command names no report and is always obeyed.
    pub(super) fn too_soon(&self, command: &SetMode, now: MonoTime) -> Option<Reason> {
        let policy_changed = self.effective_since > self.started
            && matches!(self.effective.source, ModeSource::Gateway | ModeSource::Local)
            && self.setup.autonomy == Autonomy::Policy;
        let asks_for_change = command.cause.is_some()
            && command.lease_ms.millis().is_some()
            && command.mode != self.effective.mode
            && self.switching.is_none();
        let (age_ms, dwell_ms) = (self.mode_age_ms(now), self.setup.policy.dwell_ms);
        let too_soon = policy_changed && asks_for_change && age_ms < u64::from(dwell_ms);
        too_soon
            .then(|| Reason::of(format_args!("too soon: {age_ms} ms after the last change, dwell_ms is {dwell_ms}")))
    }

    /// The latest decision, in effect or on its way.
    pub(super) fn decided(&self) -> &Decision {
        self.switching.as_ref().map_or(&self.effective, |(_, decision)| decision)
    }

    pub(super) fn take_effect(&mut self, decision: Decision) {
        self.policy.adopt(&self.setup.policy, decision.mode);
        self.status_is_news |= decision != self.effective;
        self.effective = decision;
    }
}
