//! The mode arbiter: events come in, an effective mode with source and reason comes out. Pure; the caller tells the time.

use serde::{Deserialize, Serialize};
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::text::Reason;

use crate::time::MonoTime;

/// What each source wants at present.
#[derive(Debug, Clone, Default)]
pub struct Arbiter {
    hold: Option<(Mode, Holder)>,
    danger: Option<Reason>,
    gateway: Option<Commanded>,
    wish: Option<(Mode, Reason)>,
}

#[derive(Debug, Clone)]
struct Commanded {
    mode: Mode,
    until: Until,
    reason: Reason,
}

/// How long a commanded mode holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Until this instant.
    At(MonoTime),
    /// Until the next command: for wires without leases.
    Replaced,
}

/// By what a person holds a mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// The control socket: `device-agent hold`.
    Operator,
    /// The override button.
    Button,
}

impl Holder {
    fn reason(self) -> Reason {
        Reason::from(match self {
            Self::Operator => "held by the operator",
            Self::Button => "held by the button",
        })
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A person holds a mode.
    Hold(Mode, Holder),
    /// The person lets go, by whatever it is held.
    HoldReleased,
    /// The device must protect itself.
    Danger(Reason),
    /// The danger has passed.
    DangerPassed,
    /// The gateway commands a mode.
    Commanded {
        /// The mode.
        mode: Mode,
        /// How long it holds.
        until: Until,
        /// Why.
        reason: Reason,
    },
    /// The gateway lets go.
    CommandReleased,
    /// The device's own policy wants a mode.
    Wish(Mode, Reason),
}

/// The gateway's hold on the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum GatewayHold {
    /// It has not commanded a mode, or has let go.
    None,
    /// Its lease goes on for so long.
    Leased {
        /// Milliseconds until it ends.
        left_ms: u64,
    },
    /// Its command holds until the next one, on a wire without leases.
    Unlimited,
    /// Its lease has ended: nothing came that renewed it.
    Ended {
        /// Milliseconds since then.
        ago_ms: u64,
    },
}

/// The effective mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The mode.
    pub mode: Mode,
    /// Who decided it.
    pub source: ModeSource,
    /// Why.
    pub reason: Reason,
}

impl Arbiter {
    /// Takes in what happened.
    pub fn apply(&mut self, event: Event) {
        match event {
            Event::Hold(mode, holder) => self.hold = Some((mode, holder)),
            Event::HoldReleased => self.hold = None,
            Event::Danger(reason) => self.danger = Some(reason),
            Event::DangerPassed => self.danger = None,
            Event::Commanded { mode, until, reason } => self.gateway = Some(Commanded { mode, until, reason }),
            Event::CommandReleased => self.gateway = None,
            Event::Wish(mode, reason) => self.wish = Some((mode, reason)),
        }
    }

    /// The mode that a person holds, if one does.
    #[must_use]
    pub fn held(&self) -> Option<Mode> {
        self.hold.map(|(mode, _)| mode)
    }

    /// The danger that the device protects itself against, if there is one.
    #[must_use]
    pub fn danger(&self) -> Option<&Reason> {
        self.danger.as_ref()
    }

    /// The gateway's hold on the device at `now`.
    #[must_use]
    pub fn gateway(&self, now: MonoTime) -> GatewayHold {
        match self.gateway.as_ref().map(|command| command.until) {
            None => GatewayHold::None,
            Some(Until::Replaced) => GatewayHold::Unlimited,
            Some(Until::At(end)) if now < end => GatewayHold::Leased { left_ms: end.millis_since(now) },
            Some(Until::At(end)) => GatewayHold::Ended { ago_ms: now.millis_since(end) },
        }
    }

    /// The effective mode at `now`: operator > safety > gateway > local > NORMAL.
    #[must_use]
    pub fn decide(&self, now: MonoTime) -> Decision {
        let decision = |mode, source, reason: &Reason| Decision { mode, source, reason: reason.clone() };
        if let Some((mode, holder)) = self.hold {
            return decision(mode, ModeSource::Operator, &holder.reason());
        }
        if let Some(reason) = &self.danger {
            return decision(Mode::Degraded, ModeSource::Safety, reason);
        }
        if let Some(command) = self.valid_command(now) {
            return decision(command.mode, ModeSource::Gateway, &command.reason);
        }
        if let Some((mode, reason)) = &self.wish {
            return decision(*mode, ModeSource::Local, reason);
        }
        decision(Mode::Normal, ModeSource::Default, &Reason::from("nothing says otherwise"))
    }

    fn valid_command(&self, now: MonoTime) -> Option<&Commanded> {
        self.gateway.as_ref().filter(|command| match command.until {
            Until::At(end) => now < end,
            Until::Replaced => true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: MonoTime = MonoTime::from_nanos(1_000);

    fn decided(arbiter: &Arbiter, at_ns: u64) -> (Mode, ModeSource) {
        let decision = arbiter.decide(START.plus_nanos(at_ns));
        (decision.mode, decision.source)
    }

    #[test]
    fn without_any_word_it_is_normal() {
        assert_eq!(decided(&Arbiter::default(), 0), (Mode::Normal, ModeSource::Default));
    }

    #[test]
    fn each_source_overrules_the_weaker_ones() {
        let mut arbiter = Arbiter::default();
        arbiter.apply(Event::Wish(Mode::Degraded, "misses".into()));
        assert_eq!(decided(&arbiter, 0), (Mode::Degraded, ModeSource::Local));
        arbiter.apply(Event::Commanded { mode: Mode::Normal, until: Until::Replaced, reason: Reason::default() });
        assert_eq!(decided(&arbiter, 0), (Mode::Normal, ModeSource::Gateway));
        arbiter.apply(Event::Danger("hot".into()));
        assert_eq!(decided(&arbiter, 0), (Mode::Degraded, ModeSource::Safety));
        arbiter.apply(Event::Hold(Mode::Normal, Holder::Operator));
        assert_eq!(decided(&arbiter, 0), (Mode::Normal, ModeSource::Operator));
        arbiter.apply(Event::HoldReleased);
        arbiter.apply(Event::DangerPassed);
        arbiter.apply(Event::CommandReleased);
        assert_eq!(decided(&arbiter, 0), (Mode::Degraded, ModeSource::Local));
    }

    #[test]
    fn a_lease_ends_by_itself_to_the_nanosecond() {
        let mut arbiter = Arbiter::default();
        let until = Until::At(START.plus_nanos(100));
        arbiter.apply(Event::Commanded { mode: Mode::Degraded, until, reason: Reason::default() });
        assert_eq!(decided(&arbiter, 99), (Mode::Degraded, ModeSource::Gateway));
        assert_eq!(decided(&arbiter, 100), (Mode::Normal, ModeSource::Default));
        assert_eq!(arbiter.gateway(START.plus_nanos(99)), GatewayHold::Leased { left_ms: 0 });
        assert_eq!(arbiter.gateway(START.plus_nanos(3_000_100)), GatewayHold::Ended { ago_ms: 3 });
        arbiter.apply(Event::CommandReleased);
        assert_eq!(arbiter.gateway(START.plus_nanos(3_000_100)), GatewayHold::None);
    }
}
